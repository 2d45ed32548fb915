"""Saved queries: the resources of type `query` (docs/query.md). Their data is a query as POST /v0/query takes it."""

from collections.abc import Mapping
from copy import copy
from time import time_ns
from typing import Any

from eventlane.wire.errors import InvalidRequestBody, Problem, StateError
from pipelines.access import get_resource_by_name
from pipelines.models import Resource
from pipelines.resources.shapes import Member, Shape, anything, describe, optional, plain_object, refuse, required
from projects.models import Project

FRAME = ("from", "to")  # what can be chosen when a saved query is run


def told(words: str) -> Shape:
    """Return a shape for the reference alone: the reader of queries checks the values."""

    def shape(value: Any, pointer: str, problems: list[Problem]) -> Any:
        return anything(value, pointer, problems)

    return describe(shape, words)


_filters = told("list of filters")
MEMBERS: dict[str, Member] = {
    "datasets": required(told("list of 1 to 20 names")),
    "from": optional(told("time"), "1h"),
    "to": optional(told("time"), "now"),
    "time": optional(told("`event` or `received`"), "event"),
    "q": optional(told("text")),
    "filters": optional(_filters, []),
    "calculations": optional(told("list of calculations"), []),
    "group_by": optional(told("list of at most 5 paths"), []),
    "having": optional(_filters, []),
    "order_by": optional(told("list of objects"), []),
    "limit": optional(told("whole number from 1 to 1000")),
    "others": optional(told("`true` or `false`"), True),
    "granularity": optional(told("length of time, or `auto`")),
    "time_zone": optional(told("IANA name"), "UTC"),
}
MEANINGS = {
    "datasets": "names of the datasets",
    "from": "start of the time frame; whoever runs the query can choose another",
    "to": "end of the time frame; whoever runs the query can choose another",
    "time": "which of an event's times to use",
    "q": "a search line",
    "filters": "conditions on the events; all must hold, and `q` as well",
    "calculations": "values of each group, like `{op: p95, path: duration}`; without any, the query gives events",
    "group_by": "paths whose values make groups",
    "having": "conditions on the groups; the paths are names of calculations",
    "order_by": "the order, like `{by: count, order: desc}`; by default, the first calculation decides",
    "limit": "number of groups (default: 10) or events (default: 100)",
    "others": "whether to add a row for all other groups",
    "granularity": "length of a bucket of the series, like `5m`; without it there is no series",
    "time_zone": "determines when dates and buckets of a day or more begin",
}
EXAMPLE = """\
type: query
version: 1
name: slow-services
description: Where customers wait.
data:
  datasets: [logs]
  from: 6h
  q: level:error -service:web
  filters:
    - {path: http.status, op: ">=", value: 500}
  calculations:
    - {op: count}
    - {op: p95, path: duration, alias: slowest}
  group_by: [service]
  having:
    - {path: slowest, op: ">", value: 200}
  granularity: 5m
"""


def query_data(value: Any, pointer: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Accept the data of a saved query, and return it with all defaults filled in."""
    # Not at the top: every process has this shape, and few need what reading queries brings, like Arrow.
    from events.query.body import query_problems

    given = plain_object(value, pointer, problems)
    if given is None:
        return None
    if given.pop("before", None) is not None:
        refuse(problems, f"{pointer}/before", "a saved query has no cursor")
    problems += [Problem(pointer + one.pointer, one.reason) for one in query_problems(given, now_us=_now_us())]
    filled = {name: given.get(name, copy(member.default)) for name, member in MEMBERS.items()}
    return {name: member for name, member in filled.items() if member is not None}


describe(query_data, "object", MEMBERS)


def saved_body(project: Project, name: str, changes: Any = None) -> dict[str, Any]:
    """Return the body of a saved query with the time frame of `changes`, where that has one.

    Raises UnknownObject; InvalidRequestBody for other members of `changes`; StateError if the query is disabled.
    """
    saved = get_resource_by_name(project, Resource.Type.QUERY, name)
    if not isinstance(changes, Mapping | None):
        raise InvalidRequestBody([Problem("", "must be a JSON object")])
    given = {member: value for member, value in (changes or {}).items() if value is not None}
    if unknown := [Problem("", f"member {member[:100]!r} is unknown") for member in given if member not in FRAME]:
        raise InvalidRequestBody(unknown)
    if saved.disabled:
        raise StateError("resource_disabled", f"The query {name} is disabled.")
    return saved.data | given


def _now_us() -> int:
    return time_ns() // 1000
