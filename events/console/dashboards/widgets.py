"""What a widget of a dashboard shows: its query is asked in the dashboard's time frame, and the answer drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import time_ns
from typing import Any

from django.urls import reverse

from eventlane.wire.errors import ApiError, InvalidRequestBody, UnknownObject
from eventlane.zone_choice import zone_name
from events.access import find_datasets
from events.console.dashboards.frame import Frame
from events.console.explore.bars import stack
from events.console.explore.groups import (
    MAX_LINES,
    GroupRow,
    draw_lines,
    group_rows,
    headings,
    is_number,
    others_row,
    short_text,
    shown_value,
)
from events.console.explore.lines import event_line
from events.console.explore.question import Question
from events.console.explore.terms import open_to_more
from events.console.saved import groups_of, left_out, search_of, time_of
from events.dashboards import BAR, EVENTS, STATISTIC, TABLE, TIMESERIES
from events.lake.slots import TooManyQueries, slots
from events.query.answer import Answer
from events.query.body import MAX_ROWS, read_query
from events.query.model import SELECTING, All, Query
from events.query.run import ask
from events.query.saved import saved_body
from events.query.units import is_in_milliseconds
from projects.models import Project

COUNT = {"op": "count"}
SHOWN_EVENTS = 50
Shown = dict[str, Any]


class NoSuchQuery(ApiError):
    """The project has no saved query of the name."""

    status, code = 404, "unknown_resource"


def show_widget(project: Project, widget: Mapping[str, Any], frame: Frame, owner: str) -> Shown:
    """Return what the template of a panel shows; a widget that can't be answered says why."""
    shown: Shown = {"title": title_of(widget), "kind": widget["type"]}
    try:
        body = _fitted(_asked(project, widget["query"], frame), widget["type"])
        query = _read(body, widget["type"])
        datasets = find_datasets(project, query.datasets)
        question = _question(body, frame, datasets[0].pk, _is_by_level(query, widget["type"]))
        shown |= {"explore_address": question.address(), "left_out": ", ".join(left_out(body))}
        answer = slots.run(lambda lake: ask(lake, datasets, query), owner)
    except TooManyQueries as error:
        return shown | {"problem": error.message, "retry_seconds": error.headers["Retry-After"]}
    except ApiError as error:
        return shown | {"problem": _sentence(error), "again_seconds": error.headers.get("Retry-After")}
    found = DRAWN[widget["type"]](answer, question)
    statistics = answer.statistics
    return shown | found | {"partial": statistics.partial, "warnings": dict.fromkeys(statistics.warnings)}


def title_of(widget: Mapping[str, Any]) -> str:
    """Return a widget's title: its own, or what it asks for."""
    query = widget["query"]
    if title := widget.get("title"):
        return str(title)
    if isinstance(query, str):
        return query
    first = next(iter(query.get("calculations") or ()), None)
    if first is None:
        return query.get("q") or "Events"
    path = first.get("path")
    return str(first.get("alias") or (first["op"] if path is None else f"{first['op']}({path})"))


# The question


def _asked(project: Project, query: str | Mapping[str, Any], frame: Frame) -> Shown:
    """Return the body of a saved query or of an own one, in the time frame; raise ApiError."""
    if not isinstance(query, str):
        return {**query, **frame.members}
    try:
        return saved_body(project, query, frame.members)
    except UnknownObject:
        raise NoSuchQuery(f"The project has no saved query {query!r}.") from None


def _fitted(body: Shown, kind: str) -> Shown:
    """Return the body as the kind of widget can show it. Events that a saved query finds are counted by the others."""
    calculations = body.get("calculations") or [COUNT]
    selecting = {name: body[name] for name in SELECTING if name in body}
    match kind:
        case "events" if body.get("calculations"):
            return selecting | {"limit": SHOWN_EVENTS}
        case "events":
            return {"limit": SHOWN_EVENTS} | {
                name: body[name] for name in body if name not in ("others", "granularity")
            }
        case "statistic":
            return selecting | {"calculations": calculations, "granularity": body.get("granularity", "auto")}
        case "timeseries":
            return body | {"calculations": calculations, "granularity": body.get("granularity", "auto")}
    return {name: body[name] for name in body if name != "granularity"} | {"calculations": calculations}


