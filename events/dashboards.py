"""Dashboards: the resources of type `dashboard` (docs/dashboards.md), widgets in a grid with one time frame for all."""

from collections.abc import Mapping
from time import time_ns
from typing import Any

from eventlane.wire.errors import Problem
from events.query.saved import FRAME, query_data, told
from pipelines.resources.shapes import (
    Shape,
    array,
    choice,
    describe,
    name_text,
    optional,
    plain_object,
    record,
    refuse,
    required,
    text,
    whole_number,
)

TIMESERIES, BAR, TABLE, STATISTIC, EVENTS = "timeseries", "bar", "table", "statistic", "events"
WIDGETS = (TIMESERIES, BAR, TABLE, STATISTIC, EVENTS)
MAX_WIDGETS, MAX_COLUMNS, MAX_HEIGHT = 50, 12, 12
LEAST_REFRESH = 5  # seconds


def query_problems(body: Mapping[str, Any], pointer: str) -> list[Problem]:
    """Return every problem of the body of a query that stands at the pointer."""
    # Not at the top: every process has these shapes, and few need what reading queries brings, like Arrow.
    from events.query import body as reader

    found = reader.query_problems(body, now_us=time_ns() // 1000)
    return [Problem(pointer + one.pointer, one.reason) for one in found]


def widget_query(value: Any, pointer: str, problems: list[Problem]) -> str | dict[str, Any] | None:
    """Accept the name of a saved query, or a query without a time frame; that one is kept as short as it is."""
    if isinstance(value, str):
        name: str | None = name_text(value, pointer, problems)
        return name
    if not isinstance(value, dict):
        return refuse(problems, pointer, "must be the name of a saved query, or a query")
    for member in FRAME:
        if value.get(member) is not None:
            refuse(problems, f"{pointer}/{member}", "all widgets have the time frame of the dashboard")
    kept: dict[str, Any] = plain_object(value, pointer, problems) or {}
    query_data({name: one for name, one in kept.items() if name not in FRAME}, pointer, problems)
    return kept


describe(widget_query, "name of a saved query, or object")


def refresh(value: Any, pointer: str, problems: list[Problem]) -> str | None:
    """Accept a length of time, like 30s."""
    from events.query.times import SECOND, InvalidTime, read_duration

    try:
        if read_duration(value) < LEAST_REFRESH * SECOND:
            return refuse(problems, pointer, f"must be at least {LEAST_REFRESH}s")
    except InvalidTime as error:
        return refuse(problems, pointer, str(error))
    return str(value)


describe(refresh, "length of time")


def _fits(given: Mapping[str, Any], pointer: str, problems: list[Problem]) -> None:
    """Refuse a query of its own that the widget has no way to show."""
    kind, query = given.get("type"), given.get("query")
    if not isinstance(query, Mapping) or kind not in WIDGETS:
        return
    if kind == EVENTS and query.get("calculations"):
        refuse(problems, f"{pointer}/query/calculations", "a widget that shows events has no calculations")
    if kind != EVENTS and not query.get("calculations"):
        refuse(problems, f"{pointer}/query", f"a {kind} needs calculations, like count")
    if kind == STATISTIC and query.get("group_by"):
        refuse(problems, f"{pointer}/query/group_by", "a statistic is a single value, so it has no groups")


widget: Shape = record(
    {
        "title": optional(text(most=100)),
        "type": required(choice(*WIDGETS)),
        "query": required(widget_query),
        "width": optional(whole_number(1, MAX_COLUMNS), 1),
        "height": optional(whole_number(1, MAX_HEIGHT), 2),
    },
    _fits,
)


def _frame(given: Mapping[str, Any], pointer: str, problems: list[Problem]) -> None:
    """Check the time frame as a query does."""
    frame = {member: given[member] for member in FRAME if member in given}
    problems += query_problems({"datasets": ["any"], **frame}, pointer)


def _widths(given: Mapping[str, Any], pointer: str, problems: list[Problem]) -> None:
    """Refuse a widget that is wider than the grid."""
    columns, widgets = given.get("columns", DEFAULT_COLUMNS), given.get("widgets")
    if not isinstance(columns, int | float) or not isinstance(widgets, list):
        return
    for index, one in enumerate(widgets):
        width = one.get("width") if isinstance(one, dict) else None
        if isinstance(width, int | float) and width > columns:
            refuse(problems, f"{pointer}/widgets/{index}/width", f"the grid has {columns} columns")


DEFAULT_COLUMNS = 2
dashboard_data: Shape = record(
    {
        "from": optional(told("time"), "1h"),
        "to": optional(told("time"), "now"),
        "refresh": optional(refresh),
        "columns": optional(whole_number(1, MAX_COLUMNS), DEFAULT_COLUMNS),
        "widgets": required(array(widget, least=1, most=MAX_WIDGETS)),
    },
    _frame,
    _widths,
)

MEANINGS = {
    "from": "start of the time frame of all widgets; whoever looks can choose another",
    "to": "end of the time frame",
    "refresh": f"how often the widgets ask anew, like `30s`, at least `{LEAST_REFRESH}s`; without it, when asked to",
    "columns": "columns of the grid; on a phone there are two for numbers, one for the rest",
    "widgets": "what it shows, in rows from left to right",
    "widgets.title": "title; by default the name of the saved query, or of the first calculation",
    "widgets.type": "how it shows the answer, see [dashboards](../dashboards.md#widgets)",
    "widgets.query": "what it asks: a saved query by its name, or its own, as `data` of a [query](query.md) "
    "without `from` and `to`",
    "widgets.width": "width in columns",
    "widgets.height": "height in rows of the grid",
}
EXAMPLE = """\
type: dashboard
version: 1
name: shop
description: How customers fare.
data:
  from: 6h
  refresh: 30s
  columns: 4
  widgets:
    - title: Errors
      type: statistic
      height: 1
      query: {datasets: [logs], q: "level:error", calculations: [{op: count}]}
    - title: Events
      type: timeseries
      width: 3
      query: {datasets: [logs], calculations: [{op: count}], group_by: [level]}
    - type: table
      width: 2
      query: slow-services
    - title: Newest errors
      type: events
      width: 2
      query: {datasets: [logs], q: "level:error", limit: 20}
"""


def starter(dataset: str) -> dict[str, Any]:
    """Return the spec of a dashboard that suits any dataset: what comes in, from where, what fails, how slow it is."""

    def own(*calculations: Any, **others: Any) -> dict[str, Any]:
        found = {"datasets": [dataset], **others}
        return found | {"calculations": [*calculations]} if calculations else found

    count, errors = {"op": "count"}, {"q": "level:error OR level:fatal"}
    p95, services = {"op": "p95", "path": "duration"}, {"op": "count_distinct", "path": "service"}
    return {
        "type": "dashboard",
        "version": 1,
        "name": dataset,
        "description": f"What happens in {dataset}.",
        "data": {
            "from": "6h",
            "refresh": "1m",
            "columns": 4,
            "widgets": [
                {"title": "Events", "type": STATISTIC, "height": 1, "query": own(count)},
                {"title": "Errors", "type": STATISTIC, "height": 1, "query": own(count, **errors)},
                {"title": "Services", "type": STATISTIC, "height": 1, "query": own(services)},
                {"title": "Duration, 95 % are faster", "type": STATISTIC, "height": 1, "query": own(p95)},
                {"title": "Events by level", "type": TIMESERIES, "width": 4, "query": own(count, group_by=["level"])},
                {"title": "Events by service", "type": BAR, "width": 2, "query": own(count, group_by=["service"])},
                {
                    "title": "Duration by service, 95 % are faster",
                    "type": TIMESERIES,
                    "width": 2,
                    "query": own(p95, group_by=["service"], limit=5),
                },
                {
                    "title": "Errors by message",
                    "type": TABLE,
                    "width": 2,
                    "query": own(count, group_by=["service", "message"], **errors),
                },
                {"title": "Newest errors", "type": EVENTS, "width": 2, "query": own(limit=50, **errors)},
            ],
        },
    }
