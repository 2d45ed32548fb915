"""How much memory a JSON text would take as objects, told before any is built."""

import re

from django.conf import settings

from eventlane.wire.errors import RequestTooLarge

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def refuse_many_values(body: bytes) -> None:
    """Raise RequestTooLarge for JSON of more than EVENTLANE_MAX_REQUEST_VALUES values."""
    most = settings.EVENTLANE_MAX_REQUEST_VALUES
    if has_more_values(body, most):
        raise RequestTooLarge(f"The body has more than {most} values (EVENTLANE_MAX_REQUEST_VALUES).")


def has_more_values(text: bytes, most: int) -> bool:
    """Tell whether a JSON text has more values than `most`, by its commas and opening brackets outside of strings."""
    return _count(text) > most and _count(_STRING.sub(b"", text)) > most


def _count(text: bytes) -> int:
    return text.count(b",") + text.count(b"[") + text.count(b"{")
