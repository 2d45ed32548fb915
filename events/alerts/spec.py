"""What the data of an alert looks like: the resources of type `alert` (docs/alerts.md)."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from time import time_ns
from typing import Any

from eventlane.wire.errors import Problem
from events.query.model import Order
from events.query.numbers import number_in
from events.query.saved import MEANINGS as QUERY_MEANINGS
from events.query.saved import MEMBERS as QUERY_MEMBERS
from events.query.times import SECOND, InvalidTime, read_duration
from pipelines.resources.added import Reference
from pipelines.resources.shapes import (
    Member,
    Shape,
    array,
    describe,
    optional,
    plain_object,
    record,
    refuse,
    required,
    text,
)

DAY = 86_400  # seconds
# What an alert leaves to its query. The rest is the alert's own: window, order and number of groups.
ASKED = ("datasets", "q", "filters", "time", "time_zone", "calculations", "group_by", "having")
COUNT = {"op": "count"}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}
_THRESHOLD = re.compile(r"\s*(>=|<=|!=|>|<|=)\s*(-?[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a value is compared with."""

    comparison: str
    limit: float

    def holds(self, value: Any) -> bool:
        """Return whether a value is a number, or text that is one, beyond the threshold."""
        if isinstance(value, str):
            number = number_in(value)
            return number is not None and COMPARISONS[self.comparison](number.value, self.limit)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and COMPARISONS[self.comparison](value, self.limit)

    def order(self, calculation: str) -> Order:
        """Return the order in which values beyond the threshold come before all others, and the worst first."""
        if self.comparison in ("=", "!="):
            return Order(calculation, self.comparison == "!=", distance_from=self.limit)
        return Order(calculation, self.comparison.startswith(">"))


def read_threshold(words: str) -> Threshold | None:
    """Return what a text like `> 5` means, or None."""
    match = _THRESHOLD.fullmatch(words)
    return Threshold(match[1], float(match[2])) if match else None


def _threshold(value: Any, pointer: str, problems: list[Problem]) -> str | None:
    if isinstance(value, str) and (match := _THRESHOLD.fullmatch(value)):
        return f"{match[1]} {match[2]}"
    return refuse(problems, pointer, f"must be one of {' '.join(COMPARISONS)} and a number, like '> 5'")


def _duration(least: str, most: str) -> Shape:
    least_us, most_us = read_duration(least), read_duration(most)

    def check(value: Any, pointer: str, problems: list[Problem]) -> str | None:
        try:
            us = read_duration(value)
        except InvalidTime as error:
            return refuse(problems, pointer, str(error))
        return value if least_us <= us <= most_us else refuse(problems, pointer, f"must be from {least} to {most}")

    return describe(check, f"length of time from {least} to {most}")


def _query(value: Any, pointer: str, problems: list[Problem]) -> str | dict[str, Any] | None:
    """Accept the name of a saved query, or a query of the alert's own."""
    # Not at the top: every process has this shape, and few need what reading queries brings, like Arrow.
    from events.query.body import query_problems

    if isinstance(value, str):
        return value if value else refuse(problems, pointer, "must not be empty")
    given = plain_object(value, pointer, problems)
    if given is None:
        return None
    for name in [name for name in given if name in QUERY_MEMBERS and name not in ASKED]:
        del given[name]
        refuse(problems, f"{pointer}/{name}", "is the alert's own: it has a window, and looks at all groups")
    asked = with_count(given)
    found = query_problems(asked, now_us=time_ns() // 1000)
    problems += [Problem(pointer + one.pointer, one.reason) for one in found]
    return {name: asked[name] for name in ASKED if name in asked} | {"time": given.get("time", "received")}


def with_count(query: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query with a calculation: one without any counts its events."""
    return dict(query) if query.get("calculations") else dict(query) | {"calculations": [COUNT]}


def _query_members() -> dict[str, Member]:
    own: dict[str, Member] = {name: QUERY_MEMBERS[name] for name in ASKED}
    return own | {"time": optional(QUERY_MEMBERS["time"].shape, "received"), "calculations": _calculations}


_calculations = optional(QUERY_MEMBERS["calculations"].shape, [COUNT])


def _compares_something(given: Mapping[str, Any], pointer: str, problems: list[Problem]) -> None:
    if "threshold" not in given and "no_data" not in given:
        refuse(problems, pointer, "one of the members 'threshold' and 'no_data' is missing")


def _compares_a_calculation(given: Mapping[str, Any], pointer: str, problems: list[Problem]) -> None:
    """Refuse the name of a calculation that the alert's own query doesn't have."""
    from events.query.body import query_problems, read_query

    query, name = given.get("query"), given.get("calculation")
    if not isinstance(query, Mapping) or not isinstance(name, str):
        return
    asked, now_us = with_count({name: query[name] for name in ASKED if name in query}), time_ns() // 1000
    if query_problems(asked, now_us=now_us):
        return  # told already
    names = [one.name for one in read_query(asked, now_us=now_us).calculations]
    if name not in names:
        refuse(problems, f"{pointer}/calculation", f"must be the name of a calculation: {', '.join(names)}")


describe(_query, "name of a saved query, or a query", _query_members())
describe(_threshold, "text like `> 5`")

MEMBERS: dict[str, Member] = {
    "query": required(_query),
    "calculation": optional(text(most=200)),
    "threshold": optional(_threshold),
    "window": optional(_duration("10s", "90d"), "5m"),
    "frequency": optional(_duration("10s", "7d"), "1m"),
    "no_data": optional(_duration("10s", "90d")),
    "channels": optional(array(text(), most=20), []),
    "remind": optional(_duration("1m", "90d")),
    "pipelines": optional(array(text(), most=20), []),
}
alert_data = record(MEMBERS, _compares_something, _compares_a_calculation)

MEANINGS = {
    "query": "what is asked",
    **{f"query.{name}": QUERY_MEANINGS[name] for name in ASKED},
    "query.calculations": "values of each group, like `{op: p95, path: duration}`",
    "calculation": "name of the calculation that is compared; by default, the first",
    "threshold": "the alert fires for each group whose value is so: one of `>` `>=` `<` `<=` `=` `!=`, and a number",
    "window": "how far back it looks each time",
    "frequency": "how often it is evaluated",
    "no_data": "the alert says `no data` if no event has matched for so long",
    "channels": "channels that get a message when something begins, and when it ends",
    "remind": "how often they get another message while it lasts; by default, never",
    "pipelines": "pipelines to start when it begins to fire, or has no data",
}
EXAMPLE = """\
type: alert
version: 1
name: slow-answers
description: Customers wait.
data:
  query:
    datasets: [logs]
    q: service:api
    calculations:
      - {op: p95, path: duration}
    group_by: [http.route]
  threshold: "> 200"
  window: 5m
  frequency: 1m
  no_data: 10m
  channels: [on-call]
  remind: 4h
  pipelines: [release]
"""


def references(data: Any) -> Iterator[Reference]:
    """Yield what an alert names. A saved query may be made later, by a person."""
    for kind in ("channel", "pipeline"):
        for index, name in enumerate(data.get(f"{kind}s") or ()):
            yield Reference(kind, name, f"/{kind}s/{index}")


def seconds_of(duration: str) -> int:
    """Return the seconds of a checked length of time."""
    return read_duration(duration) // SECOND
