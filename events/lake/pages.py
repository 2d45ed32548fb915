"""Pages of a dataset's events in the order of their ids, sealed and unsealed as one (see query.py for how).

An id begins with the millisecond of its event's receipt. So the place of a page bounds the received time, and by
the catalog's figures DuckLake leaves out the files that lie elsewhere: a page costs the same at any depth. Of
the journal only those stretches are read that the page reaches.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from events.journal import Batch, JournalFile, open_files
from events.lake.arrow import event_table
from events.lake.columns import EVENT_COLUMNS, converted
from events.lake.conditions import Conditions
from events.lake.connection import Interrupted, Lake, event_table_name, table_definition
from events.lake.query import COLUMNS, SELECTED, UNSEALED, EventQuery, EventRow, QueryTimeout, event_row
from events.lake.seal import sealed_names
from events.lake.unsealed import JournalIndex, Stretch

TIME_BITS = 80  # of an id, below its milliseconds
# What is sealed is looked through in steps, the first so long that it should hold the page with room to spare.
ROOM = 4
GROWTH = 16
SHORTEST_US = 1_000_000
STRETCHES_AT_ONCE = 64

Located = tuple[JournalFile, Stretch]


@dataclass(frozen=True, slots=True)
class Window:
    """A span of received time in microseconds since 1970, without its end; None is open."""

    start: int | None
    end: int | None

    def holds(self, stretch: Stretch) -> bool:
        """Tell whether events of the stretch may lie in it."""
        return (self.end is None or stretch.first_us < self.end) and (
            self.start is None or stretch.last_us >= self.start
        )


@dataclass(frozen=True, slots=True)
class _Sealed:
    """The received times of a dataset's first and last sealed event, and how many there are."""

    earliest_us: int
    latest_us: int
    count: int

    def us_per_event(self) -> float:
        """Return how far apart they are, on the average."""
        return (self.latest_us - self.earliest_us) / self.count

    def reaches(self, window: Window) -> bool:
        """Tell whether some may lie in the window."""
        return (window.start is None or self.latest_us >= window.start) and (
            window.end is None or self.earliest_us < window.end
        )


