"""Units of numbers, where they are certain: the column `duration` is in milliseconds."""

from eventlane import exact_numbers
from events.query.calculations import PERCENTILES
from events.query.model import Calculation

DURATION = "duration"
_KEEPING = {"sum", "avg", "stddev", "min", "max", "first", "last", *PERCENTILES}  # calculations: in their values' unit
_STEPS = ((120_000, 1000, "s"), (7_200_000, 60_000, "min"), (172_800_000, 3_600_000, "h"))  # below, divided by, unit
_DAY = 86_400_000


def is_in_milliseconds(calculation: Calculation) -> bool:
    """Tell whether a calculation's numbers are milliseconds."""
    return calculation.path == DURATION and calculation.op in _KEEPING


def duration_text(milliseconds: float) -> str:
    """Return a duration as people read it, in a suitable unit and with three digits, or more if they are whole ones."""
    size = abs(milliseconds)
    if size < 1000:
        return f"{milliseconds:.{3 if size < 1 else 4}g} ms"
    for end, divisor, unit in _STEPS:
        if size < end:
            return f"{_short(milliseconds / divisor)} {unit}"
    return f"{_short(milliseconds / _DAY)} d"


def exact_duration(milliseconds: float) -> str:
    """Return a duration with all digits."""
    return f"{digits(milliseconds)} ms"


def digits(value: float) -> str:
    """Return all digits of a number."""
    return exact_numbers.encode(value).decode().removesuffix(".0")


def _short(amount: float) -> str:
    return f"{amount:.3g}" if abs(amount) < 1000 else f"{amount:,.0f}"
