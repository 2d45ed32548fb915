"""Ask what an alert asks, for the window that ends at a moment."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import time_ns
from typing import TYPE_CHECKING, Any

from django.conf import settings

from eventlane.times import to_microseconds
from eventlane.wire.errors import ApiError, UnknownObject
from events.access import find_datasets
from events.alerts.spec import ASKED, Threshold, read_threshold, seconds_of, with_count
from events.models import AlertState
from events.query.saved import saved_body
from events.query.times import show_time
from pipelines.jsonb import made_to_fit
from pipelines.models import Resource

if TYPE_CHECKING:
    from events.query.answer import Answer
    from events.query.model import Query

SHOWN_COMPARED = 10
LONGEST_VALUE = 300  # characters of a group's value that are kept: some group by texts like stack traces

# kind: a state; group: values by path; cut: paths whose values are cut; value; text: of an error, or that groups are
# left out
Condition = dict[str, Any]


@dataclass(slots=True)
class Finding:
    """What was found: everything that is wrong, and the value that comes first."""

    conditions: list[Condition] = field(default_factory=list)
    value: Any = None
    is_cut: bool = False  # more groups are beyond the threshold than are told of
    complete_until: datetime | None = None
    compared: list[Condition] = field(default_factory=list)  # the first groups, as if each were beyond the threshold

    @property
    def is_error(self) -> bool:
        """Whether nothing could be found out."""
        return any(one["kind"] == AlertState.ERROR for one in self.conditions)


class InvalidAlert(ApiError):
    """The alert can't be evaluated."""

    status, code = 400, "invalid_alert"


def evaluate(alert: Resource, until: datetime, *, silence: bool = True, owner: str = "") -> Finding:
    """Return what is found in the window before `until`. What prevents an answer is a finding, too.

    Without `silence`, only the threshold counts. `owner`: in whose name it is asked, as `QuerySlots` says. Raises
    QueryCancelled, and what PostgreSQL raises when it is away.
    """
    # Not at the top: DuckDB and Arrow take 0.3 s and 60 MB that a process without alerts does without.
    from events.lake.deadline import QueryCancelled

    try:
        return (silence and _silence(alert, until, owner)) or _window(alert, until, owner)
    except QueryCancelled:
        raise
    except UnknownObject:
        return failed(f"There is no saved query {alert.data['query']}.")
    except ApiError as error:
        return failed(error.message)


def failed(text: str) -> Finding:
    """Return the finding of an evaluation that failed."""
    return Finding([{"kind": AlertState.ERROR.value, "text": text}])


def question_of(alert: Resource) -> dict[str, Any]:
    """Return the query of an alert without a time frame; raise UnknownObject, StateError."""
    query = alert.data["query"]
    if isinstance(query, str):
        saved = saved_body(alert.project, query)
        query = {name: saved[name] for name in ASKED if name in saved}
    return with_count(query)


def frame(until: datetime, seconds: int) -> dict[str, str]:
    """Return the time frame of so many seconds before a moment, as queries have it."""
    moments = {"from": until - timedelta(seconds=seconds), "to": until}
    return {name: show_time(to_microseconds(moment)) for name, moment in moments.items()}


def _silence(alert: Resource, until: datetime, owner: str) -> Finding | None:
    """Return that no data came, or that it can't be told; None if some came, or the alert doesn't ask."""
    length = alert.data.get("no_data")
    if not length:
        return None
    one = {"limit": 1, "calculations": [], "group_by": [], "having": []}
    answer = _ask(alert, _read(question_of(alert) | one | frame(until, seconds_of(length))), owner)
    if answer.events:
        return None
    silent: Condition = {"kind": AlertState.NO_DATA.value}
    return _lost(answer) or Finding([silent], complete_until=answer.statistics.complete_until)


def _window(alert: Resource, until: datetime, owner: str) -> Finding:
    """Return which groups are beyond the threshold, if the alert has one."""
    threshold = read_threshold(alert.data.get("threshold", ""))
    if threshold is None:
        return Finding()
    return _compare(alert, question_of(alert) | frame(until, seconds_of(alert.data["window"])), threshold, owner)


def _compare(alert: Resource, question: Mapping[str, Any], threshold: Threshold, owner: str) -> Finding:
    names = calculation_names(question)
    name = alert.data.get("calculation") or names[0]
    if name not in names:
        raise InvalidAlert(f"The query has no calculation {name!r}, only {', '.join(names)}.")
    most = settings.EVENTLANE_ALERT_GROUPS
    query = replace(_read(question), order_by=(threshold.order(name),), limit=most + 1, others=False)
    answer = _ask(alert, query, owner)
    place = len(query.group_by) + names.index(name)
    rows = [(dict(zip(query.group_by, row, strict=False)), row[place]) for row in made_to_fit(answer.rows)]
    beyond = [_firing(group, value) for group, value in rows if threshold.holds(value)]
    finding = Finding(beyond[:most], bounded(rows[0][1]) if rows else None, len(beyond) > most)
    finding.compared = [_firing(group, value) for group, value in rows[:SHOWN_COMPARED]]
    finding.complete_until = answer.statistics.complete_until
    if finding.is_cut:
        finding.conditions.insert(0, _cut(most))
    if lost := _lost(answer):
        finding.conditions += lost.conditions
    return finding


def _lost(answer: "Answer") -> Finding | None:
    """Return an error if events of damaged files are missing: what is found holds, what isn't may be there."""
    return failed(f"Not all events could be read: {answer.statistics.lost[0]}") if answer.statistics.lost else None


def _cut(most: int) -> Condition:
    """Return the condition that so many groups are beyond the threshold that some are left out."""
    return {"kind": AlertState.FIRING.value, "text": f"more than {most:,} groups, not all are listed"}


def is_cut(condition: Condition) -> bool:
    """Return whether a condition says that there are more groups than are listed."""
    return condition["kind"] == AlertState.FIRING and "group" not in condition


def calculation_names(question: Mapping[str, Any]) -> list[str]:
    """Return the names of the calculations of a question."""
    return [one.name for one in _read(question).calculations]


def is_silence(conditions: Sequence[Condition]) -> bool:
    """Return whether it is events that are missing."""
    return any(one["kind"] == AlertState.NO_DATA for one in conditions)


def _firing(group: dict[str, Any], value: Any) -> Condition:
    kept = {path: bounded(one) for path, one in group.items()}
    cut = [path for path in group if kept[path] != group[path]]
    return {"kind": AlertState.FIRING.value, "group": kept, "value": bounded(value)} | ({"cut": cut} if cut else {})


def bounded(value: Any) -> Any:
    """Return a value of JSON, or if it is too long, the beginning of its text and what tells it from others like it."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) <= LONGEST_VALUE:
        return value
    digest = hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:12]
    return f"{text[:LONGEST_VALUE]}… (cut; {len(text):,} characters, SHA-256 {digest}…)"


def _read(body: Mapping[str, Any]) -> "Query":
    from events.query.body import read_query

    return read_query(body, now_us=time_ns() // 1000)


def _ask(alert: Resource, query: "Query", owner: str) -> "Answer":
    from events.lake.slots import slots
    from events.query.run import ask

    datasets = find_datasets(alert.project, query.datasets)
    return slots.run(lambda lake: ask(lake, datasets, query), owner)
