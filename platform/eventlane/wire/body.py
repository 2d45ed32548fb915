"""Read and inflate a request's body, with a limit in bytes that no encoding can get around."""

from collections.abc import Callable, Mapping
from typing import Any

from eventlane.wire.inflate import NotInflatable, inflate

HOLD = "eventlane.hold"  # in the WSGI environment: reserves room for more bytes of the body, or raises ApiError
NO_ENCODING = ("", "identity", "undefined")
MOST_ENCODINGS = 2
DRAIN_FACTOR = 4  # a body that is too large is read up to this many times the limit, so that its sender sees the reply


class BadBody(ValueError):
    """The body can't be read: it is too large, or doesn't match its Content-Encoding."""


class BodyTooLarge(BadBody):
    """The body has more bytes than allowed, before or after decompression."""


def read_body(environ: Mapping[str, Any], max_bytes: int) -> bytes:
    """Return the body, decoded according to its Content-Encoding, at most `max_bytes` before and after.

    Reads the WSGI stream itself: Django takes a chunked body, which has no Content-Length, for an empty one. Raises
    BadBody, and whatever HOLD of the environment raises.
    """
    stream = environ["wsgi.input"]
    body: bytes = stream.read(max_bytes + 1)
    if len(body) > max_bytes:
        stream.read((DRAIN_FACTOR - 1) * max_bytes)
        raise BodyTooLarge(f"body larger than {max_bytes} bytes")
    return decode_body(body, environ.get("HTTP_CONTENT_ENCODING", ""), max_bytes, environ.get(HOLD, lambda count: None))


def decode_body(body: bytes, content_encoding: str, max_bytes: int, hold: Callable[[int], None]) -> bytes:
    """Return a body decoded according to its Content-Encoding, a list of at most MOST_ENCODINGS, at most `max_bytes`.

    `hold` reserves room for the decoded bytes, piece by piece. Raises BadBody, and whatever `hold` raises.
    """
    encodings = [name for part in content_encoding.lower().split(",") if (name := part.strip()) not in NO_ENCODING]
    if len(encodings) > MOST_ENCODINGS:
        raise BadBody(f"more than {MOST_ENCODINGS} encodings, one in the other")
    for encoding in reversed(encodings):  # they are listed in the order in which they were applied
        body = _decode(body, encoding, max_bytes, hold)
    return body


def _decode(body: bytes, encoding: str, max_bytes: int, hold: Callable[[int], None]) -> bytes:
    try:
        inflated = inflate(encoding, body, max_bytes, hold)
    except NotInflatable as error:
        raise BadBody(str(error)) from None
    if len(inflated) > max_bytes:
        raise BodyTooLarge(f"body larger than {max_bytes} bytes once decompressed")
    return inflated
