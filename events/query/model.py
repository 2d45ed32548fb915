"""A query as it is once it was read and checked; see docs/query.md for what the words mean."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

UTC = ZoneInfo("UTC")
Value = str | bool | int | float
SELECTING = ("datasets", "from", "to", "time", "q", "filters", "time_zone")  # members that an export takes, too


class Op(StrEnum):
    """What a comparison asks. The negated ones are Not of these."""

    EQUALS = "="
    GREATER = ">"
    AT_LEAST = ">="
    LESS = "<"
    AT_MOST = "<="
    IN = "in"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    LIKE = "like"
    MATCHES = "matches"
    EXISTS = "exists"


ORDERINGS = {Op.GREATER, Op.AT_LEAST, Op.LESS, Op.AT_MOST}


@dataclass(frozen=True, slots=True)
class Compare:
    """What stands at the path compares so with one of the values; Op.EXISTS has none, and only Op.IN has many."""

    path: str
    op: Op
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Holds:
    """The event's text holds this text, whatever its letter case; or matches it as a regular expression."""

    text: str
    is_expression: bool = False


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; with no parts it holds always."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """One of the parts holds."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold, also because there is nothing at its path."""

    part: "Filter"


Filter = Compare | Holds | All | Any | Not


@dataclass(frozen=True, slots=True)
class Calculation:
    """One number (or value) for each group."""

    op: str
    path: str | None
    name: str


@dataclass(frozen=True, slots=True)
class Order:
    """What rows are ordered by: a calculation's name or a path."""

    by: str
    descending: bool
    distance_from: float | None = None  # a calculation's: by how far its value is from this number


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of events ended: the time in microseconds and the id of its last event."""

    time_us: int
    id: str


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked. Times are microseconds since 1970, from_us ≤ t < to_us."""

    datasets: tuple[str, ...]
    from_us: int
    to_us: int
    now_us: int
    by_receipt: bool = False
    filter: Filter = All(())
    calculations: tuple[Calculation, ...] = ()
    group_by: tuple[str, ...] = ()
    having: Filter = All(())
    order_by: tuple[Order, ...] = ()
    limit: int = 100
    others: bool = True
    granularity_us: int | None = None
    zone: ZoneInfo = UTC
    before: Place | None = None

    @property
    def seconds(self) -> float:
        """How long the time frame is."""
        return (self.to_us - self.from_us) / 1e6


def comparisons(found: Filter) -> Iterator[Compare]:
    """Yield every comparison of a filter."""
    if isinstance(found, Compare):
        yield found
    elif isinstance(found, All | Any):
        for part in found.parts:
            yield from comparisons(part)
    elif isinstance(found, Not):
        yield from comparisons(found.part)
