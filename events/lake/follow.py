"""Follow a dataset: its events so far, then new ones as they arrive, from this node's journal and the lake.

New events of this node are read from its journal files, each followed by offset. Those of other nodes appear once they
are sealed. When a followed file is sealed, its events also appear in the lake, all in one snapshot. They are recognized
by their batches and skipped.

New in the lake since the last look are rows with a later snapshot *and* a row id that didn't exist then: DuckLake
numbers rows in the order of commits, and a row keeps its number when it moves to another file. The snapshot alone would
repeat rows that maintenance rewrote; the row id alone would require reading every file on each look.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from uuid import UUID

import duckdb
from django.conf import settings
from django.db import connection

from events.journal import Copy, JournalFile, open_files
from events.journal.copies import are_copies, copies_among
from events.lake.conditions import Conditions
from events.lake.connection import Lake, quoted_text
from events.lake.partial import TolerantLake
from events.lake.query import EventQuery, EventRow, batch_key, newest, select
from events.lake.sealed_requests import sealed_copies
from events.lake.snapshot import Snapshot, open_snapshot
from events.lake.unsealed import Span
from events.models import DamagedFile

READ_BYTES = 16 * 1024 * 1024  # of a journal file at a time


@dataclass(slots=True)
class _Followed:
    """A journal file that wasn't sealed when we first saw it."""

    file: JournalFile
    offset: int = 0
    batches: set[int] = field(default_factory=set)  # whose events are shown, or aren't to be


@dataclass(frozen=True, slots=True)
class _Position:
    """How far the lake has been read."""

    snapshot: int = -1
    row_id: int = 0


