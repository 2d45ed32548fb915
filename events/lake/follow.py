"""Follow a dataset: its events so far, then each new one as it comes, from this node's journal and from the lake.

New events of this node are read from its journal files, which are followed by offset; those of other nodes
come with their sealing. When a followed file is sealed its events turn up in the lake too, all in one
snapshot; they are known by their batches and passed over.

What is new in the lake since the last look are rows with a later snapshot *and* a row id not given out then:
DuckLake numbers rows in the order of commits and keeps the number when a row is moved to another file. The
snapshot alone would show rows again that maintenance rewrote; the row id alone would make every look read
every file.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
from django.conf import settings
from django.db import connection

from events.journal import JournalFile, open_files
from events.lake.conditions import Conditions
from events.lake.query import UNSEALED, EventQuery, EventReader, EventRow, batch_key
from events.models import DamagedFile


@dataclass(slots=True)
class _Followed:
    """A journal file that was not sealed when we first saw it."""

    file: JournalFile
    offset: int = 0
    batches: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Position:
    """How far the lake has been read."""

    snapshot: int = -1
    row_id: int = 0


class Follower:
    """Gives `history()` once, then `news()` as often as one likes; after an error `news()` may be called again."""

    def __init__(self, query: EventQuery) -> None:
        self._reader = EventReader(query)
        self._followed: dict[str, _Followed] = {}
        self._passed: set[str] = set()  # files whose events come, or came, out of the lake
        self._position = _Position()

    def __enter__(self) -> "Follower":
        return self

    def __exit__(self, *exception: object) -> None:
        self._reader.lake.close()
        self._start_again()

    @property
    def left_out(self) -> list[DamagedFile]:
        """The damaged files that it does without."""
        return self._reader.left_out

    def history(self) -> Iterator[EventRow]:
        """Yield the events there are."""
        while True:
            try:
                yield from self._history()
                return
            except duckdb.Error as error:  # before the first event, see EventReader.read
                self._reader.leave_out_damage(error)
                self._start_again()

    def news(self) -> list[EventRow]:
        """Return what came since the last call, in order of receipt."""
        while True:
            try:
                return self._news()
            except duckdb.Error as error:
                self._reader.leave_out_damage(error)

    def _history(self) -> Iterator[EventRow]:
        files = self._open_new_files()
        with self._reader.lake.transaction():
            position, sealed = self._look(files)
            offsets = self._stage()
            rows = self._reader.newest()
            self._advance(position, sealed, offsets)
            yield from rows

    def _news(self) -> list[EventRow]:
        if not self._reader.lake.attached:
            self._reader.lake.attach_if_there()
        files = self._open_new_files()
        with self._reader.lake.transaction():
            position, sealed = self._look(files)
            offsets = self._stage()
            rows = self._new_in_journal() + self._new_in_lake(position)
        self._advance(position, sealed, offsets)
        return sorted(rows, key=lambda row: row.id)

    def reconnect(self) -> None:
        """Start with a new DuckDB where the old one has lost its database. Nothing is shown twice or left out."""
        self._reader.lake.close()
        connection.close()  # Django's own, which may have broken with it
        self._reader = EventReader(self._reader.query)

    def _start_again(self) -> None:
        """Let go of all journal files."""
        for followed in self._followed.values():
            followed.file.close()
        self._followed.clear()
        self._passed.clear()

    def _open_new_files(self) -> list[JournalFile]:
        """Open the files that we don't know yet."""
        files = open_files(settings.EVENTLANE_JOURNAL)
        self._passed &= {file.name for file in files}
        new = []
        for file in files:
            if file.name in self._passed or file.name in self._followed:
                file.close()
            else:
                new.append(file)
        return new

    def _look(self, new: list[JournalFile]) -> tuple[_Position, set[str]]:
        """Take sides for the new files; return where the lake is now and which files are sealed there."""
        for file in new:
            self._followed[file.name] = _Followed(file)
        position = self._lake_position()
        sealed = self._reader.sealed_among(followed.file for followed in self._followed.values())
        for file in new:
            if file.name in sealed:
                self._pass(file.name)
        return position, sealed

    def _lake_position(self) -> _Position:
        """Return the transaction's snapshot, and the next row id, which is read first: too small does no harm."""
        lake = self._reader.lake
        if not lake.attached:
            return _Position()
        row_id = lake.next_row_id(self._reader.query.dataset.table_name)
        return _Position(lake.value("SELECT id FROM lake.current_snapshot()"), row_id)

    def _stage(self) -> dict[str, int]:
        """Read the followed files on into UNSEALED; return how far, by name."""
        self._reader.empty()
        offsets = {}
        for name, followed in self._followed.items():
            offsets[name], batches = self._reader.stage(followed.file, followed.offset)
            followed.batches |= batches
        return offsets

    def _new_in_journal(self) -> list[EventRow]:
        return list(self._reader.select(f"FROM {UNSEALED}", Conditions(), None))

    def _new_in_lake(self, position: _Position) -> list[EventRow]:
        table = self._reader.sealed_table()
        if table is None or position.snapshot == self._position.snapshot:
            return []
        new = f"FROM {table} WHERE snapshot_id > {self._position.snapshot} AND rowid >= {self._position.row_id}"
        rows = self._reader.select(new, self._reader.query.conditions(), None)
        known = [followed.batches for followed in self._followed.values()]
        return [row for row in rows if not any(batch_key(row.id) in batches for batches in known)]

    def _advance(self, position: _Position, sealed: set[str], offsets: dict[str, int]) -> None:
        """Remember how far we are; let go of files that are sealed and read to their end."""
        self._position = position
        for name, offset in offsets.items():
            self._followed[name].offset = offset
            if name in sealed:
                self._pass(name)

    def _pass(self, name: str) -> None:
        self._followed.pop(name).file.close()
        self._passed.add(name)
