"""Read the events of one dataset: all or the newest that match a query, oldest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import duckdb

from eventlane.times import from_microseconds
from events.clock import newest_time
from events.journal.format import INDEX_BITS
from events.lake.columns import EVENT_COLUMNS
from events.lake.conditions import Conditions, compile_conditions
from events.lake.guard import plain
from events.lake.partial import TolerantLake
from events.lake.snapshot import COLUMNS, Snapshot, open_snapshot
from events.lake.unsealed import Span
from events.models import DamagedFile, Dataset

# The newest N events are searched in growing windows, so that years of events aren't sorted for 100 rows.
WINDOWS = (timedelta(minutes=15), timedelta(hours=6), timedelta(days=7), None)

SELECTED = ", ".join(f"epoch_us({name})" if name.endswith("_time") else name for name in EVENT_COLUMNS)


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events of a dataset: the newest `limit` of those that match all conditions."""

    dataset: Dataset
    namespace: str | None = None
    filters: tuple[tuple[str, str], ...] = ()
    search: str | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None
    limit: int | None = 100
    where: Conditions | None = None  # on EVENT_COLUMNS and `dataset`

    def conditions(self) -> Conditions:
        """Return its conditions as SQL."""
        conditions = compile_conditions(
            namespace=self.namespace,
            filters=self.filters,
            search=self.search,
            from_time=self.from_time,
            to_time=self.to_time,
        )
        if self.where is not None:
            conditions.add_all(self.where)
        return conditions


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event and the fields read from it; `event` is its JSON text as sent."""

    id: UUID
    received_time: datetime
    event_time: datetime
    namespace: str
    service: str | None
    level: str | None
    message: str | None
    request_id: str | None
    trace_id: str | None
    span_id: str | None
    duration: float | None
    error: str | None
    event: str


def find_events(query: EventQuery) -> list[EventRow]:
    """Return the events, oldest first; raise QueryTimeout."""
    with EventReader(query) as reader:
        return list(reader.read())


class EventReader:
    """Reads the events of a query; `left_out` are then the damaged files that were skipped."""

    def __init__(self, query: EventQuery) -> None:
        self.query = query
        self._lake = TolerantLake([query.dataset.table_name])

    def __enter__(self) -> "EventReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self._lake.close()

    @property
    def left_out(self) -> list[DamagedFile]:
        """The skipped damaged files. All are known at the first event: by then, the events are sorted."""
        return self._lake.left_out

    def read(self) -> Iterator[EventRow]:
        """Yield the events of the query, oldest first; raise QueryTimeout."""
        while True:
            try:
                yield from self._read()
                return
            except duckdb.Error as error:
                self._lake.leave_out(error)

    def _read(self) -> Iterator[EventRow]:
        with open_snapshot(self._lake.lake, [self.query.dataset], self.query.conditions()) as snapshot:
            yield from newest(snapshot, self.query)


def newest(snapshot: Snapshot, query: EventQuery) -> Iterator[EventRow]:
    """Yield the requested events, oldest first.

    Unless the query has an end, events that a fast clock has dated in the future don't count as newest: they are
    skipped.
    """
    end = query.to_time or newest_time()
    conditions = query.conditions()
    if query.limit is None or query.from_time is not None:
        relation = snapshot.relation(Span.between(query.from_time, end))
        yield from select(snapshot, relation, conditions, query.limit)
        return
    rows: list[EventRow] = []
    starts = [end - window if window else None for window in WINDOWS]
    for start in starts:
        relation = snapshot.relation(Span.between(start, end))
        rows = list(select(snapshot, relation, conditions, query.limit - len(rows))) + rows
        if len(rows) == query.limit:
            break
        end = start or end
    yield from rows


def select(snapshot: Snapshot, relation: str, conditions: Conditions, limit: int | None = None) -> Iterator[EventRow]:
    """Yield the newest `limit` rows of a relation that match, oldest first."""
    found = f"SELECT {COLUMNS} FROM ({relation}) WHERE {conditions.sql}"
    if limit is not None:
        found += f" ORDER BY id DESC LIMIT {int(limit)}"
    yield from map(event_row, snapshot.stream(f"SELECT {SELECTED} FROM ({found}) ORDER BY id", conditions.parameters))


def batch_key(event_id: UUID) -> int:
    """Return the part of an id that is the same for all events of a batch, and only for those."""
    return event_id.int >> INDEX_BITS


def event_row(values: tuple[Any, ...]) -> EventRow:
    """Convert a row of SELECTED to an event."""
    event_id, received_us, event_us, *others = values
    texts: list[Any] = [plain(value) if type(value) is str else value for value in others]
    return EventRow(event_id, from_microseconds(received_us), from_microseconds(event_us), *texts)
