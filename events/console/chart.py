"""Lay out a bar chart from numbers. A template draws it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from eventlane.console import count_of, number, short_number
from eventlane.zone_choice import local, zoned_clock

BAR_WIDTH, HEIGHT = 10, 100
STEPS = (2, 4, 6, 10)  # tops of the scale, times a power of ten; their halves are integers


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute."""

    x: int
    y: float
    height: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars in a drawing `width` wide and HEIGHT high. A bar of full HEIGHT means `top`."""

    bars: list[Bar]
    width: int
    top: str
    middle: str
    summary: str  # for people who can't see it
    times: tuple[str, str, str]  # on the left, in the middle, on the right


def draw(counts: Sequence[int], first_minute: int) -> Chart:
    """Return the chart of events per minute. The last minute isn't over."""
    top = scale_top(max(counts))
    bars = [_bar(index, count, top, first_minute + index) for index, count in enumerate(counts)]
    whole = f"{count_of(sum(counts), 'event')} in the last {len(counts)} minutes"
    times = (_clock(first_minute), _clock(first_minute + len(counts) // 2), _clock(first_minute + len(counts) - 1))
    return Chart(
        bars=bars,
        width=BAR_WIDTH * len(counts),
        top=short_number(top),
        middle=short_number(top // 2),
        summary=f"{whole}, at most {number(max(counts))} per minute",
        times=times,
    )


def scale_top(most: int) -> int:
    """Return the smallest round number that is at least `most`."""
    power = 1
    while most > STEPS[-1] * power:
        power *= 10
    return next(step * power for step in STEPS if step * power >= most)


def _bar(index: int, count: int, top: int, minute: int) -> Bar:
    height = round(HEIGHT * count / top, 1)
    if count:
        height = max(height, 1.5)  # so that a single event among thousands is visible
    return Bar(
        index * BAR_WIDTH,
        HEIGHT - height,
        height,
        f"{zoned_clock(_time(minute), 'minutes')}: {count_of(count, 'event')}",
    )


def _clock(minute: int) -> str:
    return f"{local(_time(minute)):%H:%M}"


def _time(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)
