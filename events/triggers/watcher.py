"""Watch this node's journal for events that match triggers: while files grow, and before they are sealed."""

import logging
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from eventlane.database import DATABASE_AWAY, disconnect
from eventlane.one_line import kind_and_line
from eventlane.progress import UNWATCHED, Progress
from events.journal import JournalFile
from events.journal.reader import SUFFIX, journal_paths, open_file
from events.triggers.evaluate import STRETCH_BYTES, evaluate
from events.triggers.fire import fire_due_matches
from events.triggers.store import Overtaken, forget_sealed, store, stored_progress
from events.triggers.table import TriggerTable

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2
LOOK_SECONDS = 1.0  # how often PostgreSQL is queried for triggers and left-over matches while nothing happens
TIDY_SECONDS = 300.0
STORED_BYTES = 8 << 20  # after a crash, at most this much without a match is evaluated again
HOLD_SECONDS = 60.0  # how long the sealer waits for a file that can't be evaluated


@dataclass(slots=True)
class _Position:
    """How far a file is evaluated, and how much of that is committed."""

    end: int
    stored: int


class TriggerWatcher:
    """Evaluates the journal files of a folder. Its own thread calls `run`, and the sealer's calls `held_back`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._table = TriggerTable()
        self._lock = threading.Lock()  # guards everything below; held for one stretch at a time
        self._positions: dict[str, _Position] = {}
        self._failures: dict[str, float] = {}  # since when a file can't be evaluated
        self._has_triggers = False
        self._has_matches = True  # some may be left over
        self._next_look = self._next_tidying = 0.0

    def run(self, stop: threading.Event, progress: Progress = UNWATCHED) -> None:
        """Watch until `stop` is set. A failure is logged once, and so is its end."""
        failures = 0
        while not stop.is_set():
            try:
                pause = self.watch()
            except Exception as error:  # whatever it is: what isn't committed is done again
                if failures == 0:
                    logger.error("triggers on datasets have stopped; trying again: %s", kind_and_line(error))
                failures += 1
                pause = min(10.0, LOOK_SECONDS * failures)
                disconnect()
            else:
                if failures:
                    logger.info("triggers on datasets work again")
                failures = 0
            progress.step()
            progress.wait(stop, pause)
        disconnect()

    def watch(self) -> float:
        """Continue for a bit; return after how many seconds to call again."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            with self._lock:
                self._has_triggers = bool(self._table.look())
            self._has_matches |= self._has_triggers
        if not self._has_triggers and not self._has_matches:
            return LOOK_SECONDS
        has_more = self._has_triggers and self._read_on()
        if self._has_matches:
            self._has_matches = fire_due_matches()
        if now >= self._next_tidying:
            self._next_tidying = now + TIDY_SECONDS
            forget_sealed(self._folder)
        return 0.0 if has_more or self._has_matches else POLL_SECONDS

    def held_back(self, files: Collection[JournalFile]) -> set[str]:
        """Evaluate closed files to their ends; return the names of those that can't be sealed yet.

        Reads nothing if there are no triggers now: all events in the file came before any. If a file can't be evaluated
        for a minute although PostgreSQL answers, it is given up: sealing must go on.
        """
        with self._lock:
            if not self._table.look():
                return set()
        return {file.name for file in files if not self._finish(file)}

    def _finish(self, file: JournalFile) -> bool:
        """Evaluate a file to its end; return whether it may be sealed."""
        try:
            while self._advance(file):
                pass
        except DATABASE_AWAY:
            raise
        except Exception as error:
            return self._give_up(file, error)
        return True

    def _give_up(self, file: JournalFile, error: Exception) -> bool:
        if time.monotonic() - self._note_failure(file, error) < HOLD_SECONDS:
            return False
        logger.error("the rest of %s is sealed without looking for triggers: %s", file.path, kind_and_line(error))
        return True

    def _note_failure(self, file: JournalFile, error: Exception) -> float:
        """Log the first failure of a file; return its time."""
        if file.name not in self._failures:
            logger.error("can't evaluate triggers for %s; trying again: %s", file.path, kind_and_line(error))
        return self._failures.setdefault(file.name, time.monotonic())

    def _read_on(self) -> bool:
        """Evaluate a stretch of each file that has grown; return whether one may have more."""
        has_more = False
        sizes = self._sizes()
        with self._lock:
            self._positions = {name: position for name, position in self._positions.items() if name in sizes}
            self._failures = {name: since for name, since in self._failures.items() if name in sizes}
        for name, size in sizes.items():
            known = self._positions.get(name)
            if known is None or known.end < size:
                has_more |= self._advance_path(self._folder / f"{name}{SUFFIX}")
        return has_more

    def _advance_path(self, path: Path) -> bool:
        file = open_file(path)
        if file is None:
            return False  # sealed since the listing, or not a journal file
        with file:
            try:
                return self._advance(file)
            except DATABASE_AWAY:
                raise
            except Exception as error:  # the other files, and firing, continue
                self._note_failure(file, error)
                return False

    def _advance(self, file: JournalFile) -> bool:
        """Evaluate the next stretch of a file; return whether there was one."""
        with self._lock:
            position = self._position(file.name)
            reading = file.read(position.end, STRETCH_BYTES)
            if not reading.batches:
                return False
            matches = evaluate(reading.batches, self._table.look())
            if matches or reading.end - position.stored >= STORED_BYTES:
                try:
                    store(file.name, file.node, position.stored, reading.end, matches)
                except Overtaken:
                    del self._positions[file.name]
                    return True
                position.stored = reading.end
                self._has_matches |= bool(matches)
            position.end = reading.end
            self._failures.pop(file.name, None)
            return True

    def _position(self, name: str) -> _Position:
        if name not in self._positions:
            stored = stored_progress(name)
            self._positions[name] = _Position(stored, stored)
        return self._positions[name]

    def _sizes(self) -> dict[str, int]:
        """Return the journal files with their sizes, oldest first."""
        return {path.stem: _size(path) for path in journal_paths(self._folder)}


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0  # sealed since the listing
