"""The events of a trace: spans as a waterfall with the logs between them, others in their order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eventlane.times import to_microseconds
from events.console.explore.bars import kind_of
from events.console.explore.columns import read_event, value_at
from events.console.explore.event import event_address, short
from events.console.explore.lines import message_of
from events.console.explore.question import Question
from events.lake.lines import visible
from events.lake.query import EventRow
from events.query.times import SECOND, InvalidTime, read_time
from events.query.units import duration_text

PARENTS = (
    *("parentSpanId", "parent_span_id", "parentId", "parent_id", "parentID", "parent.id", "span.parent_id"),
    *("span.parentId", "dd.parent_id"),
)
NAMES = ("name", "span.name", "spanName", "span_name", "operationName", "operation")
STARTS = ("startTimeUnixNano", "startTime", "start_time", "start", "span.start_time")
ENDS = ("endTimeUnixNano", "endTime", "end_time", "end", "span.end_time")
DAY = 86_400 * SECOND
WIDTH = 1000  # of a drawing
MOST_INDENTED = 10  # levels; deeper ones stand below each other


@dataclass(slots=True, eq=False)
class Entry:
    """An event of a trace, a span if it has a duration, else a log; `children` are what happened within it."""

    row: EventRow
    start_us: int
    name: str
    duration_us: int | None = None
    parent: str | None = None
    children: list["Entry"] = field(default_factory=list)

    @property
    def end_us(self) -> int:
        """When it ended; a log ends when it begins."""
        return self.start_us + (self.duration_us or 0)


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A row of the waterfall, or of the list: x and width are those of its bar in a drawing WIDTH wide."""

    kind: str
    depth: int
    name: str
    service: str
    offset: str
    duration: str
    x: float
    width: float
    is_this: bool
    address: str


@dataclass(frozen=True, slots=True)
class Rows:
    """What is shown of a trace. A waterfall needs a span."""

    rows: list[TraceRow]
    spans: int
    logs: int
    duration: str


def draw_trace(events: Sequence[EventRow], question: Question, this: str = "") -> Rows:
    """Return the rows of a trace's events; `this` is the id of the event that led there."""
    entries = sorted(map(_read, events), key=lambda one: (one.start_us, one.row.id))
    _tell_spans_from_logs(entries)
    start = min((one.start_us for one in entries), default=0)
    span = max(max((one.end_us for one in entries), default=0) - start, 1)
    spans = sum(one.duration_us is not None for one in entries)

    def row(depth: int, one: Entry) -> TraceRow:
        x = WIDTH * (one.start_us - start) / span
        width = max(WIDTH * (one.duration_us or 0) / span, 3)
        return TraceRow(
            kind=kind_of(one.row.level),
            depth=min(depth, MOST_INDENTED),
            name=one.name,
            service=short(visible(one.row.service or one.row.namespace)),
            offset=f"+{_us_text(one.start_us - start)}",
            duration="" if one.duration_us is None else _us_text(one.duration_us),
            x=round(min(x, WIDTH - 3), 1),
            width=round(min(width, WIDTH - x) if x < WIDTH - 3 else 3, 1),
            is_this=str(one.row.id) == this,
            address=event_address(one.row, question),
        )

    rows = [row(depth, one) for depth, one in _in_order(_roots(entries))]
    return Rows(rows, spans, len(entries) - spans, _us_text(span if len(entries) > 1 or spans else 0))


def _us_text(us: int) -> str:
    return duration_text(us / 1000)


# Reading


def _read(row: EventRow) -> Entry:
    event, at = read_event(row), to_microseconds(row.event_time)
    start, end = _time(event, STARTS, at), _time(event, ENDS, at)
    duration = None
    if row.span_id and row.duration is not None and 0 <= row.duration < DAY:
        duration = round(row.duration * 1000)
    elif row.span_id and start is not None and end is not None and end >= start:
        duration = end - start
    name = _first(event, NAMES)
    is_named = duration is not None and isinstance(name, str) and name
    shown = short(visible(str(name))) if is_named else message_of(row)
    parent = _first(event, PARENTS)
    return Entry(row, at if start is None else start, shown, duration, None if parent is None else str(parent))


def _first(event: Any, paths: Sequence[str]) -> Any:
    return next((found for path in paths if (found := value_at(event, path)) is not None), None)


def _time(event: Any, paths: Sequence[str], about_us: int) -> int | None:
    """Return the moment at the first of the paths; None if there is none, or one that is far from the event's own."""
    try:
        moment = read_time(_first(event, paths), now_us=about_us)
    except InvalidTime:
        return None
    return moment if abs(moment - about_us) < DAY else None


def _tell_spans_from_logs(entries: Sequence[Entry]) -> None:
    """Let one event be the span of an id, the one that knows its parent: logs in a span can have a duration, too."""
    spans: dict[str, Entry] = {}
    for one in sorted(entries, key=lambda one: one.parent is None):
        span_id = one.row.span_id
        if one.duration_us is not None and span_id is not None and spans.setdefault(span_id, one) is not one:
            one.duration_us = None


# The tree


def _roots(entries: Sequence[Entry]) -> list[Entry]:
    """Put what happened within a span below it; return the rest. Logs of no span stand below the only root."""
    spans = {str(one.row.span_id): one for one in entries if one.duration_us is not None}
    roots: list[Entry] = []
    for one in entries:
        above = spans.get(_above(one))
        (roots if above is None or _is_within(above, one, spans) else above.children).append(one)
    tops = [one for one in roots if one.duration_us is not None]
    if len(tops) == 1 and len(roots) > 1:
        [top] = tops
        inside = [one for one in roots if one is not top and top.start_us <= one.start_us <= top.end_us]
        top.children = sorted([*top.children, *inside], key=lambda one: one.start_us)
        roots = [one for one in roots if one not in inside]
    return roots


def _above(one: Entry) -> str:
    """Return the id of the span that an event belongs to: a span to its parent, a log to the one it names."""
    return str(one.parent if one.duration_us is not None else one.row.span_id)


def _is_within(above: Entry, one: Entry, spans: Mapping[str, Entry]) -> bool:
    """Tell whether a span lies within another, or is it: then that one can't be below it."""
    seen = 0
    place: Entry | None = above
    while place is not None and seen <= len(spans):
        if place is one:
            return True
        place, seen = spans.get(str(place.parent)), seen + 1
    return seen > len(spans)


def _in_order(roots: Sequence[Entry]) -> Iterator[tuple[int, Entry]]:
    """Yield each entry after the one that it is below, with its depth."""
    waiting = [(0, one) for one in reversed(roots)]
    while waiting:
        depth, one = waiting.pop()
        yield depth, one
        waiting += [(depth + 1, child) for child in reversed(one.children)]
