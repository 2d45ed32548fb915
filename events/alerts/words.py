"""What is said of alerts to people: on pages, in the terminal and in messages."""

import json
from typing import Any

from events.alerts.evaluate import Condition
from events.models import Alert, AlertState
from pipelines.following import visible


def state_text(alert: Alert) -> str:
    """Return the state of an alert in words."""
    return AlertState(alert.state).label.lower()


def condition_text(condition: Condition) -> str:
    """Return a condition in one line, like `service web: 12`."""
    match condition["kind"]:
        case AlertState.NO_DATA:
            return "no data"
        case AlertState.ERROR:
            return f"error: {visible(condition['text'])}"
        case _:
            group = ", ".join(f"{visible(path)} {plain(value)}" for path, value in condition["group"].items())
            return f"{group}: {plain(condition['value'])}" if group else plain(condition["value"])


def plain(value: Any) -> str:
    """Return a value of JSON in one line; text without quotation marks, and what isn't there as a dash."""
    if value is None:
        return "–"
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
