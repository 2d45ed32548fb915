"""Read a request's body, inflated, under a limit of bytes that no encoding can get around."""

import zlib
from collections.abc import Mapping
from typing import Any

import zstandard

GZIP, ZLIB, RAW_DEFLATE = 31, 15, -15  # zlib's names for the three wrappings are numbers
DRAIN_FACTOR = 4  # how many times the limit is still read of a body too large, so that its sender sees the reply


class BadBody(ValueError):
    """The body can't be read: too large, or not what its Content-Encoding says."""


class BodyTooLarge(BadBody):
    """The body has more bytes than allowed, before or after decompression."""


def read_body(environ: Mapping[str, Any], max_bytes: int) -> bytes:
    """Return the body, decoded as its Content-Encoding says, at most `max_bytes` before and after.

    Reads the WSGI stream itself: Django takes a chunked body, which names no length, for an empty one.
    """
    stream = environ["wsgi.input"]
    body: bytes = stream.read(max_bytes + 1)
    if len(body) > max_bytes:
        stream.read((DRAIN_FACTOR - 1) * max_bytes)
        raise BodyTooLarge(f"body larger than {max_bytes} bytes")
    encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding in ("", "identity", "undefined"):
        return body
    inflated = _inflate(encoding, body, max_bytes + 1)
    if len(inflated) > max_bytes:
        raise BodyTooLarge(f"body larger than {max_bytes} bytes once decompressed")
    return inflated


def _inflate(encoding: str, body: bytes, most: int) -> bytes:
    """Return the first `most` bytes of what the body holds."""
    try:
        if encoding in ("gzip", "x-gzip"):
            return _gunzip(body, most)
        if encoding == "deflate":  # RFC 9110 means zlib's wrapping, some senders leave it out
            return _decompress(ZLIB if body[:1] == b"\x78" else RAW_DEFLATE, body, most)[0]
        if encoding == "zstd":
            with zstandard.ZstdDecompressor().stream_reader(body, read_across_frames=True) as reader:
                return reader.read(most)
    except (zlib.error, zstandard.ZstdError) as error:
        raise BadBody(f"body is not valid {encoding}: {error}") from None
    raise BadBody(f"Content-Encoding {encoding[:40]!a} is not supported; use gzip, deflate or zstd")


def _gunzip(body: bytes, most: int) -> bytes:
    """Inflate all members of a gzip body: some senders flush in the middle, which starts another one."""
    inflated, rest = _decompress(GZIP, body, most)
    while rest and len(inflated) < most:
        more, rest = _decompress(GZIP, rest, most - len(inflated))
        inflated += more
    return inflated


def _decompress(wrapping: int, body: bytes, most: int) -> tuple[bytes, bytes]:
    inflater = zlib.decompressobj(wrapping)
    inflated = inflater.decompress(body, most)
    if not inflater.eof and len(inflated) < most:
        raise zlib.error("it ends too early")
    return inflated, inflater.unused_data
