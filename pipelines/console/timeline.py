"""The runs of a list of pipelines as bars over time, in a row for each name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils import timezone

from eventlane.zone_choice import local, zoned_text
from pipelines.console.spans import span
from pipelines.models import Pipeline, Status

WIDTH = 1000  # of the drawing, for the time from the first start to now
LEAST_WIDTH = 4.0
LANE = 10
MOST_LANES = 5
MOST_ROWS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """A run."""

    x: float
    y: int
    width: float
    status: str
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Row:
    """The runs of one name; those at the same time are below each other."""

    name: str
    height: int
    bars: list[Bar]


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rows, and the times below them."""

    rows: list[Row]
    times: tuple[str, ...]
    summary: str


def make_timeline(pipelines: Iterable[Pipeline], now: datetime | None = None) -> Timeline | None:
    """Return the timeline of those that have started, or None if none has."""
    now = now or timezone.now()
    started = sorted((one for one in pipelines if one.start_time), key=_start)
    if not started:
        return None
    first = _start(started[0])
    whole = max(now - first, timedelta(seconds=1))
    by_name: dict[str, list[Pipeline]] = {}
    for pipeline in reversed(started):
        by_name.setdefault(pipeline.name, []).append(pipeline)
    rows = [_row(name, runs[::-1], first, whole, now) for name, runs in list(by_name.items())[:MOST_ROWS]]
    show = "%b %d %H:%M" if whole > timedelta(days=1) else "%H:%M" if whole > timedelta(minutes=10) else "%H:%M:%S"
    middle = first + whole / 2
    times = (f"{local(first):{show}}", f"{local(middle):{show}}", f"{local(now):{show} %Z}")
    return Timeline(rows, times, f"{len(started)} runs since {zoned_text(first)}")


def _row(name: str, runs: Sequence[Pipeline], first: datetime, whole: timedelta, now: datetime) -> Row:
    bars: list[Bar] = []
    ends: list[float] = []  # by lane, where its last bar ends
    for run in runs:
        x = WIDTH * ((_start(run) - first) / whole)
        width = max(WIDTH * (((run.end_time or now) - _start(run)) / whole), LEAST_WIDTH)
        x = min(x, WIDTH - width)
        lane = next((lane for lane, end in enumerate(ends) if end <= x), min(len(ends), MOST_LANES - 1))
        ends[lane : lane + 1] = [x + width]
        bars.append(Bar(round(x, 1), lane * LANE, round(width, 1), run.status, _title(run, now), _url(run)))
    return Row(name, len(ends) * LANE, bars)


def _title(run: Pipeline, now: datetime) -> str:
    lasted = span(run.start_time, run.end_time or now)
    return f"{run.name}: {Status(run.status).label.lower()}, {zoned_text(_start(run))}, {lasted}"


def _url(run: Pipeline) -> str:
    return reverse("admin:pipelines_pipeline_change", args=[run.pk])


def _start(run: Pipeline) -> datetime:
    assert run.start_time
    return run.start_time