def _read(body: Shown, kind: str) -> Query:
    """Return the query, in the chosen zone unless it has one.

    A granularity that doesn't suit the time frame gives way to one that does.
    """
    now_us = time_ns() // 1000
    body = body | ({"time_zone": zone_name()} if body.get("time_zone", "UTC") == "UTC" else {})
    try:
        query = read_query(body, now_us=now_us)
    except InvalidRequestBody as error:
        if {one["pointer"] for one in error.data["jsv_errors"]} != {"/granularity"}:
            raise
        query = read_query(body | {"granularity": "auto"}, now_us=now_us)
    if _is_by_level(query, kind):
        return replace(query, limit=MAX_ROWS)
    return replace(query, limit=min(query.limit, MAX_LINES)) if kind == TIMESERIES else query


def _is_by_level(query: Query, kind: str) -> bool:
    """Whether it is the chart that Explore shows of events."""
    [first, *others] = query.calculations or [None]
    counts = first is not None and (first.op, first.path) == ("count", None) and not others
    return kind == TIMESERIES and counts and query.group_by == ("level",) and query.having == All(())


def _question(body: Shown, frame: Frame, dataset_id: str, is_by_level: bool) -> Question:
    """Return what Explore asks for the same, as far as its form goes."""
    times = {"from_time": frame.from_time, "to_time": frame.to_time, "time": time_of(body)}
    question = Question(dataset_id, search_of(body), page=reverse("console-explore"), **times)
    return question if is_by_level else replace(question, **(groups_of(body) or {}))


def _sentence(error: ApiError) -> str:
    """Return why there is no answer; of an invalid query, with the places in it."""
    if not isinstance(error, InvalidRequestBody):
        return error.message
    return "; ".join(f"{one['pointer'][1:]}: {one['reason']}" for one in error.data["jsv_errors"])


# The answer


@dataclass(frozen=True, slots=True)
class Share:
    """A group as a bar; `percent` of the longest one."""

    row: GroupRow
    text: str
    percent: str


def _timeseries(answer: Answer, question: Question) -> Shown:
    if not answer.rows or not answer.statistics.events_scanned:
        return {}
    open_q = open_to_more(question.q)
    if _is_by_level(answer.query, TIMESERIES):
        return {"chart": stack(answer, question, open_q)}
    return {
        "line_chart": draw_lines(answer, question, every_calculation=True),
        "groups": group_rows(answer, question, open_q) if answer.query.group_by else [],
    }


def _bar(answer: Answer, question: Question) -> Shown:
    rows = group_rows(answer, question, open_to_more(question.q))
    values = [row[len(answer.query.group_by)] for row in answer.rows]
    longest = max((abs(value) for value in values if is_number(value)), default=0) or 1
    percents = [100 * abs(value) / longest if is_number(value) else 0 for value in values]
    title = answer.query.calculations[0].name
    return {"bars": [
        Share(row, ", ".join(cell.text for cell in row.groups) or title, f"{percent:.1f}")
        for row, percent in zip(rows, percents, strict=True)
    ]}  # fmt: skip


def _table(answer: Answer, question: Question) -> Shown:
    columns = [replace(one, address="", sorted="") for one in headings(answer, question)]
    rows = [replace(row, line=None) for row in group_rows(answer, question, open_to_more(question.q))]
    return {"headings": columns, "groups": rows, "others": others_row(answer)}


def _statistic(answer: Answer, question: Question) -> Shown:
    [value, *_] = answer.rows[0] if answer.rows else [None]
    shown = shown_value(value, answer.query.calculations[0])
    text = shown.text if is_in_milliseconds(answer.query.calculations[0]) else short_text(_rounded(value))
    return {"value": text, "exact": shown.exact or shown.text, "line_chart": draw_lines(answer, question)}


def _rounded(value: Any) -> Any:
    """Return a number without digits that a glance has no use for."""
    if not isinstance(value, float) or not is_number(value):
        return value
    return round(value) if abs(value) >= 1000 else float(f"{value:.4g}")


def _events(answer: Answer, question: Question) -> Shown:
    return {"lines": [event_line(row, question, name) for name, row in answer.events]}


DRAWN: dict[str, Callable[[Answer, Question], Shown]] = {
    TIMESERIES: _timeseries,
    BAR: _bar,
    TABLE: _table,
    STATISTIC: _statistic,
    EVENTS: _events,
}
