"""The sealer's work: look for closed journal files, seal them, recover from failures.

DuckDB and Arrow are imported once there is something to seal, and closed after a while without work.
"""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection

from eventlane.progress import UNWATCHED, Progress
from events.journal import JournalFile, claim_closed
from events.lake.incidents import end_incidents, note_incident
from events.lake.reasons import reason_of
from events.lake.statistics import note_quarantine
from events.models import DroppedTable

if TYPE_CHECKING:
    from events.lake.connection import Lake
    from events.lake.seal import Sealed

logger = logging.getLogger(__name__)

IDLE_SECONDS = 30.0  # attaching again takes 0.1 s, staying attached 60 MB
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
LONGEST_REST_SECONDS = 10.0
BATCH_FILES = 200  # open at a time; many systems allow 1,024 per process

HeldBack = Callable[[list[JournalFile]], set[str]]


class SealingFailed(Exception):
    """Nothing can be sealed now, whatever the file."""


class _Postponed:
    """A file that could not be sealed although others could, and when to retry it."""

    def __init__(self) -> None:
        self.failures = 0
        self.retry_time = 0.0

    def failed(self) -> None:
        """Double the wait."""
        self.retry_time = time.monotonic() + pause_seconds(self.failures)
        self.failures += 1


def pause_seconds(failures: int) -> float:
    """Return how long to wait after this many failures before the last one."""
    return min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(failures, 10))


def rest_seconds(took: float, sealed_bytes: int) -> float:
    """Return how long to rest after a round of sealing.

    Each dataset costs its share of every round, however few its events are. With many datasets, rounds therefore become
    rarer, except while there is enough for a full journal file: that is work, not overhead.
    """
    interval: float = settings.EVENTLANE_SEAL_INTERVAL_SECONDS
    if sealed_bytes >= settings.EVENTLANE_JOURNAL_MAX_BYTES:
        return interval
    return max(interval, min(LONGEST_REST_SECONDS, took * settings.EVENTLANE_SEAL_REST))


