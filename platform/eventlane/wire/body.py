"""Read a request's body, inflated, under a limit of bytes that no encoding can get around."""

from collections.abc import Callable, Mapping
from typing import Any

from eventlane.wire.inflate import NotInflatable, inflate

HOLD = "eventlane.hold"  # in the WSGI environment: takes room for so many bytes more of the body, or raises ApiError
DRAIN_FACTOR = 4  # how many times the limit is still read of a body too large, so that its sender sees the reply


class BadBody(ValueError):
    """The body can't be read: too large, or not what its Content-Encoding says."""


class BodyTooLarge(BadBody):
    """The body has more bytes than allowed, before or after decompression."""


def read_body(environ: Mapping[str, Any], max_bytes: int) -> bytes:
    """Return the body, decoded as its Content-Encoding says, at most `max_bytes` before and after.

    Reads the WSGI stream itself: Django takes a chunked body, which names no length, for an empty one. Raises BadBody,
    and what HOLD of the environment does.
    """
    stream = environ["wsgi.input"]
    body: bytes = stream.read(max_bytes + 1)
    if len(body) > max_bytes:
        stream.read((DRAIN_FACTOR - 1) * max_bytes)
        raise BodyTooLarge(f"body larger than {max_bytes} bytes")
    return decode_body(body, environ.get("HTTP_CONTENT_ENCODING", ""), max_bytes, environ.get(HOLD, lambda count: None))


def decode_body(body: bytes, content_encoding: str, max_bytes: int, hold: Callable[[int], None]) -> bytes:
    """Return a body decoded as its Content-Encoding says, at most `max_bytes`.

    `hold` takes room for the bytes that it becomes, piece by piece. Raises BadBody, and what `hold` does.
    """
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity", "undefined"):
        return body
    try:
        inflated = inflate(encoding, body, max_bytes, hold)
    except NotInflatable as error:
        raise BadBody(str(error)) from None
    if len(inflated) > max_bytes:
        raise BodyTooLarge(f"body larger than {max_bytes} bytes once decompressed")
    return inflated
