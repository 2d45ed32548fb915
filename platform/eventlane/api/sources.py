"""Where the elements of a page come from: anything that can continue from a key in an order."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from django.db.models import F, Model, QuerySet
from django.db.models.fields.tuple_lookups import TupleGreaterThan, TupleLessThan

from eventlane.ids import is_id

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Key:
    """A position: an element's id and, unless the sort is `id`, its sort value. The element may be deleted by now."""

    id: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Sort:
    """A way to order a collection. `column` holds the sort value; ties are ordered by id, in the same direction."""

    column: str
    read: Callable[[str], Any]  # parses the sort value in a key; raises ValueError
    write: Callable[[Any], str]


def _read_text(text: str) -> str:
    if "\0" in text:
        raise ValueError("PostgreSQL has no such text")
    return text


def _read_moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a moment needs an offset")
    return moment.astimezone(UTC)


def by_text(column: str) -> Sort:
    """Return a sort by a text column."""
    return Sort(column, _read_text, str)


def by_moment(column: str) -> Sort:
    """Return a sort by a time column, to the microsecond."""
    return Sort(column, _read_moment, lambda moment: moment.astimezone(UTC).isoformat())


class Source(Protocol[E]):
    """A collection that is read in pages. `sorts` are the supported sorts besides `id`, by their wire name."""

    sorts: Mapping[str, Sort]

    def is_id(self, text: str) -> bool:
        """Return whether `text` could be an element's id."""

    def fetch(self, *, sort: str, descending: bool, after: Key | None, limit: int) -> Sequence[E]:
        """Return the first `limit` elements strictly after a key, ordered by (sort value, id); `sort` may be `id`.

        Its cost must not grow with the depth: no OFFSET, no COUNT.
        """

    def key_of(self, element: E, sort: str) -> Key:
        """Return an element's position."""

    def find(self, element_id: str, sort: str) -> Key | None:
        """Return the position of the element with this id, or None if there is none (any more)."""


class QuerysetSource(Generic[E]):
    """Pages of model instances. Each combination of (filter columns, sort column, id) needs an index."""

    def __init__(self, queryset: QuerySet[Any], sorts: Mapping[str, Sort]) -> None:
        self._queryset = queryset
        self.sorts = sorts

    def is_id(self, text: str) -> bool:
        """Return whether `text` is a KSUID."""
        return is_id(text)

    def fetch(self, *, sort: str, descending: bool, after: Key | None, limit: int) -> list[E]:
        """Compare rows, (name, id) > (…, …): PostgreSQL goes straight to the right place in the index."""
        columns = self._columns(sort)
        queryset = self._queryset.order_by(*(F(name).desc() if descending else F(name).asc() for name in columns))
        if after is not None:
            lookup = TupleLessThan if descending else TupleGreaterThan
            values = (after.id,) if sort == "id" else (after.value, after.id)
            queryset = queryset.filter(lookup(tuple(map(F, columns)), values))
        return list(queryset[:limit])

    def key_of(self, element: Model, sort: str) -> Key:
        """Return a row's position."""
        return Key(element.pk, None if sort == "id" else getattr(element, self.sorts[sort].column))

    def find(self, element_id: str, sort: str) -> Key | None:
        """Return the position of the row with this id."""
        element = self._queryset.filter(pk=element_id).first()
        return element and self.key_of(element, sort)

    def _columns(self, sort: str) -> tuple[str, ...]:
        return ("id",) if sort == "id" else (self.sorts[sort].column, "id")
