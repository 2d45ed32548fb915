"""The lake's files of a query's datasets, and where in them the newest events are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from eventlane.times import to_microseconds
from events.lake.snapshot import Snapshot
from events.query.compiled import time_column
from events.query.model import Query

# The newest events are looked for in growing parts of the time frame, of about so many events; see newest_first.
PART_EVENTS = 20_480
GROWTH = 16
ROOM = 4


@dataclass(frozen=True, slots=True)
class File:
    """A Parquet file; the times that the query means are from first_us to last_us, in microseconds; None is unknown."""

    id: int
    rows: int
    bytes: int
    first_us: int | None
    last_us: int | None

    def reaches(self, from_us: int, to_us: int) -> bool:
        """Tell whether some of its events may be in the time frame."""
        return self.first_us is None or self.last_us is None or (self.first_us < to_us and self.last_us >= from_us)

    def rows_within(self, from_us: int, to_us: int) -> int:
        """Return about how many of its events are in the time frame, which it reaches: as if they came evenly."""
        if self.first_us is None or self.last_us is None:
            return self.rows
        within = min(to_us, self.last_us + 1) - max(from_us, self.first_us)
        return self.rows * within // (self.last_us - self.first_us + 1)


def files_of(snapshot: Snapshot, query: Query) -> list[File]:
    """Return the files of the datasets' tables."""
    if not snapshot.lake.attached:
        return []
    lake, column = snapshot.lake, time_column(query)
    tables = [dataset.table_name for dataset in snapshot.datasets]
    found = lake.remember(("files", column, *tables), lambda: lake.data_files(tables, column))
    return [File(*file[:3], _us(file.least), _us(file.greatest)) for file in found]


def newest_first(query: Query, files: Sequence[File]) -> Iterator[Query]:
    """Yield the query for parts of its time frame, from its end on: the newest few are often near it.

    Each part has about GROWTH times the events of the one before, so all of them together hardly cost more than the
    whole frame at once. What a clock that was ahead has dated in the future is in the first part.
    """
    to_us = query.to_us
    for start in () if query.order_by else _starts(query, files):
        yield replace(query, from_us=start, to_us=to_us)
        to_us = start
    yield replace(query, to_us=to_us)


def _starts(query: Query, files: Sequence[File]) -> Iterator[int]:
    """Yield where parts begin, the last one first."""
    end = min(query.to_us, query.now_us, query.before.time_us + 1 if query.before else query.to_us)
    newest = sorted((file for file in files if file.reaches(query.from_us, end)), key=_last_us, reverse=True)
    wanted = max(PART_EVENTS, ROOM * query.limit)
    to_us = query.to_us
    while start := _start(newest, end, wanted):
        if not query.from_us < start < to_us:
            return
        yield start
        to_us = start
        wanted *= GROWTH


def _start(newest: Sequence[File], end: int, wanted: int) -> int | None:
    """Return the time after which and before `end` the files have about so many events; None if they have fewer."""
    for file in newest:
        if file.first_us is None or file.last_us is None:
            return None
        span = file.last_us - file.first_us + 1
        last = min(file.last_us + 1, end)
        rows = file.rows * (last - file.first_us) // span
        if rows > wanted:
            return last - wanted * span // file.rows
        wanted -= rows
    return None


def _last_us(file: File) -> int:
    return file.last_us or 0


def _us(text: str | None) -> int | None:
    """Return a moment as DuckLake keeps it, like 2026-11-27 10:00:00.5+00."""
    return None if text is None else to_microseconds(datetime.fromisoformat(text).astimezone(UTC))
