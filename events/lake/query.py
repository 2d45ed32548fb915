"""Read events: those sealed in the lake and those still in this node's journal, as one.

How a reader sees each event exactly once, while writers append and sealers seal:

1. It opens every file of the journal. From now on it can read them, also when a sealer unlinks them.
2. It begins a transaction on the lake, which is one snapshot.
3. It reads in that snapshot which of the opened files are sealed.
4. The events are the lake's rows in the snapshot, and the rows of the opened files that are not sealed in it.

A file's events and its name in `sealed_files` appear in one snapshot together, so no event is on both sides.
None is on neither: an event that was stored before step 1 lay in a file that was in the folder at step 1, or
that was unlinked before it. Files are unlinked only after their snapshot is committed, and the snapshot of
step 2 is not older. A file that holds data is never renamed, so the listing can't miss it.

`sealed_files` has to remember a name for as long as a reader may hold the file open; maintenance forgets it
an hour after the file is gone.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import duckdb
from django.conf import settings

from eventlane.wire.errors import ApiError
from events.clock import newest_time
from events.journal import JournalFile, open_files
from events.journal.format import INDEX_BITS
from events.lake.arrow import event_table
from events.lake.columns import EVENT_COLUMNS, converted
from events.lake.conditions import Conditions, compile_conditions
from events.lake.connection import Interrupted, Lake, event_table_name, table_definition
from events.lake.guard import plain
from events.lake.partial import PartialLake, more_damage
from events.lake.seal import sealed_names
from events.models import DamagedFile, Dataset

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READ_BYTES = 16 * 1024 * 1024  # of a journal file at once
FETCHED_ROWS = 1000
# The newest N of a dataset are looked for in ever larger windows: a lake of years isn't sorted for 100 rows.
WINDOWS = (timedelta(minutes=15), timedelta(hours=6), timedelta(days=7), None)

COLUMNS = ", ".join(EVENT_COLUMNS)
SELECTED = ", ".join(f"epoch_us({name})" if name.endswith("_time") else name for name in EVENT_COLUMNS)
UNSEALED = "temp.main.unsealed"


class QueryTimeout(ApiError):
    """The query ran longer than EVENTLANE_QUERY_SECONDS."""

    status, code = 400, "query_timeout"


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events of a dataset: the newest `limit` of those that match everything given."""

    dataset: Dataset
    namespace: str | None = None
    filters: tuple[tuple[str, str], ...] = ()
    search: str | None = None
    from_time: datetime | None = None
    to_time: datetime | None = None
    limit: int | None = 100

    def conditions(self) -> Conditions:
        """Return its conditions as SQL."""
        return compile_conditions(
            namespace=self.namespace,
            filters=self.filters,
            search=self.search,
            from_time=self.from_time,
            to_time=self.to_time,
        )


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event and what was read from it; `event` is its JSON text as sent."""

    id: UUID
    received_time: datetime
    event_time: datetime
    namespace: str
    service: str | None
    level: str | None
    message: str | None
    request_id: str | None
    trace_id: str | None
    duration: float | None
    error: str | None
    event: str


def find_events(query: EventQuery) -> list[EventRow]:
    """Return the events, oldest first; raise QueryTimeout."""
    with EventReader(query) as reader:
        return list(reader.read())


class EventReader:
    """A DuckDB for reading one dataset's events, sealed and unsealed."""

    def __init__(self, query: EventQuery) -> None:
        self.query = query
        self.left_out: list[DamagedFile] = []
        self.lake = Lake(read_only=True)

    def __enter__(self) -> "EventReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self.lake.close()

    def read(self) -> Iterator[EventRow]:
        """Yield the events of the query, oldest first; see `left_out` for the files that can't be read.

        They are found before the first event is yielded: by then all of them are sorted.
        """
        while True:
            try:
                yield from self._read()
                return
            except duckdb.Error as error:
                self.leave_out_damage(error)

    def leave_out_damage(self, error: duckdb.Error) -> None:
        """Go on without the files that are to blame for `error`; raise it when there are none."""
        self.left_out = more_damage(self.query.dataset.table_name, self.left_out, error)
        lake = self.lake
        self.lake = PartialLake(self.query.dataset.table_name, self.left_out, like=lake)
        lake.close()

    def _read(self) -> Iterator[EventRow]:
        files = open_files(settings.EVENTLANE_JOURNAL)
        try:
            with self.lake.transaction():
                self.empty()
                sealed = self.sealed_among(files)
                for file in files:
                    if file.name not in sealed:
                        self.stage(file, 0)
                yield from self.newest()
        finally:
            for file in files:
                file.close()

    def empty(self) -> None:
        """Have UNSEALED there, with nothing in it."""
        self.lake.execute(f"CREATE OR REPLACE TEMP TABLE {UNSEALED} ({table_definition(EVENT_COLUMNS)})")

    def sealed_among(self, files: Iterable[JournalFile]) -> set[str]:
        """Return the names of those files that are sealed in this transaction's snapshot."""
        return sealed_names(self.lake, [file.name for file in files])

    def stage(self, file: JournalFile, offset: int) -> tuple[int, set[int]]:
        """Put the file's matching events from `offset` on into UNSEALED.

        Return where the next reading starts, and the batches found, as the part of the id that their events share.
        """
        conditions = self.query.conditions()
        insert = f"INSERT INTO {UNSEALED} SELECT {COLUMNS} FROM ({converted('events')}) WHERE {conditions.sql}"
        seen: set[int] = set()
        while True:
            reading = file.read(offset, READ_BYTES)
            if reading.end <= offset or not reading.batches:
                return offset, seen
            offset = reading.end
            batches = [batch for batch in reading.batches if batch.dataset_id == self.query.dataset.id]
            if batches:
                seen.update(batch_key(UUID(bytes=batch.first_id)) for batch in batches)
                with self._time_limit():
                    self.lake.execute(insert, conditions.parameters, events=event_table(batches))

    def newest(self) -> Iterator[EventRow]:
        """Yield what the query asks for out of the lake and UNSEALED.

        Unless it says until when, what a clock that was ahead has dated in the future isn't the newest: it is left out.
        """
        query = self.query if self.query.to_time else replace(self.query, to_time=newest_time())
        if query.limit is None or query.from_time is not None:
            yield from self.select(self._source(), query.conditions(), query.limit)
            return
        now = query.to_time or datetime.now(UTC)
        rows: list[EventRow] = []
        to_time = query.to_time
        for window in WINDOWS:
            from_time = now - window if window else None
            conditions = replace(query, from_time=from_time, to_time=to_time).conditions()
            rows = list(self.select(self._source(), conditions, query.limit - len(rows))) + rows
            if len(rows) == query.limit:
                break
            to_time = from_time
        yield from rows

    def select(self, source: str, conditions: Conditions, limit: int | None) -> Iterator[EventRow]:
        """Yield the newest `limit` rows of `source` that match, oldest first."""
        newest = f"SELECT {COLUMNS} FROM ({source}) WHERE {conditions.sql}"
        if limit is not None:
            newest += f" ORDER BY id DESC LIMIT {int(limit)}"
        with self._time_limit():
            result = self.lake.stream(f"SELECT {SELECTED} FROM ({newest}) ORDER BY id", conditions.parameters)
            rows = result.fetchmany(FETCHED_ROWS)  # sorted: when the first row is there the work is done
        while rows:
            yield from map(event_row, rows)
            rows = result.fetchmany(FETCHED_ROWS)

    def sealed_table(self) -> str | None:
        """Return the name of the dataset's table, if this transaction's snapshot has it."""
        name = self.query.dataset.table_name
        return event_table_name(name) if self.lake.attached and self.lake.has_table(name) else None

    def _source(self) -> str:
        sealed = self.sealed_table()
        unsealed = f"SELECT {COLUMNS} FROM {UNSEALED}"
        return f"SELECT {COLUMNS} FROM {sealed} UNION ALL {unsealed}" if sealed else unsealed

    @contextmanager
    def _time_limit(self) -> Iterator[None]:
        seconds = settings.EVENTLANE_QUERY_SECONDS
        try:
            with self.lake.time_limit(seconds):
                yield
        except Interrupted:
            raise QueryTimeout(f"the query ran longer than {seconds:g} seconds; ask for less of the past") from None


def batch_key(event_id: UUID) -> int:
    """Return the part of an id that all events of a batch share, and no others."""
    return event_id.int >> INDEX_BITS


def event_row(values: tuple[Any, ...]) -> EventRow:
    """Return a row of SELECTED as an event."""
    event_id, received_us, event_us, *others = values
    texts: list[Any] = [plain(value) if type(value) is str else value for value in others]
    return EventRow(event_id, _time(received_us), _time(event_us), *texts)


def _time(microseconds: int) -> datetime:
    return UNIX_EPOCH + timedelta(microseconds=microseconds)
