"""Pages of a dataset's events in the order of their ids, sealed and unsealed together.

An id starts with the millisecond of receipt, so the position of a page limits the received time, and DuckLake's
statistics exclude the files outside that time: a page costs the same at any depth. In the journal, only the stretches
that the page reaches are read.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from events.lake.conditions import Conditions
from events.lake.connection import Lake
from events.lake.query import SELECTED, EventQuery, EventRow, event_row
from events.lake.snapshot import Snapshot, open_snapshot
from events.lake.unsealed import TIME_BITS, Span, Stretch, times_of_ids

# Sealed events are read in steps. The first should comfortably contain the page.
ROOM = 4
GROWTH = 16
SHORTEST_US = 1_000_000


@dataclass(frozen=True, slots=True)
class _Sealed:
    """The received times of a dataset's first and last sealed event, and the number of events."""

    earliest_us: int
    latest_us: int
    count: int

    def us_per_event(self) -> float:
        """Return the average time between two events."""
        return (self.latest_us - self.earliest_us) / self.count

    def reaches(self, span: Span) -> bool:
        """Return whether some may be within the span."""
        return (span.start is None or self.latest_us >= span.start) and (
            span.end is None or self.earliest_us < span.end
        )


class EventPages:
    """The events of a query in a snapshot. Created by `event_pages`."""

    def __init__(self, snapshot: Snapshot, query: EventQuery) -> None:
        self.query = query
        self._snapshot = snapshot
        self._span = Span.between(query.from_time, query.to_time)
        self._sealed = self._sealed_span()

    def fetch(self, *, descending: bool, after: UUID | None, limit: int) -> list[EventRow]:
        """Return the first `limit` events strictly after an id, in this order, or from the start without an id."""
        place = Conditions()
        if after is not None:
            place.add("id < ?" if descending else "id > ?", after)
        spans = self._backwards(after, limit) if descending else self._onwards(after, limit)
        return self._take(spans, place, descending, limit)

    def find(self, event_id: UUID) -> EventRow | None:
        """Return the event with this id, or None."""
        place = Conditions()
        place.add("id = ?", event_id)
        found = self._take(iter([Span(*times_of_ids([event_id]))]), place, False, 1)
        return found[0] if found else None

    def _onwards(self, after: UUID | None, count: int) -> Iterator[Span]:
        """Yield spans forwards: up to where the journal starts, as much of that as may suffice, all the rest."""
        start, end = self._span.start, self._span.end
        if after is not None:
            start = _greater(start, _milliseconds(after) * 1000)
        ahead = sorted(self._snapshot.unsealed(Span(start, end)), key=lambda stretch: stretch.first_us)
        journal_start = _greater(start, ahead[0].first_us) if ahead else end
        yield from self._steps(Span(start, journal_start), count, backwards=False)
        if ahead:
            cut = _less(end, max(stretch.last_us for stretch in _enough(ahead, count)) + 1)
            yield Span(journal_start, cut)
            yield Span(cut, end)

    def _backwards(self, before: UUID | None, count: int) -> Iterator[Span]:
        """Yield spans backwards: as much of the journal as may suffice, the rest of it, then everything before it."""
        start, end = self._span.start, self._span.end
        if before is not None:
            end = _less(end, (_milliseconds(before) + 1) * 1000)
        behind = sorted(self._snapshot.unsealed(Span(start, end)), key=lambda stretch: -stretch.last_us)
        if behind:
            for part in (_enough(behind, count), behind):
                cut = _greater(start, min(stretch.first_us for stretch in part))
                yield Span(cut, end)
                end = cut
        yield from self._steps(Span(start, end), count, backwards=True)

    def _steps(self, span: Span, count: int, backwards: bool) -> Iterator[Span]:
        """Cut the sealed part of a span into growing steps: otherwise, DuckDB would read beyond the end of the page."""
        if self._sealed is None:
            return
        start = _greater(span.start, self._sealed.earliest_us)
        end = _less(span.end, self._sealed.latest_us + 1)
        step = max(SHORTEST_US, int(self._sealed.us_per_event() * count * ROOM))
        while start < end:
            cut = max(start, end - step) if backwards else min(end, start + step)
            yield Span(cut, end) if backwards else Span(start, cut)
            start, end = (start, cut) if backwards else (cut, end)
            step *= GROWTH

    def _sealed_span(self) -> "_Sealed | None":
        """Return the span of the sealed events, if there are any, from DuckLake's catalog."""
        table = self._snapshot.sealed_table(self.query.dataset)
        if table is None:
            return None
        columns = "epoch_us(min(received_time)), epoch_us(max(received_time)), count(*)"
        earliest, latest, count = self._snapshot.execute(f"SELECT {columns} FROM {table}")[0]
        return _Sealed(earliest, latest, count) if count else None

    def _take(self, spans: Iterator[Span], place: Conditions, descending: bool, count: int) -> list[EventRow]:
        rows: list[EventRow] = []
        while len(rows) < count and (span := next(spans, None)):
            rows += self._select(span, place, descending, count - len(rows))
        return rows

    def _select(self, span: Span, place: Conditions, descending: bool, count: int) -> list[EventRow]:
        sealed = self._sealed is not None and self._sealed.reaches(span)
        sources = self._snapshot.sources(span, sealed=sealed)
        if not sources:
            return []
        conditions = self.query.conditions()
        conditions.add_all(place)
        rows = self._snapshot.execute(
            f"SELECT {SELECTED} FROM ({' UNION ALL '.join(sources)}) WHERE {conditions.sql}"
            f" ORDER BY id {'DESC' if descending else 'ASC'} LIMIT {count}",
            conditions.parameters,
        )
        return [event_row(row) for row in rows]


@contextmanager
def event_pages(lake: Lake, query: EventQuery) -> Iterator[EventPages]:
    """Yield the pages of the query as of now. Its `limit` is ignored."""
    with open_snapshot(lake, [query.dataset], query.conditions()) as snapshot:
        yield EventPages(snapshot, query)


def _enough(stretches: Sequence[Stretch], count: int) -> list[Stretch]:
    """Return as many stretches as needed for `count` events, assuming none is filtered out."""
    taken: list[Stretch] = []
    for stretch in stretches:
        taken.append(stretch)
        count -= stretch.count
        if count <= 0:
            break
    return taken


def _milliseconds(event_id: UUID) -> int:
    return event_id.int >> TIME_BITS


def _greater(one: int | None, other: int) -> int:
    return other if one is None else max(one, other)


def _less(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)
