"""Read journal files: while they are written, when they are closed, and after a crash.

A file that holds data is never renamed, only unlinked once it is sealed. So a listing of the folder that
runs beside writers and sealers can't miss one, and a file opened here stays readable until it is closed.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from events.journal.format import HEADER_BYTES, MAGIC, MARKER_BYTES, Reading, decode_frames

SUFFIX = ".journal"
DRAFT_SUFFIX = ".new"  # a file being made: no data in it yet, and not listed
ABANDONED_DRAFT_SECONDS = 60


class NotAJournal(ValueError):
    """The file doesn't begin like a journal file of a version this program reads."""


class JournalFile:
    """An open journal file. Its name is unique for ever and on all nodes: `<node>-<hex of a UUIDv7>`."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.name = path.name.removesuffix(SUFFIX)
        self.node = self.name.rpartition("-")[0]
        self._fd = fd

    def __enter__(self) -> "JournalFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def creation_time(self) -> float:
        """Seconds since 1970, as its name says."""
        return creation_time(self.name)

    def size(self) -> int:
        """Return its size in bytes."""
        return os.fstat(self._fd).st_size

    def read(self, offset: int = 0, max_bytes: int | None = None) -> Reading:
        """Read whole frames from `offset`, the `end` of an earlier reading or 0.

        About `max_bytes` are read at once, more only where a single frame is larger.
        """
        header = os.pread(self._fd, HEADER_BYTES, 0)
        if len(header) < HEADER_BYTES:
            return Reading(torn_bytes=len(header))
        if not header.startswith(MAGIC):
            raise NotAJournal(f"{self.path} begins with {header[: len(MAGIC)]!r}, not {MAGIC!r}")
        marker = header[-MARKER_BYTES:]
        start = max(offset, HEADER_BYTES)
        wanted = self.size() - start if max_bytes is None else max_bytes
        while True:
            data = _pread_all(self._fd, wanted, start)
            reading = decode_frames(data, marker, start)
            if reading.batches or len(data) < wanted or start + len(data) >= self.size():
                return reading
            wanted *= 2

    def claim(self) -> bool:
        """Take the file for sealing: true when its writer closed it or died, and nobody else took it."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self.path.stat().st_ino == os.fstat(self._fd).st_ino
        except (BlockingIOError, FileNotFoundError):
            return False

    def remove(self) -> None:
        """Unlink the file, for good once this returns."""
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)

    def close(self) -> None:
        """Let go of the file, and of the claim on it."""
        os.close(self._fd)


def creation_time(name: str) -> float:
    """Return when a file was made, in seconds since 1970: its name begins a UUIDv7."""
    return (UUID(name.rpartition("-")[2]).int >> 80) / 1000


def _pread_all(fd: int, size: int, offset: int) -> bytes:
    """Read `size` bytes, fewer only at the end of the file: one pread stops at 2 GiB."""
    parts = []
    while size > 0 and (part := os.pread(fd, size, offset)):
        parts.append(part)
        size -= len(part)
        offset += len(part)
    return b"".join(parts)


def sync_folder(folder: Path) -> None:
    """Make created, renamed and removed entries of a folder survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def open_files(folder: Path) -> list[JournalFile]:
    """Open every journal file now in the folder, being written or closed, oldest first."""
    return [file for path in _listed(folder) if (file := _open(path)) is not None]


def claim_closed(folder: Path) -> Iterator[JournalFile]:
    """Yield the files that nobody writes any more, oldest first, each claimed until its `close`.

    They are opened one by one: after a long standstill there are more than a process may have open.
    """
    remove_abandoned_drafts(folder)
    for path in _listed(folder):
        file = _open(path)
        if file is None:
            continue
        if file.claim():
            yield file
        else:
            file.close()


def _listed(folder: Path) -> list[Path]:
    """Return the journal files of a folder, oldest first."""
    try:
        paths = [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []
    return sorted(paths, key=lambda path: (path.name.rpartition("-")[2], path.name))


def _open(path: Path) -> JournalFile | None:
    """Open a listed file; None when it was sealed and removed since."""
    try:
        return JournalFile(path, os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except FileNotFoundError:
        return None


def remove_abandoned_drafts(folder: Path) -> None:
    """Remove files that a crash left half made; they never held an event."""
    for draft in folder.glob(f"*{DRAFT_SUFFIX}"):
        try:
            if time.time() - draft.stat().st_mtime > ABANDONED_DRAFT_SECONDS:
                draft.unlink()
        except FileNotFoundError:
            continue  # its maker has just renamed it


@dataclass(frozen=True)
class Backlog:
    """What is stored and not sealed yet."""

    files: int
    bytes: int
    oldest_seconds: float  # 0 when there is nothing


def backlog(folder: Path) -> Backlog:
    """Measure the journal's backlog. Nothing is opened: when sealing stands still there are thousands of files."""
    now = time.time()
    files = total = 0
    oldest = 0.0
    for path in folder.iterdir() if folder.exists() else ():
        if path.suffix != SUFFIX:
            continue
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue  # sealed and removed since the listing
        files += 1
        oldest = max(oldest, now - creation_time(path.stem))
    return Backlog(files, total, oldest)
