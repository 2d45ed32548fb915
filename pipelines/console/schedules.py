"""Timer schedules in words."""

from collections.abc import Mapping
from typing import Any


def schedule(parameters: Mapping[str, Any]) -> str:
    """Describe a timer's schedule from its trigger's parameters."""
    [(kind, value)] = parameters.items()
    match kind:
        case "oneshot":
            return f"once, {value}"
        case "periodic":
            return f"every {_period(value)}"
        case "hourly":
            return f"every hour at {_clock(value, 'minute', 'second')} past"
        case "daily":
            return f"every day at {_clock(value, 'hour', 'minute', 'second')} UTC"
        case "weekly":
            return f"every {value['day'].capitalize()} at {_clock(value, 'hour', 'minute', 'second')} UTC"
    return f"{value['expression']}, {value.get('time_zone', 'UTC')}"


def _period(seconds: int) -> str:
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def _clock(value: Mapping[str, int], *units: str) -> str:
    return ":".join(f"{int(value.get(unit, 0)):02}" for unit in units)
