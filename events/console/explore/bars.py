"""The chart of Explore: events by level over time, as stacked bars. The drawing itself is a template."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from eventlane.console import count_of, number, short_number
from eventlane.times import from_microseconds
from eventlane.zone_choice import local, local_text, zoned_text
from events.console.chart import BAR_WIDTH, HEIGHT, scale_top
from events.console.explore.question import Question
from events.console.explore.terms import with_term
from events.lake.levels import LEVELS, SPELLINGS
from events.query.answer import Answer
from events.query.series import DAY
from events.query.times import SECOND, show_time

OTHER, NO_LEVEL = "other", "none"
KINDS = (*reversed(LEVELS), OTHER, NO_LEVEL)  # the worst stand at the bottom, where their heights can be compared
TITLES = {OTHER: "other levels", NO_LEVEL: "no level"}
LEAST_HEIGHT = 1.5  # a single error among thousands of events is still an error
_KIND_OF = {spelling: level for level, spellings in SPELLINGS.items() for spelling in spellings.split()}


@dataclass(frozen=True, slots=True)
class Segment:
    """The events of one kind in a bar."""

    kind: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """A span of time; `address` is the question for this span alone."""

    x: int
    segments: list[Segment]
    title: str
    address: str


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A kind that there is, and the address that asks for it alone; none where a search can't say it."""

    kind: str
    title: str
    count: str
    address: str


@dataclass(frozen=True, slots=True)
class StackedChart:
    """Bars in a drawing `width` wide and HEIGHT high, where a bar of HEIGHT means `top`."""

    bars: list[Bar]
    width: int
    top: str
    middle: str
    summary: str
    times: tuple[str, ...]
    legend: list[LegendEntry]


def kind_of(level: object) -> str:
    """Return the kind that a level counts as, which has a colour."""
    if level is None:
        return NO_LEVEL
    text = str(level).lower()
    return text if text in LEVELS else _KIND_OF.get(text, OTHER)


def stack(answer: Answer, question: Question, open_q: str) -> StackedChart:
    """Return the chart of an answer that counts events by level and over time."""
    assert answer.series is not None
    query, edges = answer.query, answer.series.buckets.edges
    buckets: list[Counter[str]] = [Counter() for _ in edges[1:]]
    for (level, _), [counts] in zip(answer.rows, answer.series.values, strict=True):
        for bucket, count in zip(buckets, counts, strict=True):
            bucket[kind_of(level)] += count
    top = scale_top(max(max(bucket.total() for bucket in buckets), 2))
    spans = [(max(start, query.from_us), min(end, query.to_us)) for start, end in pairwise(edges)]
    bars = [
        _bar(place, bucket, top, span, question)
        for place, (bucket, span) in enumerate(zip(buckets, spans, strict=True))
    ]
    show = clock(answer.series.buckets.width_us, query.to_us - query.from_us)
    middle = spans[len(spans) // 2][0]
    return StackedChart(
        bars=bars,
        width=BAR_WIDTH * len(bars),
        top=short_number(top),
        middle=short_number(top // 2),
        summary=f"{count_of(sum(map(Counter.total, buckets)), 'event')} by level over time",
        times=tuple(local(from_microseconds(moment)).strftime(show) for moment in (query.from_us, middle, query.to_us)),
        legend=_legend(sum(buckets, Counter()), question, open_q),
    )


def _bar(place: int, counts: Counter[str], top: int, span: tuple[int, int], question: Question) -> Bar:
    segments, y = [], float(HEIGHT)
    for kind in KINDS:
        if counts[kind]:
            height = max(round(HEIGHT * counts[kind] / top, 1), LEAST_HEIGHT)
            y -= height
            segments.append(Segment(kind, round(y, 1), height))
    parts = ", ".join(f"{number(counts[kind])} {TITLES.get(kind, kind)}" for kind in KINDS if counts[kind])
    title = f"{_between(*span)}: {count_of(counts.total(), 'event')}" + (f" ({parts})" if parts else "")
    start, end = map(show_time, span)
    return Bar(place * BAR_WIDTH, segments, title, question.address(from_time=start, to_time=end))


def _legend(counts: Counter[str], question: Question, open_q: str) -> list[LegendEntry]:
    terms = {kind: f"level:{kind}" for kind in LEVELS} | {NO_LEVEL: "-level:*"}
    return [
        LegendEntry(
            kind,
            TITLES.get(kind, kind),
            number(counts[kind]),
            question.address(q=with_term(open_q, terms[kind])) if kind in terms else "",
        )
        for kind in KINDS
        if counts[kind]
    ]


def _between(from_us: int, to_us: int) -> str:
    return frame_text(from_microseconds(from_us), from_microseconds(to_us))


def frame_text(start: datetime, end: datetime) -> str:
    """Return a span of time as people read it; the day stands once where it is the same."""
    start, end = local(start), local(end)
    zone = "" if start.tzname() == end.tzname() else f" {start.tzname()}"
    until = f"{end:%H:%M:%S} {end.tzname()}" if start.date() == end.date() else zoned_text(end)
    return f"{local_text(start)}{zone} to {until}"


def clock(width_us: int, span_us: int) -> str:
    """Return the format of the times below a chart."""
    if width_us >= DAY:
        return "%Y-%m-%d"
    if span_us > DAY:
        return "%b %d %H:%M"
    return "%H:%M:%S" if width_us < 60 * SECOND else "%H:%M"
