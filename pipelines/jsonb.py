"""JSON that PostgreSQL's jsonb can't store: the character U+0000, half a surrogate pair, infinite numbers."""

import json
from typing import Any

from pipelines.resources.shapes import GREATEST_NUMBER, UNSTORABLE


def made_to_fit(value: Any) -> Any:
    """Return a value with U+FFFD for each such character and null for each such number."""
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:  # an infinite number, or an integer with thousands of digits
        return _replaced(value)
    # Nearly all values contain none of these and need no closer look.
    return _replaced(value) if "\\u0000" in text or "\\ud" in text else value


def _replaced(value: Any) -> Any:
    match value:
        case str():
            return UNSTORABLE.sub("\ufffd", value)
        case dict():
            return {_replaced(name): _replaced(member) for name, member in value.items()}
        case list():
            return [_replaced(item) for item in value]
        case float() | int() if not abs(value) <= GREATEST_NUMBER:
            return None
        case _:
            return value