class Sealer:
    """Seals the closed files of a journal folder continuously, in a single thread.

    Before files are sealed, `held_back` returns the names of those that somebody else still has to read.
    """

    def __init__(self, folder: Path, held_back: HeldBack = lambda files: set()) -> None:
        self._folder = folder
        self._held_back = held_back
        self._lake: Lake | None = None
        self._postponed: dict[str, _Postponed] = {}
        self._last_work = time.monotonic()
        self._progress = UNWATCHED

    @property
    def postponed_files(self) -> list[str]:
        """The names of files that could not be sealed although others could."""
        return sorted(self._postponed)

    def run(self, stop: Event, progress: Progress = UNWATCHED) -> None:
        """Seal until `stop` is set. Logs each incident once, and its end."""
        self._progress = progress
        failures = 0
        unsure = True  # the last sealer of this node may have left an open incident
        while not stop.is_set():
            begin, sealed_bytes = time.monotonic(), 0
            try:
                for sealed in self.seal_available(stop):
                    _log(sealed)
                    sealed_bytes += sealed.bytes
                    progress.step()
            except SealingFailed as error:
                if failures == 0:
                    logger.error("sealing failed; trying again: %s", error)
                note_incident("", str(error))
                progress.wait(stop, pause_seconds(failures))
                failures += 1
                continue
            if failures:
                logger.info("sealing works again")
            if failures or unsure:
                self._note_sealed([], quarantined=0)
            failures, unsure = 0, False
            self._close_idle_lake()
            progress.wait(stop, rest_seconds(time.monotonic() - begin, sealed_bytes))
        self.close()

    def seal_available(self, stop: Event | None = None) -> Iterator["Sealed"]:
        """Seal all closed files, oldest first, and drop tables of deleted datasets; yield each transaction's result.

        Raise SealingFailed if the cause isn't a single file.
        """
        self._drop_tables()
        for files in self._claimed_batches():
            try:
                yield from self._seal(self._free(files))
            finally:
                for file in files:
                    file.close()
            if stop is not None and stop.is_set():
                return

    def close(self) -> None:
        """Close the lake."""
        if self._lake is not None:
            self._lake.close()
            self._lake = None

    def _claimed_batches(self) -> Iterator[list[JournalFile]]:
        """Yield claimed files in batches of about EVENTLANE_SEAL_BATCH_BYTES."""
        files: list[JournalFile] = []
        size = 0
        for file in claim_closed(self._folder):
            if self._is_postponed(file.name):
                file.close()
                continue
            if files and (len(files) == BATCH_FILES or size + file.size() > settings.EVENTLANE_SEAL_BATCH_BYTES):
                yield files
                files, size = [], 0
            files.append(file)
            size += file.size()
        if files:
            yield files

    def _free(self, files: list[JournalFile]) -> list[JournalFile]:
        """Return the files that may be sealed now."""
        try:
            held_back = self._held_back(files)
        except Exception as error:
            self._start_afresh()
            raise SealingFailed(reason_of(error)) from error
        return [file for file in files if file.name not in held_back]

    def _seal(self, files: list[JournalFile], is_well: bool = False) -> Iterator["Sealed"]:
        """Seal the files together. If that fails though the lake works, seal halves, so that good ones get sealed.

        Bad events of a single file go into quarantine. If none are found, the file waits.
        """
        if not files:
            return
        try:
            yield self._seal_together(files)
        except Exception as error:  # whatever it is, the files stay and the sealer continues
            self._start_afresh()
            if len(files) == 1:
                yield from self._seal_good_events(files[0], error)
                return
            if not is_well:
                self._check_lake()
            middle = len(files) // 2
            yield from self._seal(files[:middle], is_well=True)
            yield from self._seal(files[middle:], is_well=True)

    def _check_lake(self) -> None:
        """Raise SealingFailed unless something harmless can be sealed."""
        self._progress.step()
        try:
            from events.lake.culprits import check_lake

            check_lake(self._open_lake())
        except Exception as error:
            self._start_afresh()
            raise SealingFailed(reason_of(error)) from error

    def _seal_together(self, files: list[JournalFile]) -> "Sealed":
        from events.lake.seal import seal_files

        return self._done(files, seal_files(self._open_lake(), files))

    def _seal_good_events(self, file: JournalFile, error: Exception) -> Iterator["Sealed"]:
        """Seal a file without its bad events."""
        from events.lake.culprits import LakeUnwell
        from events.lake.rescue import seal_without_culprits

        self._check_lake()
        if file.name not in self._postponed:
            logger.error("can't seal %s; searching for the cause in it: %s", file.path, reason_of(error))
        try:
            yield self._done([file], seal_without_culprits(self._open_lake(), file, self._progress.step))
        except LakeUnwell as unwell:
            self._start_afresh()
            raise SealingFailed(str(unwell)) from unwell
        except Exception as still:
            self._start_afresh()
            self._blame(file, still)

    def _done(self, files: list[JournalFile], sealed: "Sealed") -> "Sealed":
        for file in files:
            self._postponed.pop(file.name, None)
        self._note_sealed(files, sealed.quarantined)
        return sealed

    def _note_sealed(self, files: list[JournalFile], quarantined: int) -> None:
        """Tell the console that sealing works. The files are already sealed, so a failure here doesn't affect them."""
        try:
            end_incidents([file.name for file in files])
            if quarantined:
                note_quarantine(self._open_lake())
        except Exception as error:
            logger.warning("the console's statistics could not be written: %s", reason_of(error))
            self._start_afresh()

    def _blame(self, file: JournalFile, error: Exception) -> None:
        """Skip the file for a while."""
        if file.name not in self._postponed:
            logger.error("can't seal %s; trying again later: %s", file.path, reason_of(error))
        self._postponed.setdefault(file.name, _Postponed()).failed()
        note_incident(file.name, reason_of(error))

    def _is_postponed(self, name: str) -> bool:
        postponed = self._postponed.get(name)
        return postponed is not None and postponed.retry_time > time.monotonic()

    def _drop_tables(self) -> None:
        try:
            if DroppedTable.objects.exists():
                from events.lake.seal import drop_tables

                for name in drop_tables(self._open_lake()):
                    logger.info("dropped table %s of a deleted dataset", name)
        except Exception as error:
            self._start_afresh()
            raise SealingFailed(reason_of(error)) from error

    def _open_lake(self) -> "Lake":
        from events.lake.connection import Lake

        self._last_work = time.monotonic()
        if self._lake is None:
            self._lake = Lake()
            note_quarantine(self._lake)  # maintenance may have removed some of it
        return self._lake

    def _start_afresh(self) -> None:
        """Close both connections to PostgreSQL, which may be broken."""
        try:
            self.close()
        finally:
            connection.close()

    def _close_idle_lake(self) -> None:
        if self._lake is not None and time.monotonic() - self._last_work > IDLE_SECONDS:
            self.close()


def _log(sealed: "Sealed") -> None:
    if sealed.quarantined:
        logger.warning("%d events or damaged stretches went into quarantine", sealed.quarantined)
    logger.debug("sealed %d events of %d files, %d bytes", sealed.events, sealed.files, sealed.bytes)