class EventPages:
    """The events of one query in one snapshot; made by `event_pages`."""

    def __init__(self, lake: Lake, query: EventQuery, unsealed: Sequence[Located]) -> None:
        self.query = query
        self._lake = lake
        self._unsealed = unsealed
        self._staged: set[Located] = set()
        self._deadline = time.monotonic() + settings.EVENTLANE_QUERY_SECONDS
        self._span = Window(_microseconds(query.from_time), _microseconds(query.to_time))
        has_table = lake.attached and lake.has_table(query.dataset.table_name)
        self._table = event_table_name(query.dataset.table_name) if has_table else None
        self._sealed = self._sealed_span()

    def fetch(self, *, descending: bool, after: UUID | None, limit: int) -> list[EventRow]:
        """Return the first `limit` events strictly after an id, in that order; without an id, of all."""
        place = Conditions()
        if after is not None:
            place.add("id < ?" if descending else "id > ?", after)
        windows = self._backwards(after, limit) if descending else self._onwards(after, limit)
        return self._take(windows, place, descending, limit)

    def find(self, event_id: UUID) -> EventRow | None:
        """Return the event with the id, if there is one."""
        place = Conditions()
        place.add("id = ?", event_id)
        start = _milliseconds(event_id) * 1000
        found = self._take(iter([Window(start, start + 1000)]), place, False, 1)
        return found[0] if found else None

    def clear(self) -> None:
        """Give back what was staged."""
        if self._staged:
            self._lake.execute(f"DROP TABLE {UNSEALED}")

    def _onwards(self, after: UUID | None, count: int) -> Iterator[Window]:
        """Yield windows onwards: up to where the journal begins, so much of that as may do, all the rest."""
        start, end = self._span.start, self._span.end
        if after is not None:
            start = _greater(start, _milliseconds(after) * 1000)
        ahead = sorted(self._reached(Window(start, end)), key=lambda stretch: stretch.first_us)
        journal_start = _greater(start, ahead[0].first_us) if ahead else end
        yield from self._steps(Window(start, journal_start), count, backwards=False)
        if ahead:
            cut = _less(end, max(stretch.last_us for stretch in _enough(ahead, count)) + 1)
            yield Window(journal_start, cut)
            yield Window(cut, end)

    def _backwards(self, before: UUID | None, count: int) -> Iterator[Window]:
        """Yield windows backwards: so much of the journal as may do, the rest of it, then what lies before it."""
        start, end = self._span.start, self._span.end
        if before is not None:
            end = _less(end, (_milliseconds(before) + 1) * 1000)
        behind = sorted(self._reached(Window(start, end)), key=lambda stretch: -stretch.last_us)
        if behind:
            for part in (_enough(behind, count), behind):
                cut = _greater(start, min(stretch.first_us for stretch in part))
                yield Window(cut, end)
                end = cut
        yield from self._steps(Window(start, end), count, backwards=True)

    def _steps(self, window: Window, count: int, backwards: bool) -> Iterator[Window]:
        """Cut what is sealed of a window into growing steps: DuckDB would read on behind the end of the page."""
        if self._sealed is None:
            return
        start = _greater(window.start, self._sealed.earliest_us)
        end = _less(window.end, self._sealed.latest_us + 1)
        step = max(SHORTEST_US, int(self._sealed.us_per_event() * count * ROOM))
        while start < end:
            cut = max(start, end - step) if backwards else min(end, start + step)
            yield Window(cut, end) if backwards else Window(start, cut)
            start, end = (start, cut) if backwards else (cut, end)
            step *= GROWTH

    def _sealed_span(self) -> "_Sealed | None":
        """Return where the sealed events lie, if there are any; DuckLake has that in its catalog."""
        if self._table is None:
            return None
        columns = "epoch_us(min(received_time)), epoch_us(max(received_time)), count(*)"
        earliest, latest, count = self._execute(f"SELECT {columns} FROM {self._table}")[0]
        return _Sealed(earliest, latest, count) if count else None

    def _take(self, windows: Iterator[Window], place: Conditions, descending: bool, count: int) -> list[EventRow]:
        rows: list[EventRow] = []
        while len(rows) < count and (window := next(windows, None)):
            rows += self._select(window, place, descending, count - len(rows))
        return rows

    def _select(self, window: Window, place: Conditions, descending: bool, count: int) -> list[EventRow]:
        sealed = self._sealed is not None and self._sealed.reaches(window)
        sources = [f"SELECT {COLUMNS} FROM {self._table}"] if sealed else []
        if self._stage(window):
            sources.append(f"SELECT {COLUMNS} FROM {UNSEALED}")
        if not sources:
            return []
        conditions = self.query.conditions()
        for part in (place, _within(window)):
            for condition, parameter in zip(part.parts, part.parameters, strict=True):
                conditions.add(condition, parameter)
        rows = self._execute(
            f"SELECT {SELECTED} FROM ({' UNION ALL '.join(sources)}) WHERE {conditions.sql}"
            f" ORDER BY id {'DESC' if descending else 'ASC'} LIMIT {count}",
            conditions.parameters,
        )
        return [event_row(row) for row in rows]

    def _reached(self, window: Window) -> list[Stretch]:
        return [stretch for _, stretch in self._unsealed if window.holds(stretch)]

    def _stage(self, window: Window) -> bool:
        """Have the query's events of the journal that the window reaches in UNSEALED; tell whether it reaches any."""
        reached = [located for located in self._unsealed if window.holds(located[1])]
        if reached and not self._staged:
            self._execute(f"CREATE OR REPLACE TEMP TABLE {UNSEALED} ({table_definition(EVENT_COLUMNS)})")
        conditions = self.query.conditions()
        insert = f"INSERT INTO {UNSEALED} SELECT {COLUMNS} FROM ({converted('events')}) WHERE {conditions.sql}"
        new = [located for located in reached if located not in self._staged]
        for part in _parts(new):
            batches: list[Batch] = []
            for file, stretch in part:
                reading = file.read(stretch.start, stretch.end - stretch.start)
                batches += [batch for batch in reading.batches if batch.dataset_id == self.query.dataset.id]
            self._execute(insert, conditions.parameters, events=event_table(batches))
        self._staged.update(new)
        return bool(reached)

    def _execute(self, sql: str, parameters: Sequence[Any] = (), **tables: Any) -> list[tuple[Any, ...]]:
        left = self._deadline - time.monotonic()
        try:
            if left > 0:
                with self._lake.time_limit(left):
                    return self._lake.execute(sql, parameters, **tables)
        except Interrupted:
            pass
        raise QueryTimeout(
            f"The query ran longer than {settings.EVENTLANE_QUERY_SECONDS:g} seconds. Ask for less of the past."
        )


_index = JournalIndex()


@contextmanager
def event_pages(lake: Lake, query: EventQuery) -> Iterator[EventPages]:
    """Open the journal, fix a snapshot of the lake, and give the pages of the query; its `limit` doesn't count."""
    files = open_files(settings.EVENTLANE_JOURNAL)
    try:
        with lake.transaction():
            names = [file.name for file in files]
            sealed = sealed_names(lake, names) if names else set()
            unsealed = _index.stretches([file for file in files if file.name not in sealed], query.dataset.id)
            pages = EventPages(lake, query, unsealed)
            yield pages
            pages.clear()
    finally:
        for file in files:
            file.close()


def _parts(located: Sequence[Located]) -> Iterator[Sequence[Located]]:
    """Yield as many stretches at a time as are converted at once."""
    for start in range(0, len(located), STRETCHES_AT_ONCE):
        yield located[start : start + STRETCHES_AT_ONCE]


def _enough(stretches: Sequence[Stretch], count: int) -> list[Stretch]:
    """Return as many of the stretches as it takes to have `count` events, if none is filtered out."""
    taken: list[Stretch] = []
    for stretch in stretches:
        taken.append(stretch)
        count -= stretch.count
        if count <= 0:
            break
    return taken


def _within(window: Window) -> Conditions:
    conditions = Conditions()
    if window.start is not None:
        conditions.add("received_time >= make_timestamptz(?)", window.start)
    if window.end is not None:
        conditions.add("received_time < make_timestamptz(?)", window.end)
    return conditions


def _milliseconds(event_id: UUID) -> int:
    return event_id.int >> TIME_BITS


def _greater(one: int | None, other: int) -> int:
    return other if one is None else max(one, other)


def _less(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
