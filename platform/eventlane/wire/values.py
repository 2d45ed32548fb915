"""Estimate how many objects a JSON text would become, before parsing it."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings

from eventlane.wire.errors import RequestTooLarge

HOLD_VALUES = "eventlane.hold_values"  # in the WSGI environment: reserves room for more values, or raises ApiError
FEW_VALUES = 1000  # in all threads at once they take some megabytes, and need no room

Hold = Callable[[int], None]

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def hold_of(environ: Mapping[str, Any]) -> Hold:
    """Return a function that reserves room for the values of a request's body."""
    hold: Hold = environ.get(HOLD_VALUES, lambda count: None)
    return hold


def take_room_for_values(body: bytes, hold: Hold) -> None:
    """Reserve room for the values of a JSON text; raise RequestTooLarge for more than EVENTLANE_MAX_REQUEST_VALUES."""
    most = settings.EVENTLANE_MAX_REQUEST_VALUES
    count = values_of(body)
    if count > most:
        raise RequestTooLarge(f"The body has more than {most} values (EVENTLANE_MAX_REQUEST_VALUES).")
    if count:
        hold(count)


def values_of(text: bytes) -> int:
    """Count the values of a JSON text by its commas and opening brackets outside strings; 0 if there are few."""
    return rough_count(_STRING.sub(b"", text)) if rough_count(text) > FEW_VALUES else 0


def rough_count(text: bytes) -> int:
    """Count commas and opening brackets: at least as many as there are values."""
    return text.count(b",") + text.count(b"[") + text.count(b"{")
