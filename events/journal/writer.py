"""Write the journal: group commit, one file per process at a time."""

import asyncio
import fcntl
import logging
import os
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

from events.journal.format import FRAME, HEADER_BYTES, MARKER_BYTES, Batch, encode_header, encode_payload, first_id
from events.journal.reader import DRAFT_SUFFIX, SUFFIX, sync_folder

logger = logging.getLogger(__name__)


class JournalFailed(Exception):
    """The events are not stored: the disk refused them. `reason` is for senders."""

    reason = "the events could not be written"


class _Commit:
    """The payloads that go to disk with one fdatasync, who waits for it, and the result."""

    __slots__ = ("error", "futures", "payloads", "tasks")

    def __init__(self) -> None:
        self.payloads: list[tuple[bytes, int]] = []  # with their checksums
        self.tasks: list[asyncio.Future[None]] = []  # of the event loop
        self.futures: list[Future[None]] = []  # of threads
        self.error: Exception | None = None

    def settle(self) -> None:
        """Tell all waiters the result, those in the event loop all at once."""
        for future in self.futures:
            _tell(future, self.error)
        if self.tasks:
            self.tasks[0].get_loop().call_soon_threadsafe(self._settle_tasks)

    def _settle_tasks(self) -> None:
        for task in self.tasks:
            if not task.done():  # its request may have been cancelled
                _tell(task, self.error)


def _tell(future: "asyncio.Future[None] | Future[None]", error: Exception | None) -> None:
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(JournalFailed(str(error)))


class _File:
    """The file being written. Its exclusive flock keeps sealers away until it is closed or its writer has died."""

    def __init__(self, folder: Path, node: str) -> None:
        """Create a file; it appears under its name with its header on disk and the lock held.

        It is locked under its draft name first: a sealer must never see it unlocked while we use it.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / f"{node}-{first_id(time.time_ns()).hex()}{SUFFIX}"
        self.birth = time.monotonic()
        self.size = HEADER_BYTES
        draft = self.path.with_suffix(DRAFT_SUFFIX)
        self.fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX)
            self.marker = os.urandom(MARKER_BYTES)
            _write_all(self.fd, encode_header(self.marker))
            os.fdatasync(self.fd)
            draft.rename(self.path)
            sync_folder(folder)
        except BaseException:
            os.close(self.fd)
            draft.unlink(missing_ok=True)
            raise

    def write(self, payloads: list[tuple[bytes, int]]) -> None:
        """Append the payloads as frames and wait until they are on disk."""
        parts: list[bytes] = []
        for payload, checksum in payloads:
            parts += (FRAME.pack(self.marker, len(payload), checksum), payload)
        data = b"".join(parts)
        _write_all(self.fd, data)
        os.fdatasync(self.fd)
        self.size += len(data)

    def finish(self) -> None:
        """Close the file with its size in its header; the sealer may then take it.

        Not synced: its frames are on disk, and if a power cut loses the size, the header says that the writer died.
        """
        try:
            os.pwrite(self.fd, encode_header(self.marker, self.size), 0)
        except OSError as error:
            logger.warning("%s is closed without its size: %s", self.path, error)
        finally:
            os.close(self.fd)

    def abandon(self) -> None:
        """Close the file after a failed write; cut off what was never acknowledged, if the disk still lets us."""
        try:
            os.ftruncate(self.fd, self.size)
        except OSError:
            pass  # a reader then finds whole frames that were answered with 500: stored once too often, not lost
        os.close(self.fd)


def _write_all(fd: int, data: bytes) -> None:
    """Write all of `data`; a single write may stop short, for example on a nearly full disk."""
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])


class JournalWriter:
    """Appends batches for a process's threads and event loop. When a call returns, its batch is on disk.

    Group commit: a single thread writes. Whatever arrives meanwhile becomes the next commit. An event loop is woken
    once for all of its requests in a commit.

    After a failed write or fdatasync, the file is abandoned, never retried: the kernel may have dropped the pages and
    would report success the second time. The next commit starts a new file.
    """

    def __init__(self, folder: Path, node: str, max_bytes: int, max_age_seconds: float) -> None:
        self._folder, self._node = folder, node
        self._max_bytes, self._max_age_seconds = max_bytes, max_age_seconds
        self._queue = threading.Lock()  # guards `_next` and `_thread`
        self._disk = threading.Lock()  # guards `_file`; held while writing
        self._next = _Commit()
        self._filled = threading.Lock()  # held while `_next` is empty; the writing thread waits for it
        self._filled.acquire()
        self._thread: threading.Thread | None = None
        self._file: _File | None = None
        self._rotation: threading.Thread | None = None

    def append(self, *batches: Batch) -> None:
        """Store at least one batch; raise JournalFailed if not all are on disk."""
        future: Future[None] = Future()
        self._hand_over(batches, lambda commit: commit.futures.append(future))
        future.result()

    async def store(self, *batches: Batch) -> None:
        """Store batches without blocking the event loop; raise JournalFailed if they aren't on disk."""
        task = asyncio.get_running_loop().create_future()
        self._hand_over(batches, lambda commit: commit.tasks.append(task))
        await task

    def close(self) -> None:
        """Close the file now, so that the sealer gets it. A later append starts another."""
        with self._disk:
            self._rotate()

    def _hand_over(self, batches: Sequence[Batch], join: Callable[[_Commit], None]) -> None:
        """Add batches to the next commit. Start the thread if needed, in the process that writes (not its parent)."""
        payloads = [(payload, zlib.crc32(payload)) for payload in map(encode_payload, batches)]
        with self._queue:
            if self._thread is None:
                thread = threading.Thread(target=self._write_for_ever, name="journal", daemon=True)
                thread.start()
                self._thread = thread
            join(self._next)
            if not self._next.payloads:
                self._filled.release()
            self._next.payloads += payloads

    def _write_for_ever(self) -> None:
        while True:
            self._filled.acquire()
            self._write_next()  # a separate function, so that nothing written is kept while this waits

    def _write_next(self) -> None:
        with self._queue:
            commit, self._next = self._next, _Commit()
        try:
            with self._disk:
                self._write(commit)
        except Exception as error:  # without this thread, nothing would be stored any more
            logger.exception("events could not be stored")
            commit.error = error
        try:
            commit.settle()
        except Exception:  # the event loop is closed: the process is exiting
            logger.exception("nobody is waiting for stored events any more")

    def _write(self, commit: _Commit) -> None:
        try:
            if self._file is None:
                self._file = _File(self._folder, self._node)
                self._start_rotation()
            self._file.write(commit.payloads)
        except Exception as error:  # whatever it was, nobody may be told that the events are stored
            commit.error = error
            self._abandon()
        if self._file is not None and self._file.size >= self._max_bytes:
            self._rotate()

    def _abandon(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.abandon()

    def _rotate(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.finish()

    def _start_rotation(self) -> None:
        """Start the thread that closes old files, in the process that writes (not its parent)."""
        if self._rotation is None or not self._rotation.is_alive():
            self._rotation = threading.Thread(target=self._rotate_old_files, name="journal rotation", daemon=True)
            self._rotation.start()

    def _rotate_old_files(self) -> None:
        while True:
            time.sleep(self._max_age_seconds / 5)
            try:
                with self._disk:
                    if self._file is not None and time.monotonic() - self._file.birth >= self._max_age_seconds:
                        self._rotate()
            except Exception:  # without this thread, files would stay open forever
                logger.exception("a journal file could not be closed")
