"""A form as the body of a request: one record, as the HTTPHandler of Python's logging sends it."""

from urllib.parse import parse_qsl

import msgspec

from events.ingest.split import WHITESPACE, NotAnArray

MOST_FIELDS = 1000


def is_json(body: bytes) -> bool:
    """Return whether a body is meant as JSON, whatever its Content-Type says: browser clients send any."""
    return body.lstrip(WHITESPACE)[:1] in (b"[", b"{")


def record_of(body: bytes) -> bytes:
    """Return a form's fields as an object, all of them texts. Raises NotAnArray."""
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise NotAnArray("body is neither JSON nor a form") from None
    return msgspec.json.encode(dict(fields))
