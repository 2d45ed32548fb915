"""Find which of the new events the search lines of tails find: one conversion for all, one statement for many lines."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import duckdb
from django.conf import settings

from eventlane.one_line import one_line
from eventlane.wire.seldom import SeldomLog
from events.journal import Batch
from events.lake.connection import Lake
from events.lake.duckdbs import DuckDB, ProcessEnded, SeparateDuckDB
from events.models import Dataset
from events.tails.chunks import Chunks
from events.tails.prepared import CONFIG, PreparedStatements
from events.tails.staging import STAGED, Stage
from events.tails.tail import NOTHING, Chunk, Line

logger = logging.getLogger(__name__)
log_failure = SeldomLog(logger.warning)

NICENESS = 5  # of the processor, a busy machine leaves about a quarter to it
LINES_AT_ONCE = 16  # that are asked for with one statement, and planned anew when one of them goes
LINE_SECONDS = 0.5  # of the processor; a line that takes more for one step is given up
PENALTY = 20  # and not asked for so many times as long
LOOK_SECONDS = 0.05


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
        self._statements = PreparedStatements(self._lake, self.processor_seconds)
        self._stage = Stage(self._lake, self._statements)
        self._groups: list[list[Line]] = []  # of lines of a dataset that are asked for together
        self._resting: dict[Line, float] = {}  # until when lines that took too long aren't asked
        self._watchdog = _Watchdog(self._lake.duckdb)

    def close(self) -> None:
        """Release the memory."""
        self._watchdog.close()
        self._lake.close()

    def processor_seconds(self) -> float:
        """Return what its process has used."""
        return self._lake.duckdb.processor_seconds()

    def planning_seconds(self) -> float:
        """Return what of it went into statements that will be run again."""
        return self._statements.planning_seconds

    def find(
        self, batches: Sequence[Batch], rooms: Mapping[Line, int], fresh: Collection[Line], least_us: int
    ) -> dict[Line, Chunk]:
        """Return what each line finds in batches, in the order of their ids: up to so many bytes, the rest is dropped.

        Events that can't be converted, or that a slow line had no time for, are counted as skipped. Chunks of `fresh`
        lines have frames. No event was received before `least_us`. Raises ProcessEnded.
        """
        counts = count_by_dataset(batches)
        concerned = [line for line in rooms if counts[line.dataset.pk]]
        chunks: dict[Line, Chunk] = {}
        if self._put(batches, {line.dataset for line in concerned}):
            self._regroup(rooms)
            asked = [group for group in self._groups if counts[group[0].dataset.pk]]
            found = dict(chain.from_iterable(map(self._ask, asked)))
            chunks = Chunks(self._lake, self._statements, rooms, fresh).of(found)
        return {
            line: (chunks.get(line) or NOTHING.without(counts[line.dataset.pk]))._replace(least_us=least_us)
            for line in concerned
        }

    def _put(self, batches: Sequence[Batch], datasets: Collection[Dataset]) -> bool:
        """Convert the batches of these datasets; return whether that worked."""
        try:
            self._stage.put(batches, datasets)
        except ProcessEnded:
            raise
        except duckdb.Error as error:
            log_failure("tails skip events that can't be converted: %s", one_line(error))
            return False
        return True

    def _regroup(self, lines: Collection[Line]) -> None:
        """Leave out lines that are gone, and add new ones where there is room. A changed group is planned anew."""
        self._resting = {line: until for line, until in self._resting.items() if line in lines}
        self._groups = [kept for group in self._groups if (kept := [line for line in group if line in lines])]
        for line in set(lines).difference(*self._groups):
            for group in self._groups:
                if group[0].dataset == line.dataset and len(group) < LINES_AT_ONCE and group[0] not in self._resting:
                    group.append(line)
                    break
            else:
                self._groups.append([line])

    def _ask(self, group: list[Line]) -> list[tuple[Line, list[int]]]:
        """Return the rows that each line of a group finds, but of a line that takes too long.

        Lines that take too long together are from now on asked for one by one.
        """
        if time.monotonic() < self._resting.get(group[0], 0.0):
            return []
        started = self.processor_seconds()
        try:
            with self._watchdog.statement():
                return self._rows(group)
        except ProcessEnded:
            raise
        except duckdb.Error as error:
            if len(group) > 1:
                self._groups = [one for one in self._groups if one is not group] + [[line] for line in group]
                return list(chain.from_iterable(self._ask([line]) for line in group))
            log_failure("a tail skips events: %s", one_line(error))
            self._resting[group[0]] = time.monotonic() + PENALTY * (self.processor_seconds() - started)
            return []

    def _rows(self, group: list[Line]) -> list[tuple[Line, list[int]]]:
        """Return the numbers of the rows that each line finds."""
        selected = ", ".join(f"list(rowid) FILTER ({line.where.sql})" for line in group)
        values = [value for line in group for value in line.where.parameters]
        sql = f"SELECT {selected} FROM {STAGED} WHERE dataset_id = ?"
        [found] = self._statements.rows(sql, [*values, group[0].dataset.pk])
        return [(line, rows or []) for line, rows in zip(group, found, strict=True)]


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
