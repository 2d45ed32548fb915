"""The groups that a question asks for: a table of them, and the first calculation of each over time as a line."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from eventlane import exact_numbers
from eventlane.console import MILLION, number, short_number
from eventlane.times import from_microseconds
from eventlane.zone_choice import local
from events.console.chart import BAR_WIDTH, HEIGHT
from events.console.explore.bars import clock, frame_text
from events.console.explore.question import Question
from events.console.explore.stack_traces import telling_line
from events.console.explore.terms import group_term, with_term
from events.lake.lines import visible
from events.query.answer import Answer, Row
from events.query.model import Calculation, Query
from events.query.series import Buckets
from events.query.times import show_time
from events.query.units import digits, duration_text, exact_duration, is_in_milliseconds

MAX_LINES = 8  # more can't be told apart
LONGEST_CELL = 120
STEPS = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)  # ends of the scale, times a power of ten


@dataclass(frozen=True, slots=True)
class Cell:
    """A group's value at a path, and the address of the question for these events alone, where a search can say it."""

    text: str
    address: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A calculated value as people read it; `exact` has all its digits, where the text leaves some out."""

    text: str
    exact: str = ""
    is_text: bool = False

    @property
    def both(self) -> str:
        """The text, and all digits in parentheses."""
        return f"{self.text} ({self.exact})" if self.exact else self.text


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group; `line` is the number of its line in the chart, if it has one."""

    groups: list[Cell]
    values: list[Value]
    events_address: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Heading:
    """A column, and the address of the same rows in its order; `sorted` is how the rows are ordered by it now."""

    name: str
    is_number: bool
    address: str
    sorted: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the chart, in pieces: there is none where a bucket has no value."""

    place: int
    title: str
    pieces: list[str]
    dots: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Span:
    """A bucket of the chart: what its lines show there, and the address of the question for it alone."""

    x: int
    title: str
    address: str


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines in a drawing `width` wide and HEIGHT high, from `bottom` to `top`."""

    name: str
    lines: list[Line]
    spans: list[Span]
    width: int
    top: str
    middle: str
    bottom: str
    times: tuple[str, ...]


def headings(answer: Answer, question: Question) -> list[Heading]:
    """Return the columns of the table; a column's address turns its order round."""
    query = answer.query
    order = query.order_by[0] if query.order_by else None
    found = []
    for place, column in enumerate(answer.columns()):
        name, is_value = column["name"], column["kind"] == "calculation"
        if order is None:
            descending = True if is_value and name == query.calculations[0].name else None
        else:
            descending = order.descending if order.by == name else None
        turned = is_value if descending is None else not descending
        address = question.address(order=f"{name} desc" if turned else name)
        is_number = is_value and not any(isinstance(row[place], str) for row in answer.rows)
        found.append(Heading(name, is_number, address, {None: "", True: "descending", False: "ascending"}[descending]))
    return found


def group_rows(answer: Answer, question: Question, open_q: str) -> list[GroupRow]:
    """Return the rows of the table."""
    lines = 1 if not answer.query.group_by else MAX_LINES
    return [
        _row(answer, row, question, open_q, place if place < lines else None) for place, row in enumerate(answer.rows)
    ]


def others_row(answer: Answer) -> list[Value]:
    """Return the values of all groups that the table leaves out; none if there are no others."""
    return _values(answer.others, answer.query) if answer.others else []


def _values(row: Row, query: Query) -> list[Value]:
    return [shown_value(value, one) for value, one in zip(row[len(query.group_by) :], query.calculations, strict=True)]


def _row(answer: Answer, row: Row, question: Question, open_q: str, line: int | None) -> GroupRow:
    paths = answer.query.group_by
    values = row[: len(paths)]
    terms = [group_term(path, value) for path, value in zip(paths, values, strict=True)]
    cells = [
        Cell(group_text(value), question.address(q=with_term(open_q, term)) if term else "")
        for value, term in zip(values, terms, strict=True)
    ]
    q = open_q
    for term in terms:
        q = with_term(q, term or "")
    events = question.events_only.address(q=q) if all(terms) else ""
    return GroupRow(cells, _values(row, answer.query), events, line)


def group_text(value: Any) -> str:
    """Return a group's value as people read it; a stack trace as its telling line."""
    if value is None:
        return "(none)"
    text = visible(telling_line(value) if isinstance(value, str) else exact_numbers.encode(value).decode())
    return text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def shown_value(value: Any, calculation: Calculation) -> Value:
    """Return a calculation's value, with its unit where that is known."""
    if is_number(value) and is_in_milliseconds(calculation):
        text, exact = duration_text(value), exact_duration(value)
    else:
        text = value_text(value)
        exact = digits(value) if isinstance(value, float) and is_number(value) else text
    return Value(text, "" if exact == text else exact, isinstance(value, str))


