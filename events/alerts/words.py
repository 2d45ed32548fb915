"""What is said of alerts to people: on pages, in the terminal and in messages."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from eventlane.one_line import one_line
from eventlane.times import format_time
from events.alerts.evaluate import Condition, is_cut
from events.alerts.links import alert_path, public_link
from events.models import Alert, AlertChange, AlertState
from events.query.model import Calculation
from events.query.units import duration_text, is_in_milliseconds
from pipelines.following import visible
from pipelines.models import Resource

LONGEST_TITLE = 300


def state_text(alert: Alert) -> str:
    """Return the state of an alert in words."""
    return AlertState(alert.state).label.lower()


def condition_text(condition: Condition, alert: Resource) -> str:
    """Return a condition of an alert in one line, like `service web: 12` or `service web: p95(duration) 1.5 s`."""
    name = condition_name(condition)
    if condition["kind"] != AlertState.FIRING or is_cut(condition):
        return name
    one, value = _compared(alert), value_text(condition["value"], alert)
    told = f"{one.name} {value}" if one and (one.op != "count" or not name) else value
    return f"{name}: {told}" if name else told


def condition_name(condition: Condition) -> str:
    """Return which condition it is, without its value; empty if there are no groups."""
    match condition["kind"]:
        case AlertState.NO_DATA:
            return "no data"
        case AlertState.ERROR:
            return f"error: {visible(condition['text'])}"
        case _ if is_cut(condition):
            return str(condition["text"])
        case _:
            return ", ".join(f"{visible(path)} {plain(value)}" for path, value in condition["group"].items())


def shown(conditions: Iterable[Condition]) -> list[Condition]:
    """Return conditions as programs see them."""
    return [{name: one[name] for name in one if name != "told"} for one in conditions]


def title(change: AlertChange) -> str:
    """Return what happened in one line, like `FIRING: many-errors, service api: 12 and 2 more`."""
    what = change.text if change.kind == AlertChange.Kind.TEST else _first(change)
    about = f"{_headline(change)}: {change.alert.resource.name}"
    text = one_line(f"{about}, {what}" if what else about, LONGEST_TITLE + 1)
    return text if len(text) <= LONGEST_TITLE else f"{text[: LONGEST_TITLE - 1]}…"


def lines(change: AlertChange) -> list[str]:
    """Return a line for each condition; of those that ended, without the value that they had."""
    if change.kind == AlertChange.Kind.ENDED:
        return [_ended_line(one) for one in change.conditions]
    return [condition_text(one, change.alert.resource) for one in change.conditions]


def _headline(change: AlertChange) -> str:
    match change.kind:
        case AlertChange.Kind.BEGAN:
            return _kind(change.conditions)
        case AlertChange.Kind.REMINDER:
            return f"STILL {_kind(change.conditions)}"
        case AlertChange.Kind.ENDED if change.state == AlertState.OK:
            return "OK"
        case kind:
            return kind.upper()


def _kind(conditions: Sequence[Condition]) -> str:
    return AlertState(conditions[0]["kind"]).label.upper()


def _first(change: AlertChange) -> str:
    condition, *more = change.conditions
    if change.kind == AlertChange.Kind.ENDED:
        first = _end_of(condition)
    elif condition["kind"] == AlertState.NO_DATA:
        return ""
    else:
        first = lines(change)[0].removeprefix("error: ")
    if not first or is_cut(condition):
        return first
    return f"{first}{f' and {len(more):,} more' if more else ''}"


def _end_of(condition: Condition) -> str:
    """Return what is well again; empty if there are no groups."""
    match condition["kind"]:
        case AlertState.NO_DATA:
            return "there is data again"
        case AlertState.ERROR:
            return "it can be evaluated again"
        case _ if is_cut(condition):
            return "all groups are listed again"
    name = condition_name(condition)
    return f"no more {name}" if name else ""


def _ended_line(condition: Condition) -> str:
    if condition["kind"] == AlertState.ERROR:
        return f"the error was: {visible(condition['text'])}"  # below "OK", it mustn't read as if it lasted
    return condition_name(condition)


def payload(change: AlertChange) -> dict[str, Any]:
    """Return what a message says, for programs, and in words as `title` and `lines`."""
    resource = change.alert.resource
    return {
        "alert": {"id": resource.pk, "name": resource.name, "project": resource.project.name},
        "kind": change.kind,
        "state": change.state,
        "time": format_time(change.time),
        "title": title(change),
        "description": resource.spec.get("description", ""),
        "threshold": resource.data.get("threshold"),
        "conditions": shown(change.conditions),
        "lines": lines(change),
        "link": public_link(change.link),
        "alert_link": public_link(alert_path(resource)),
    }


def _compared(alert: Resource) -> Calculation | None:
    """Return the calculation that an alert compares; of a saved query, it isn't known here."""
    query, chosen = alert.data["query"], alert.data.get("calculation")
    found = [] if isinstance(query, str) else [_calculation(**one) for one in query["calculations"]]
    return next((one for one in found if chosen in (None, one.name)), None)


def _calculation(op: str, path: str | None = None, alias: str | None = None) -> Calculation:
    return Calculation(op.lower(), path, alias or (op if path is None else f"{op}({path})"))


def value_text(value: Any, alert: Resource) -> str:
    """Return a value that an alert compares in one line, rounded, and with a unit where that is known."""
    one = _compared(alert)
    if one and is_in_milliseconds(one) and isinstance(value, int | float):
        return duration_text(value)
    if not isinstance(value, float):
        return plain(value)
    return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"


def plain(value: Any) -> str:
    """Return a value of JSON in one line; text without quotation marks, and what isn't there as a dash."""
    if value is None:
        return "–"
    return visible(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
