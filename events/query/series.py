"""Buckets of time: their starts, and the SQL that finds the bucket of a moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo

from eventlane.times import from_microseconds
from events.query.times import LATEST, SECOND, midnight_us

MAX_BUCKETS = 2000
WANTED_BUCKETS = 60
DAY = 86_400 * SECOND
_MONDAY = date(1970, 1, 5).toordinal()
# What "auto" chooses from, in seconds; then doubled years of 52 weeks.
_NICE = [
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 2 * 3600, 3 * 3600, 6 * 3600, 12 * 3600),
    *(days * 86_400 for days in (1, 2, 4, 7, 14, 28, 56, 112, 182)),
    *(364 * 86_400 * 2**doubled for doubled in range(14)),
]


class InvalidGranularity(ValueError):
    """A series can't have such buckets."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """The buckets of a time frame: `edges` has the start of each, and the end of the last, in microseconds."""

    width_us: int
    edges: tuple[int, ...]

    @property
    def starts(self) -> tuple[int, ...]:
        """When each begins."""
        return self.edges[:-1]

    def index_sql(self, column: str) -> str:
        """Return the number of the bucket that the moment in `column`, in microseconds, lies in.

        Buckets of equal width follow each other in runs, which end where the clocks change.
        """
        *earlier, last = self._runs()
        cases = " ".join(
            f"WHEN {column} < {following} THEN {index} + ({column} - {start}) // {width}"
            for (index, start, width), (_, following, _) in pairwise([*earlier, last])
        )
        index, start, width = last
        whole = f"{index} + ({column} - {start}) // {width}"
        return f"(CASE {cases} ELSE {whole} END)" if cases else f"({whole})"

    def seconds(self, from_us: int, to_us: int) -> list[float]:
        """Return how much of each bucket lies in the time frame."""
        return [(min(end, to_us) - max(start, from_us)) / SECOND for start, end in pairwise(self.edges)]

    def _runs(self) -> Iterator[tuple[int, int, int]]:
        """Yield index, start and width of the first of several buckets of one width."""
        known = None
        for index, (start, end) in enumerate(pairwise(self.edges)):
            if end - start != known:
                known = end - start
                yield index, start, known


def auto_granularity(from_us: int, to_us: int) -> int:
    """Return the width that makes about 60 buckets of the time frame."""
    span = to_us - from_us

    def distance(seconds: int) -> float:
        count = max(span / (seconds * SECOND), 1e-9)
        return max(count / WANTED_BUCKETS, WANTED_BUCKETS / count)

    return min(_NICE, key=distance) * SECOND


def make_buckets(width_us: int, from_us: int, to_us: int, zone: ZoneInfo) -> Buckets:
    """Return the buckets that cover a time frame; raise InvalidGranularity.

    Those of a day or more begin at midnight in `zone`, those of weeks on a Monday; shorter ones on multiples of their
    width since 1970.
    """
    if width_us < SECOND:
        raise InvalidGranularity("a bucket has a second at least")
    if width_us >= DAY and width_us % DAY:
        raise InvalidGranularity("buckets of more than a day have whole days")
    too_many = (to_us - from_us) // width_us > MAX_BUCKETS
    edges: list[int] = []
    if not too_many:
        edges = _days(width_us // DAY, from_us, to_us, zone) if width_us >= DAY else _even(width_us, from_us, to_us)
    if too_many or len(edges) > MAX_BUCKETS + 1:
        raise InvalidGranularity(f"that would be more than {MAX_BUCKETS:,} buckets")
    return Buckets(width_us, tuple(edges))


def _even(width: int, from_us: int, to_us: int) -> list[int]:
    start = from_us - from_us % width
    count = -(-(to_us - start) // width)
    return [start + index * width for index in range(count + 1)]


def _days(width: int, from_us: int, to_us: int, zone: ZoneInfo) -> list[int]:
    """Return the midnights from the one at or before `from_us` to the one at or after `to_us`.

    On the first day of the year 1 there may be none before `from_us`: then the first bucket begins with it.
    """
    first = _day(from_us, zone)
    day = max(first - (first - _MONDAY) % width, 1)
    edges = [min(_midnight(day, zone), from_us)]
    while edges[-1] < to_us:
        day += width
        edges.append(_midnight(day, zone))
    return edges


def _day(us: int, zone: ZoneInfo) -> int:
    """Return the number of the day that a moment lies in, of those that there are in the years 1 to 9999."""
    try:
        return from_microseconds(us).astimezone(zone).toordinal()
    except OverflowError:
        return 1 if us < 0 else date.max.toordinal()


def _midnight(day: int, zone: ZoneInfo) -> int:
    """Return when the day of this number begins; what is outside of the years 1 to 9999 is after all others."""
    try:
        return midnight_us(date.fromordinal(day), zone)
    except (ValueError, OverflowError):
        return LATEST + 1