class EventFollower:
    """Call `history()` once, then `news()` repeatedly; after an error, `news()` may be called again."""

    def __init__(self, query: EventQuery) -> None:
        self._query = query
        self._lake = TolerantLake([query.dataset.table_name])
        self._followed: dict[str, _Followed] = {}
        self._passed: set[str] = set()  # files whose events come, or came, from the lake
        self._shown: dict[bytes, Copy] = {}  # by token, from the journal, and not known to be sealed
        self._position = _Position()

    def __enter__(self) -> "EventFollower":
        return self

    def __exit__(self, *exception: object) -> None:
        self._lake.close()
        self._start_again()

    @property
    def left_out(self) -> list[DamagedFile]:
        """The damaged files that were skipped."""
        return self._lake.left_out

    def history(self) -> Iterator[EventRow]:
        """Yield the existing events."""
        while True:
            try:
                yield from self._history()
                return
            except duckdb.Error as error:  # before the first event, see EventReader.left_out
                self._lake.leave_out(error)
                self._start_again()

    def news(self) -> list[EventRow]:
        """Return what arrived since the last call, in order of receipt."""
        return self._lake.read(self._news)

    def reconnect(self) -> None:
        """Start with a new DuckDB if the old one has lost its database. Nothing is repeated or skipped."""
        self._lake.close()
        connection.close()  # Django's own, which may be broken, too
        self._lake = TolerantLake([self._query.dataset.table_name])

    def _history(self) -> Iterator[EventRow]:
        row_id = self._next_row_id(self._lake.lake)
        with self._snapshot(self._lake.lake) as snapshot:
            position = _position_of(snapshot, row_id)
            offsets = self._read_on(snapshot)
            rows = newest(snapshot, self._query)
            self._advance(position, snapshot.sealed, offsets)
            yield from rows

    def _news(self, lake: Lake) -> list[EventRow]:
        row_id = self._next_row_id(lake)
        with self._snapshot(lake) as snapshot:
            position = _position_of(snapshot, row_id)
            offsets = self._read_on(snapshot)
            rows = self._new_in_journal(snapshot) + self._new_in_lake(snapshot, position)
        self._advance(position, snapshot.sealed, offsets)
        return sorted(rows, key=lambda row: row.id)

    def _start_again(self) -> None:
        """Close all journal files."""
        for followed in self._followed.values():
            followed.file.close()
        self._followed.clear()
        self._passed.clear()
        self._shown.clear()

    def _snapshot(self, lake: Lake) -> AbstractContextManager[Snapshot]:
        """Open the files that we don't know yet, then a snapshot."""
        files = open_files(settings.EVENTLANE_JOURNAL)
        self._passed &= {file.name for file in files}
        for file in files:
            if file.name in self._passed or file.name in self._followed:
                file.close()
            else:
                self._followed[file.name] = _Followed(file)
        held = [followed.file for followed in self._followed.values()]
        return open_snapshot(lake, [self._query.dataset], self._query.conditions(), held=held)

    def _next_row_id(self, lake: Lake) -> int:
        """Return the id of the table's next row, for the snapshot that is taken after this.

        Too small an id is harmless. One of a later commit, which a statement in the snapshot's transaction may return,
        would hide the events of that commit for ever.
        """
        return lake.next_row_id(self._query.dataset.table_name) if lake.attached else 0

    def _read_on(self, snapshot: Snapshot) -> dict[str, int]:
        """Stage what is new in the followed files; return the new offsets by name.

        A sealed file that wasn't read at all is skipped: its events are in the lake, and new there.
        """
        offsets = {}
        for name, followed in self._followed.items():
            offsets[name] = followed.offset
            if name not in snapshot.sealed or followed.offset:
                offsets[name] = self._read_file(snapshot, followed)
        return offsets

    def _read_file(self, snapshot: Snapshot, followed: _Followed) -> int:
        dataset, span = self._query.dataset, Span.between(self._query.from_time, self._query.to_time)
        offset = followed.offset
        while (reading := followed.file.read(offset, READ_BYTES)).batches:
            offset = reading.end
            batches = [batch for batch in reading.batches if batch.dataset_id == dataset.id]
            hidden = self._hide(snapshot, followed, copies_among(batches))
            batches = [batch for batch in batches if batch.first_id not in hidden]
            followed.batches.update(batch_key(UUID(bytes=batch.first_id)) for batch in batches)
            if wanted := [batch for batch in batches if span.holds(batch.received_us)]:
                snapshot.stage(dataset, wanted)
        return offset

    def _hide(self, snapshot: Snapshot, followed: _Followed, copies: Sequence[Copy]) -> set[bytes]:
        """Return the first ids of copies not to be shown from the journal: they were, or come from the lake.

        What was shown is not to come from the lake under the id of another copy.
        """
        hidden = set()
        sealed = sealed_copies(snapshot.lake, copies)
        for copy in copies:
            shown = self._shown.get(copy.token)
            if shown is not None and shown != copy and are_copies(shown, copy):
                followed.batches.add(batch_key(UUID(bytes=copy.first_id)))
                hidden.add(copy.first_id)
            elif shown != copy and sealed.first_of(copy):
                hidden.add(copy.first_id)
            else:
                self._shown[copy.token] = copy
        return hidden

    def _new_in_journal(self, snapshot: Snapshot) -> list[EventRow]:
        return [row for source in snapshot.sources(sealed=False) for row in select(snapshot, source, Conditions())]

    def _new_in_lake(self, snapshot: Snapshot, position: _Position) -> list[EventRow]:
        table = snapshot.sealed_table(self._query.dataset)
        if table is None or position.snapshot == self._position.snapshot:
            return []
        columns = snapshot.columns_of(self._query.dataset)
        source = f"SELECT {quoted_text(self._query.dataset.name)} AS dataset, {columns} FROM {table}"
        new = f"{source} WHERE snapshot_id > {self._position.snapshot} AND rowid >= {self._position.row_id}"
        rows = select(snapshot, new, self._query.conditions())
        known = [followed.batches for followed in self._followed.values()]
        known.append(self._sealed_elsewhere(snapshot))
        return [row for row in rows if not any(batch_key(row.id) in batches for batches in known)]

    def _sealed_elsewhere(self, snapshot: Snapshot) -> set[int]:
        """Return the batches of which copies were shown before they were sealed; look no more for these."""
        sealed = sealed_copies(snapshot.lake, list(self._shown.values()))
        firsts = {copy.token: first for copy in self._shown.values() if (first := sealed.first_of(copy))}
        for token in firsts:
            del self._shown[token]
        return {batch_key(UUID(bytes=first.first_id)) for first in firsts.values()}

    def _advance(self, position: _Position, sealed: set[str], offsets: dict[str, int]) -> None:
        """Remember the positions; close files that are sealed and completely read."""
        self._position = position
        for name, offset in offsets.items():
            self._followed[name].offset = offset
            if name in sealed:
                self._pass(name)

    def _pass(self, name: str) -> None:
        self._followed.pop(name).file.close()
        self._passed.add(name)


def _position_of(snapshot: Snapshot, row_id: int) -> _Position:
    lake = snapshot.lake
    return _Position(lake.value("SELECT id FROM lake.current_snapshot()"), row_id) if lake.attached else _Position()
