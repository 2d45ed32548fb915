"""Decompress a body with a limit in bytes, to the end that its compression marks, in linear time.

A body is one or more members (gzip), streams (deflate) or frames (zstd) in a row: some senders flush in the middle,
which starts another one. All of them must be complete: a body that was cut off on its way ends inside one, and half
of what was sent must not pass for all of it.
"""

import zlib
from collections.abc import Callable
from typing import Protocol

import zstandard

GZIP, ZLIB, RAW_DEFLATE = 31, 15, -15  # zlib names the three wrappings by numbers
# A finished member returns its surplus input as a copy: empty members would cost a copy of the whole rest each.
SLICE_BYTES = 64 * 1024
# zstandard inflates all of its input at once. A block of 4 bytes makes 128 KiB: at most 16 MiB over the limit.
ZSTD_SLICE_BYTES = 512
# The window that every reader of zstd on the web must support (RFC 9659); a frame may ask for gigabytes.
ZSTD_WINDOW_BYTES = 8 * 1024 * 1024
# Enough for senders that compress each event separately. An empty member costs more time than its 20 bytes justify.
MOST_MEMBERS = 10_000
PIECE_BYTES = 256 * 1024  # of inflated Brotli at a time
MOST_VARINT_BYTES = 5  # of the size that a Snappy block starts with


class NotInflatable(ValueError):
    """The body doesn't match its Content-Encoding, or is incomplete."""


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


class _ZstdInflater:
    """Reads one frame, as zlib's decompressobj reads one member. It can't stop at `max_length`, so it may give more."""

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES).decompressobj()

    @property
    def eof(self) -> bool:
        return self._frame.eof

    @property
    def unused_data(self) -> bytes:
        return self._frame.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._frame.decompress(data)


def inflate(encoding: str, body: bytes, most: int, hold: Callable[[int], None] = lambda count: None) -> bytes:
    """Return the decoded body. If it is longer than `most`, return little more than `most` bytes of it.

    `hold` is called with the size of every piece, and may raise to stop. Raises NotInflatable.
    """
    try:
        if encoding in ("gzip", "x-gzip"):
            return _inflate(lambda: zlib.decompressobj(GZIP), body, most, SLICE_BYTES, hold)
        if encoding == "deflate":  # RFC 9110 requires zlib's wrapping, but some senders leave it out
            wrapping = ZLIB if body[:1] == b"\x78" else RAW_DEFLATE
            return _inflate(lambda: zlib.decompressobj(wrapping), body, most, SLICE_BYTES, hold)
        if encoding == "zstd":
            return _inflate(_ZstdInflater, body, most, ZSTD_SLICE_BYTES, hold)
        if encoding == "br":
            return _inflate_brotli(body, most, hold)
    except (zlib.error, zstandard.ZstdError, OSError) as error:
        raise NotInflatable(f"body is not valid {encoding}: {error}") from None
    raise NotInflatable(f"Content-Encoding {encoding[:40]!a} is not supported; use gzip, deflate, zstd or br")


def inflate_snappy(body: bytes, most: int, hold: Callable[[int], None] = lambda count: None) -> bytes:
    """Return a body of Snappy's block format, in which Loki's and Prometheus's protobuf comes.

    Such a block starts with its size, so nothing larger than `most` is begun. Raises NotInflatable.
    """
    import pyarrow  # only when needed: 0.1 s

    size = shift = 0
    for byte in body[:MOST_VARINT_BYTES]:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    if size > most:
        raise NotInflatable(f"body larger than {most} bytes once decompressed")
    hold(size)
    try:
        inflated: bytes = pyarrow.Codec("snappy").decompress(body, size, asbytes=True)
    except OSError as error:
        raise NotInflatable(f"body is not valid snappy: {error}") from None
    return inflated


def _inflate(
    new_inflater: Callable[[], _Inflater], body: bytes, most: int, slice_bytes: int, hold: Callable[[int], None]
) -> bytes:
    """Inflate one member after the other, at least one."""
    pieces: list[bytes] = []
    size = position = 0
    for _ in range(MOST_MEMBERS):
        inflater = new_inflater()
        while not inflater.eof:
            data = body[position : position + slice_bytes]
            if not data:
                raise zlib.error("it ends too early")
            position += len(data)
            pieces.append(inflater.decompress(data, most + 1 - size))
            size += len(pieces[-1])
            hold(len(pieces[-1]))
            if size > most:
                return b"".join(pieces)
        position -= len(inflater.unused_data)
        if position == len(body):
            return b"".join(pieces)
    raise zlib.error(f"it has more than {MOST_MEMBERS} parts")


def _inflate_brotli(body: bytes, most: int, hold: Callable[[int], None]) -> bytes:
    """Inflate one stream of Brotli, with the library that Arrow holds anyway."""
    import pyarrow  # only when needed: 0.1 s

    if not body:
        raise OSError("it ends too early")
    stream = pyarrow.CompressedInputStream(pyarrow.BufferReader(body), "brotli")
    pieces: list[bytes] = []
    size = 0
    while size <= most and (piece := stream.read(PIECE_BYTES)):
        pieces.append(piece)
        size += len(piece)
        hold(len(piece))
    return b"".join(pieces)
