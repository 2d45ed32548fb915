"""Parse the body of a delivery, whatever its Content-Type claims."""

import json
from typing import Any
from urllib.parse import parse_qs

from eventlane import exact_numbers
from eventlane.wire.errors import MalformedRequestBody
from eventlane.wire.values import Hold, take_room_for_values
from pipelines.resources.shapes import MAX_DEPTH

FORM = b"payload="  # another content type of GitHub's, and of others: the JSON as a form field
MOST_FIELDS = 100


def read_payload(body: bytes, hold_values: Hold) -> Any:
    """Return the JSON of a body, or of the field `payload` of a form; any other text as it is.

    An empty body is an empty object. Raises MalformedRequestBody if the body isn't text, or is JSON except for NaN or
    Infinity in it, and whatever `hold_values` raises.
    """
    try:
        text = _form_payload(body) if body.startswith(FORM) else body.decode("utf-8-sig")
    except ValueError as error:  # includes UnicodeDecodeError
        raise MalformedRequestBody(f"not valid text: {error}") from None
    if not text.strip():
        return {}
    take_room_for_values(text.encode(), hold_values)
    try:
        value = _read_json(text)
    except ValueError:
        return text
    except RecursionError:
        raise MalformedRequestBody("the JSON is nested too deeply") from None
    _check_depth(value)
    return value


def as_object(value: Any) -> dict[str, Any]:
    """Return an object as it is, anything else as the member `body` of an object."""
    return value if isinstance(value, dict) else {"body": value}


def _check_depth(value: Any) -> None:
    """Refuse what can be read but not written again: later requests have less of the stack left."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        members = (one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list))
        level = [one for some in members for one in some if isinstance(one, dict | list)]
        if not level:
            return
    raise MalformedRequestBody(f"the JSON is nested deeper than {MAX_DEPTH} levels")


def _form_payload(body: bytes) -> str:
    fields = parse_qs(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    return fields["payload"][0]


def _read_json(text: str) -> Any:
    try:
        return exact_numbers.decode(text)
    except ValueError:  # it refuses half of a surrogate pair, and numbers too large for a float
        pass
    constants: list[str] = []
    value = json.loads(text, parse_constant=constants.append, parse_float=exact_numbers.exact)
    if constants:
        raise MalformedRequestBody(f"not valid JSON: it has no {constants[0]}")
    return value
