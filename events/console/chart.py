"""Bars of a chart: numbers in, places in a drawing out. The drawing itself is a template."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from eventlane.console import count_of, number

BAR_WIDTH, HEIGHT = 10, 100
STEPS = (2, 4, 6, 10)  # tops of the scale, times a power of ten: their halves are whole


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute."""

    x: int
    y: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars in a drawing `width` wide and HEIGHT high, where a bar of HEIGHT means `top`."""

    bars: list[Bar]
    width: int
    top: str
    middle: str
    summary: str  # for those who don't see it
    times: tuple[str, str, str]  # at its left, in its middle, at its right


def draw(counts: Sequence[int], first_minute: int) -> Chart:
    """Return the chart of events by minute; the last minute isn't over."""
    top = scale_top(max(counts))
    bars = [_bar(index, count, top, first_minute + index) for index, count in enumerate(counts)]
    whole = f"{count_of(sum(counts), 'event')} in the last {len(counts)} minutes"
    times = (_clock(first_minute), _clock(first_minute + len(counts) // 2), _clock(first_minute + len(counts) - 1))
    return Chart(
        bars=bars,
        width=BAR_WIDTH * len(counts),
        top=number(top),
        middle=number(top // 2),
        summary=f"{whole}, at most {number(max(counts))} a minute",
        times=times,
    )


def scale_top(most: int) -> int:
    """Return the smallest round number that is not below `most`."""
    power = 1
    while most > STEPS[-1] * power:
        power *= 10
    return next(step * power for step in STEPS if step * power >= most)


def _bar(index: int, count: int, top: int, minute: int) -> Bar:
    height = round(HEIGHT * count / top, 1)
    if count:
        height = max(height, 1.5)  # a single event among thousands is still an event
    return Bar(index * BAR_WIDTH, HEIGHT - height, height, f"{_clock(minute)} UTC: {count_of(count, 'event')}")


def _clock(minute: int) -> str:
    return f"{datetime.fromtimestamp(minute * 60, UTC):%H:%M}"
