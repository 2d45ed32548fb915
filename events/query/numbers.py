"""What counts as a number: what JSON has as one, and text that could stand in JSON as one."""

import math
import re
from dataclasses import dataclass

PATTERN = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?"  # RE2 and Python read it alike
EXACT_BELOW = 2**53  # whole numbers from here on aren't all floats

_NUMBER = re.compile(PATTERN, re.ASCII)
_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Number:
    """A number: rounded to a float, and its digits where it is whole and a float does not hold it exactly."""

    value: float
    digits: str | None = None


def number_in(text: str) -> Number | None:
    """Return the number that a text is; None when it is none, or too large for a float."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    if not math.isfinite(value):
        return None
    return Number(value, text if abs(value) >= EXACT_BELOW and _WHOLE.fullmatch(text) else None)


def number_of(value: float) -> Number | None:
    """Return a number of JSON, which may know its text (see exact_numbers); None when it is too large for a float."""
    return number_in(str(value) if not isinstance(value, float) or hasattr(value, "text") else repr(value))
