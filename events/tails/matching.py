"""Find which of the new events the search lines of tails find: one conversion for all, one statement for each line."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import duckdb
import pyarrow as pa
from django.conf import settings

from eventlane.one_line import one_line
from eventlane.times import to_microseconds
from eventlane.wire.seldom import SeldomLog
from events.clock import newest_time
from events.journal import Batch
from events.lake.arrow import event_table
from events.lake.columns import EVENT_COLUMNS
from events.lake.connection import Lake, table_definition
from events.lake.duckdbs import DuckDB, ProcessEnded, Rows, SeparateDuckDB
from events.lake.query import SELECTED, event_row
from events.lake.snapshot import COLUMNS
from events.lake.unwrap import source_of
from events.models import Dataset
from events.tails.frames import JSON_SQL, Frame, Look
from events.tails.prepared import CONFIG, DATABASE, PreparedLines
from events.tails.tail import NOTHING, Chunk, Line, Missing

logger = logging.getLogger(__name__)
log_failure = SeldomLog(logger.warning)

NICENESS = 5  # of the processor, a busy machine leaves about a quarter to it
LINE_SECONDS = 0.5  # of the processor; a line that takes more for one step is given up
PENALTY = 20  # and not asked for so many times as long
LOOK_SECONDS = 0.05
MADE_AT_ONCE = 500  # frames, as there may be room for a part of what was found
CONVERTED, OWNERS = "temp.main.converted_events", "temp.main.owners_of_events"
NEW = f"{DATABASE}.main.new_events"  # both together
NEW_COLUMNS = {"dataset_id": "VARCHAR", "dataset": "VARCHAR"} | EVENT_COLUMNS | {"frame": "VARCHAR"}


class _Workbench(Lake):
    """A DuckDB with all that the lake's SQL needs, and without the lake: it has no connection to PostgreSQL.

    It has a process of its own that gives way to ingest.
    """

    def __init__(self) -> None:
        self.duckdb: SeparateDuckDB
        super().__init__(read_only=True, threads=1, memory_mb=settings.EVENTLANE_QUERY_MEMORY_MB, connect=self._connect)

    def _connect(self, config: Mapping[str, Any]) -> DuckDB:
        self.duckdb = SeparateDuckDB({**config, **CONFIG}, NICENESS)
        return self.duckdb

    def _attach_old(self) -> None:
        """Attach nothing."""


class Matcher:
    """Asks search lines about batches of the journal. For a single thread."""

    def __init__(self) -> None:
        self._lake = _Workbench()
        self._prepared = PreparedLines(self._lake)
        self._lake.execute(f"CREATE TABLE {NEW} ({table_definition(NEW_COLUMNS)})")
        self._resting: dict[Line, float] = {}  # until when lines that took too long aren't asked
        self._watchdog = _Watchdog(self._lake.duckdb)

    def close(self) -> None:
        """Release the memory."""
        self._watchdog.close()
        self._lake.close()

    def processor_seconds(self) -> float:
        """Return what its process has used."""
        return self._lake.duckdb.processor_seconds()

    def find(
        self, batches: Sequence[Batch], rooms: Mapping[Line, int], fresh: Collection[Line], least_us: int
    ) -> dict[Line, Chunk]:
        """Return what each line finds in batches, in the order of their ids: up to so many bytes, the rest is dropped.

        Events that can't be converted, or that a slow line had no time for, are counted as skipped. Chunks of `fresh`
        lines have frames. No event was received before `least_us`. Raises ProcessEnded.
        """
        counts = count_by_dataset(batches)
        concerned = {line: room for line, room in rooms.items() if counts[line.dataset.pk]}
        is_staged = self._stage(batches, {line.dataset for line in concerned})
        self._prepared.set_rooms(rooms)
        frames = {line.look: _Frames(self._lake, line.look) for line in concerned}
        found = {}
        for line, room in concerned.items():
            chunk = None
            if is_staged and not line.look.is_made_by_sql:
                chunk = self._ask(line, self._rows, room, frames)
            elif is_staged:
                chunk = self._ask(line, self._frames if line in fresh else self._blob, room)
            found[line] = (chunk or NOTHING.without(counts[line.dataset.pk]))._replace(least_us=least_us)
        return found

    def _stage(self, batches: Sequence[Batch], datasets: Collection[Dataset]) -> bool:
        """Convert the batches of these datasets, those with the same settings together; return whether that worked."""
        names = {dataset.pk: dataset.name for dataset in datasets}
        unwrapping = {dataset.pk for dataset in datasets if dataset.unwrap_message}
        self._lake.execute(f"DELETE FROM {NEW}")
        self._lake.execute(f"CHECKPOINT {DATABASE}")  # which gives back the memory of deleted rows
        try:
            for group in filter(None, (names.keys() - unwrapping, unwrapping)):
                if of_group := [batch for batch in batches if batch.dataset_id in group]:
                    self._convert(of_group, names, unwraps=group <= unwrapping)
        except ProcessEnded:
            raise
        except duckdb.Error as error:
            log_failure("tails skip events that can't be converted: %s", one_line(error))
            return False
        return True

    def _convert(self, batches: Sequence[Batch], names: Mapping[str, str], *, unwraps: bool) -> None:
        events = event_table(batches)
        ids = [batch.dataset_id for batch in batches for _ in range(batch.count)]
        owners = pa.table({"id": events["id"], "dataset_id": ids, "dataset": [names[one] for one in ids]})
        source = source_of(self._lake.execute, events, unwraps=unwraps)
        # The conversion may leave out rows. Joined to Arrow tables by a UUID, DuckDB fails.
        self._make(OWNERS, "SELECT * FROM owners", owners=owners)
        self._make(CONVERTED, f"SELECT {COLUMNS} FROM ({source.sql})", **source.tables)
        both = f"SELECT dataset_id, dataset, {COLUMNS}, {JSON_SQL} FROM {CONVERTED} JOIN {OWNERS} USING (id)"
        self._lake.execute(f"INSERT INTO {NEW} {both}", [to_microseconds(newest_time())])

    def _make(self, table: str, selected: str, **tables: pa.Table) -> None:
        self._lake.execute(f"CREATE OR REPLACE TEMP TABLE {table} AS {selected}", **tables)

    def _ask(self, line: Line, find: Callable[..., Chunk], *arguments: Any) -> Chunk | None:
        """Return what a line finds, or None if that takes too long."""
        if time.monotonic() < self._resting.get(line, 0.0):
            return None
        self._resting.pop(line, None)
        started = self.processor_seconds()
        try:
            with self._watchdog.statement():
                return find(line, *arguments)
        except ProcessEnded:
            raise
        except duckdb.Error as error:
            log_failure("a tail skips events: %s", one_line(error))
            self._resting[line] = time.monotonic() + PENALTY * (self.processor_seconds() - started)
            return None

    def _blob(self, line: Line, room: int) -> Chunk:
        """Return what a line finds as one piece, which takes no work for each event."""
        shown = "string_agg(frame, '' ORDER BY id)"
        sql = f"SELECT count(*), coalesce(sum(strlen(frame)), 0), {shown} FROM {NEW} WHERE {_finds(line)}"
        [(found, size, text)] = self._prepared.rows(line, sql, _values(line))
        kept = found
        if size > room:
            [(kept, text)] = self._within_room(line, f"count(*), {shown}")
        return Chunk(kept, (text or "").encode(), Missing(dropped=found - kept))

    def _frames(self, line: Line, room: int) -> Chunk:
        """Return what a line finds with the frame of each event."""
        selected = "(SELECT count(*) FROM matched), id, epoch_us(received_time), frame"
        rows = sorted(self._within_room(line, selected), key=itemgetter(1))
        if not rows:
            return self._blob(line, room)  # which knows how many there was no room for
        return _chunk([Frame(id, us, frame.encode()) for _, id, us, frame in rows], rows[0][0] - len(rows))

    def _within_room(self, line: Line, selected: str) -> Rows:
        """Select of the first events that a line finds and has room for. This takes twice as long as all of them."""
        sql = f"""
            WITH matched AS MATERIALIZED (SELECT id, received_time, frame FROM {NEW} WHERE {_finds(line)}),
                summed AS (SELECT *, sum(strlen(frame)) OVER (ORDER BY id) AS total FROM matched)
            SELECT {selected} FROM summed WHERE total <= :room"""
        return self._prepared.rows(line, sql, _values(line))

    def _rows(self, line: Line, room: int, frames: Mapping[Look, "_Frames"]) -> Chunk:
        """Return what a line finds, in a look that only Python can give it."""
        sql = f"SELECT rowid FROM {NEW} WHERE {_finds(line)} ORDER BY id"
        numbers = [number for (number,) in self._prepared.rows(line, sql, _values(line))]
        return frames[line.look].chunk(numbers, room)


def _finds(line: Line) -> str:
    return f"dataset_id = ? AND ({line.where.sql})"


def _values(line: Line) -> list[Any]:
    return [line.dataset.pk, *line.where.parameters]


class _Frames:
    """The frames of new events, each made once."""

    def __init__(self, lake: Lake, look: Look) -> None:
        self._lake, self._look = lake, look
        self._made: dict[int, Frame] = {}

    def chunk(self, numbers: Sequence[int], room: int) -> Chunk:
        """Return the frames of the first rows that there is room for."""
        kept: list[Frame] = []
        first = numbers[: self._look.most_events]
        for start in range(0, len(first), MADE_AT_ONCE):
            for frame in self._of(first[start : start + MADE_AT_ONCE]):
                room -= len(frame.data)
                if room < 0:
                    return _chunk(kept, len(numbers) - len(kept))
                kept.append(frame)
        return _chunk(kept, len(numbers) - len(kept))

    def _of(self, numbers: Sequence[int]) -> list[Frame]:
        lacking = [number for number in numbers if number not in self._made]
        if lacking:
            selected = f"SELECT rowid, {SELECTED} FROM {NEW} WHERE rowid IN (SELECT unnest(?::BIGINT[]))"
            for number, *values in self._lake.execute(selected, [lacking]):
                self._made[number] = self._look.frame(event_row(tuple(values)))
        return [self._made[number] for number in numbers]


class _Watchdog:
    """Interrupts statements once they have used LINE_SECONDS of the processor."""

    def __init__(self, duckdb: SeparateDuckDB) -> None:
        self._duckdb = duckdb
        self._lock = threading.Lock()  # an interrupt must not hit anything after its statement
        self._end = float("inf")
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="tails watchdog", daemon=True).start()

    def close(self) -> None:
        self._closed.set()

    @contextmanager
    def statement(self) -> Iterator[None]:
        self._end = self._duckdb.processor_seconds() + LINE_SECONDS
        try:
            yield
        finally:
            with self._lock:
                self._end = float("inf")

    def _watch(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            with self._lock:
                if self._end < float("inf") and self._duckdb.processor_seconds() > self._end:
                    self._duckdb.interrupt()


def count_by_dataset(batches: Sequence[Batch]) -> Counter[str]:
    """Return the number of events of each dataset, in the order of the batches."""
    counts: Counter[str] = Counter()
    for batch in batches:
        counts[batch.dataset_id] += batch.count
    return counts


def _chunk(frames: Sequence[Frame], dropped: int) -> Chunk:
    data = b"".join(frame.data for frame in frames)
    return Chunk(len(frames), data, Missing(dropped=dropped), frames=frames)
