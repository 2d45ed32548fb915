"""Durations as people type them: 30s, 15m, 1h, 90d, 2w."""

import re
from datetime import timedelta

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"([0-9]+)([smhdw])", re.ASCII)


class InvalidDuration(ValueError):
    """A text isn't a duration."""


def parse_duration(text: str) -> timedelta:
    """Return the duration in `text`; raise InvalidDuration unless it is a whole number and a unit."""
    match = _DURATION.fullmatch(text)
    try:
        if match:
            return timedelta(**{UNITS[match[2]]: int(match[1])})
    except OverflowError:
        raise InvalidDuration(f"{text!r} is too long for a duration") from None
    raise InvalidDuration(f"{text!r} is not a duration; write a whole number and s, m, h, d or w, like 90d or 15m")