def value_text(value: Any) -> str:
    """Return a calculated value as people read it: numbers with separators, at most six digits of a fraction."""
    if value is None:
        return "–"
    if isinstance(value, int) and not isinstance(value, bool):
        return number(value)
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:,.0f}" if abs(value) >= 1e6 else f"{value:,.6g}"
    return group_text(value)


def short_text(value: Any) -> str:
    """Return a calculated value where there is room for a few digits: from a million on, with four of them."""
    return short_number(value) if is_number(value) and abs(value) >= MILLION else value_text(value)


# The chart


def draw_lines(answer: Answer, question: Question, *, every_calculation: bool = False, of: int = 0) -> LineChart | None:
    """Return the chart of a calculation, given by its place; None if none of its values is a number.

    With `every_calculation`, each has a line where there are no groups.
    """
    assert answer.series is not None
    query, buckets = answer.query, answer.series.buckets
    names, curves = _curves(answer, every_calculation and not query.group_by, of)
    drawn = query.calculations if every_calculation and not query.group_by else [query.calculations[of]] * len(curves)
    numbers = [value for curve in curves for value in curve if is_number(value)]
    if not numbers:
        return None
    top, bottom = _end(max(*numbers, 0)), -_end(-min(*numbers, 0))
    lines = [
        _line(place, names[place], [_height(value, bottom, top) for value in curve])
        for place, curve in enumerate(curves)
    ]
    spans = [(max(start, query.from_us), min(end, query.to_us)) for start, end in pairwise(buckets.edges)]
    axis_text = duration_text if all(map(is_in_milliseconds, drawn)) else short_text
    return LineChart(
        name=query.calculations[of].name,
        lines=lines,
        spans=list(_spans(spans, names, list(zip(drawn, curves, strict=False)), question)),
        width=BAR_WIDTH * len(spans),
        top=axis_text(top),
        middle=axis_text((top + bottom) / 2),
        bottom=axis_text(bottom),
        times=_times(buckets, spans, query.from_us, query.to_us),
    )


def _curves(answer: Answer, of_calculations: bool, of: int) -> tuple[list[str], list[Row]]:
    """Return names and values of the lines: of one calculation by group, or of all calculations."""
    assert answer.series is not None
    query, values = answer.query, answer.series.values
    if of_calculations:
        found = [row[:MAX_LINES] for row in values]
        return [one.name for one in query.calculations], found[0] if found else []
    names = [", ".join(map(group_text, row[: len(query.group_by)])) for row in answer.rows]
    return [name or query.calculations[of].name for name in names], [row[of] for row in values[:MAX_LINES]]


def _spans(
    spans: Sequence[tuple[int, int]],
    titles: Sequence[str],
    curves: Sequence[tuple[Calculation, Row]],
    question: Question,
) -> Iterator[Span]:
    for place, (start, end) in enumerate(spans):
        shown = [shown_value(curve[place], calculation).both for calculation, curve in curves]
        values = [f"{title}: {value}" for title, value in zip(titles, shown, strict=False)]
        frame = frame_text(from_microseconds(start), from_microseconds(end))
        address = question.address(from_time=show_time(start), to_time=show_time(end))
        yield Span(place * BAR_WIDTH, "\n".join([frame, *values]), address)


def _times(buckets: Buckets, spans: Sequence[tuple[int, int]], from_us: int, to_us: int) -> tuple[str, ...]:
    show = clock(buckets.width_us, to_us - from_us)
    middle = spans[len(spans) // 2][0]
    return tuple(local(from_microseconds(moment)).strftime(show) for moment in (from_us, middle, to_us))


def is_number(value: Any) -> bool:
    """Tell whether a value can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _end(most: float) -> float:
    """Return the smallest round number that is at least `most`; 0 for 0."""
    if most <= 0:
        return 0
    power = 10.0 ** (len(f"{most:.0f}") - 1) if most >= 1 else 1.0
    while most < power:
        power /= 10
    found = next((step * power for step in STEPS if step * power >= most), most)
    return int(found) if found == int(found) else found


def _height(value: Any, bottom: float, top: float) -> float | None:
    """Return how far from the top of the drawing a value lies."""
    if not is_number(value):
        return None
    return round(HEIGHT * (top - value) / ((top - bottom) or 1), 2)


def _line(place: int, title: str, heights: Sequence[float | None]) -> Line:
    """Return a line through the middles of its buckets; a value without neighbours is a dot."""
    pieces, dots, run = [], [], []
    for index, height in enumerate([*heights, None]):
        if height is not None:
            run.append((index * BAR_WIDTH + BAR_WIDTH / 2, height))
            continue
        if len(run) == 1:
            dots += run
        elif run:
            pieces.append(" ".join(f"{x:g},{y:g}" for x, y in run))
        run = []
    return Line(place, title, pieces, dots)
