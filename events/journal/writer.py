"""Write the journal: group commit across threads, one file per process at a time."""

import fcntl
import logging
import os
import threading
import time
import zlib
from pathlib import Path

from events.journal.format import FRAME, HEADER_BYTES, MARKER_BYTES, Batch, encode_header, encode_payload, first_id
from events.journal.reader import DRAFT_SUFFIX, SUFFIX, sync_folder

logger = logging.getLogger(__name__)


class JournalFailed(Exception):
    """The events are not stored: the disk refused them."""


class _Commit:
    """The payloads that go to disk with one fdatasync, who waits for it, and how it went."""

    __slots__ = ("done", "error", "payloads", "turns")

    def __init__(self) -> None:
        self.payloads: list[tuple[bytes, int]] = []  # with their checksums
        self.turns: list[threading.Lock] = []  # one for each payload's thread, held until it may go on
        self.done = False
        self.error: Exception | None = None


class _File:
    """The file being written. Its exclusive flock tells sealers, also after a crash, that it isn't theirs yet."""

    def __init__(self, folder: Path, node: str) -> None:
        """Make a file and let it appear under its name with its header on disk and the lock taken.

        It is locked under a draft's name first: a sealer must never see it unlocked while we are at it.
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
        """Append the payloads as frames and wait until the disk has them."""
        parts: list[bytes] = []
        for payload, checksum in payloads:
            parts += (FRAME.pack(self.marker, len(payload), checksum), payload)
        data = b"".join(parts)
        _write_all(self.fd, data)
        os.fdatasync(self.fd)
        self.size += len(data)

    def finish(self) -> None:
        """Close the file with its size in its header; then it is the sealer's.

        Not synced: its frames are on disk, and a header that a power cut takes back says that the writer died.
        """
        try:
            os.pwrite(self.fd, encode_header(self.marker, self.size), 0)
        except OSError as error:
            logger.warning("%s is closed without its size: %s", self.path, error)
        finally:
            os.close(self.fd)

    def abandon(self) -> None:
        """Close the file after a failed write; cut off what nobody was told is stored, if the disk still can."""
        try:
            os.ftruncate(self.fd, self.size)
        except OSError:
            pass  # then a reader finds whole frames that were answered with 500: stored once too often, not lost
        os.close(self.fd)


def _write_all(fd: int, data: bytes) -> None:
    """Write all of `data`; a single write may stop short, on a nearly full disk for one."""
    written = os.write(fd, data)
    while written < len(data):
        written += os.write(fd, data[written:])


class JournalWriter:
    """Appends batches for all threads of a process. `append` returns when the batch is on disk.

    Group commit: the first to come writes; who comes meanwhile joins the next commit and sleeps. When the
    write is done the first of the next commit is woken to write that, and only then are those woken whose
    events are stored: the disk never waits for them. (Having all of them queue for one lock instead stored
    7,000 batches a second where this stores 19,000.)

    After a failed write or fdatasync the file is abandoned, never retried: the kernel may have dropped the
    pages and would report success the second time. The next append starts a new file.
    """

    def __init__(self, folder: Path, node: str, max_bytes: int, max_age_seconds: float) -> None:
        self._folder, self._node = folder, node
        self._max_bytes, self._max_age_seconds = max_bytes, max_age_seconds
        self._queue = threading.Lock()  # guards `_next` and `_writing`
        self._disk = threading.Lock()  # guards `_file`; held while writing
        self._next = _Commit()
        self._writing = False
        self._file: _File | None = None
        self._rotation: threading.Thread | None = None

    def append(self, batch: Batch) -> None:
        """Store a batch; raise JournalFailed when it is not on disk."""
        payload = encode_payload(batch)
        checksum = zlib.crc32(payload)
        turn = threading.Lock()
        turn.acquire()
        with self._queue:
            commit = self._next
            commit.payloads.append((payload, checksum))
            commit.turns.append(turn)
            must_wait, self._writing = self._writing, True
        if must_wait:
            turn.acquire()  # released when the commit is done, or when it is this thread's turn to write it
        if not commit.done:
            self._lead()
        if commit.error is not None:
            raise JournalFailed(f"not stored: {commit.error}") from commit.error

    def close(self) -> None:
        """Close the file now, which hands it to the sealer. A later append starts another."""
        with self._disk:
            self._rotate()

    def _lead(self) -> None:
        """Write the next commit, hand the disk to the first thread of the one after it, then wake this one's."""
        with self._queue:
            commit, self._next = self._next, _Commit()
        try:
            with self._disk:
                self._write(commit)
        finally:
            commit.done = True
            with self._queue:
                successors = self._next.turns
                self._writing = bool(successors)
            for turn in [*successors[:1], *commit.turns[1:]]:
                turn.release()

    def _write(self, commit: _Commit) -> None:
        try:
            if self._file is None:
                self._file = _File(self._folder, self._node)
                self._start_rotation()
            self._file.write(commit.payloads)
        except Exception as error:  # whatever it was, nobody may be told that it is stored
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
        """Have the thread run that closes old files, in the process that writes (not in one that forks it)."""
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
            except Exception:  # without this thread files would stay open for ever
                logger.exception("a journal file could not be closed")
