"""Read journal files: while they are written, after they are closed, and after a crash.

A file with data is never renamed before it is sealed. A listing of the folder while writers and sealers are at work
therefore misses no file, and a file opened here stays readable until it is closed. A sealed file is unlinked. If part
of it could not be read, it is instead moved to the folder `damaged`, with a text that says what.

Anything else in the folder is ignored and named in the log, once by each process.
"""

import errno
import fcntl
import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from events.journal.format import HEADER_BYTES, Header, NewerVersion, Reading, decode_frames, decode_header, find_marker

logger = logging.getLogger(__name__)

SUFFIX = ".journal"
NAME = re.compile(r".+-[0-9a-f]{32}\.journal")
DRAFT_SUFFIX = ".new"  # a file being created: without data and not listed
ABANDONED_DRAFT_SECONDS = 60
DAMAGED = "damaged"  # the folder, beside the journal files, for those that could not be read to the end
NOTE_SUFFIX = ".txt"
SHOWN_STRETCHES = 3
# Not EMFILE and the like, which aren't the file's fault.
NOT_READABLE = {errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO, errno.ENODEV}
NOT_NAMED_SO = "its name is not that of a journal file"


class NotAJournal(ValueError):
    """This isn't a journal file that this program can read."""


class JournalFile:
    """An open journal file. Its name is unique forever and on all nodes: `<node>-<hex of a UUIDv7>`."""

    def __init__(self, path: Path, fd: int) -> None:
        """Take an open file; raise NewerVersion with the file still open."""
        self.path = path
        self.name = path.name.removesuffix(SUFFIX)
        self.node = self.name.rpartition("-")[0]
        self._fd = fd
        self._start = self._header()
        self._unread: list[str] | None = None  # None: not yet read to its end

    def __enter__(self) -> "JournalFile":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def creation_time(self) -> float:
        """Seconds since 1970, from its name."""
        return creation_time(self.name)

    def size(self) -> int:
        """Return its size in bytes."""
        return os.fstat(self._fd).st_size

    def changed(self) -> float:
        """Return when something was last written to it, in seconds since 1970."""
        return os.fstat(self._fd).st_mtime

    def is_closed(self) -> bool:
        """Return whether its writer has closed it; of one whose writer died, nobody can tell without a claim."""
        header = self._header()
        return bool(header and header.size)

    def read(self, offset: int = 0, max_bytes: int | None = None) -> Reading:
        """Read whole frames from `offset`: 0, or the `end` of an earlier reading.

        Reads about `max_bytes`; more only for a single frame that is larger.
        """
        header = self._find_start()
        if header is None:
            return Reading(end=offset, torn_bytes=self.size() - offset)
        start = max(offset, header.end)
        wanted = self.size() - start if max_bytes is None else max_bytes
        while True:
            data = _pread_all(self._fd, wanted, start)
            reading = decode_frames(data, header.marker, start)
            if reading.batches or len(data) < wanted or start + len(data) >= self.size():
                return reading
            wanted *= 2

    def read_all(self, part_bytes: int) -> Iterator[Reading]:
        """Read a claimed file to its end, about `part_bytes` at a time."""
        stretches: list[tuple[int, int]] = []
        offset = 0
        while True:
            reading = self.read(offset, part_bytes)
            stretches += [(start, len(data)) for start, data in reading.damaged if data.strip(b"\0")]
            yield reading
            if not reading.batches:
                break
            offset = reading.end
        self._unread = self._what_is_missing(stretches, reading.end)

    def retire(self) -> None:
        """Take a sealed file out of the journal: unlink it, or set it aside if part of it could not be read."""
        if self._unread is None:  # another sealer sealed it and died
            for _ in self.read_all(1 << 20):
                pass
        if self._unread:
            self._set_aside("; ".join(self._unread))
        else:
            self.remove()

    def claim(self) -> bool:
        """Claim the file for sealing; return True if its writer closed it or died and nobody else has claimed it."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self.path.stat().st_ino == os.fstat(self._fd).st_ino
        except (BlockingIOError, FileNotFoundError):
            return False

    def remove(self) -> None:
        """Unlink the file, durably once this returns."""
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)

    def close(self) -> None:
        """Close the file, which ends a claim on it."""
        os.close(self._fd)

    def _header(self) -> Header | None:
        return decode_header(os.pread(self._fd, HEADER_BYTES, 0))

    def _find_start(self) -> Header | None:
        """Return marker and first offset: from the header, or if that is damaged, from the frames."""
        if self._start is None and (marker := find_marker(_pread_all(self._fd, self.size(), 0))):
            self._start = Header(marker, 0)
        return self._start

    def _what_is_missing(self, stretches: list[tuple[int, int]], end: int) -> list[str]:
        """Describe what could not be read of a file whose last whole frame ends at `end`."""
        header, size = self._header(), self.size()
        if self._start is None:
            return [f"its {size:,} bytes contain no whole frame"]
        found = [] if header else ["its header is damaged"]
        found += [f"{count:,} bytes at offset {start:,} are damaged" for start, count in stretches[:SHOWN_STRETCHES]]
        if len(stretches) > SHOWN_STRETCHES:
            found.append(f"so are {len(stretches) - SHOWN_STRETCHES:,} more stretches")
        if header and size < header.size:
            found.append(f"its tail is lost: {size:,} of {header.size:,} bytes are left")
        elif _pread_all(self._fd, size - end, end).strip(b"\0"):
            found.append(
                f"its last {size - end:,} bytes aren't a whole frame"
                + ("" if header and header.size else "; a writer that dies while it writes leaves such a file")
            )
        return found

    def _set_aside(self, reason: str) -> None:
        begun = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(self.creation_time))
        folder = self.path.parent / DAMAGED
        folder.mkdir(mode=0o700, exist_ok=True)
        self.path.rename(folder / self.path.name)
        note = (folder / self.path.name).with_suffix(NOTE_SUFFIX)
        text = f"{reason}. Its whole frames are sealed; the file was begun at {begun} UTC"
        try:
            note.write_text(text + "\n")
        except OSError as error:  # on a full disk; the log has the text
            logger.warning("%s can't be written: %s", note, error)
        sync_folder(folder)
        sync_folder(self.path.parent)
        logger.error("%s could not be read whole and was set aside in %s: %s", self.path.name, folder, text)


def creation_time(name: str) -> float:
    """Return when a file was created, in seconds since 1970: its name ends with a UUIDv7."""
    return (UUID(name.rpartition("-")[2]).int >> 80) / 1000


def _pread_all(fd: int, size: int, offset: int) -> bytes:
    """Read `size` bytes, or fewer at the end of the file: a single pread stops at 2 GiB."""
    parts = []
    while size > 0 and (part := os.pread(fd, size, offset)):
        parts.append(part)
        size -= len(part)
        offset += len(part)
    return b"".join(parts)


def sync_folder(folder: Path) -> None:
    """Make created, renamed and removed entries of a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def journal_paths(folder: Path) -> list[Path]:
    """Return the entries of a folder that are named like journal files, oldest first."""
    try:
        named = [path for path in folder.iterdir() if path.name.endswith(SUFFIX)]
    except FileNotFoundError:
        return []
    for path in named:
        if not NAME.fullmatch(path.name):
            _pass_over(path, NOT_NAMED_SO)
    return sorted((path for path in named if NAME.fullmatch(path.name)), key=_age_key)


def _age_key(path: Path) -> tuple[str, str]:
    return path.stem.rpartition("-")[2], path.name


def open_regular(path: Path) -> int:
    """Open a file for reading. Raises FileNotFoundError, and NotAJournal for anything but a regular file.

    Doesn't block: a FIFO would wait until somebody writes to it.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in NOT_READABLE:
            raise NotAJournal(f"it can't be opened: {error.strerror}") from None
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise NotAJournal("it is not a regular file")
    return fd


def open_file(path: Path) -> JournalFile | None:
    """Open a listed file; return None if it was sealed and removed meanwhile, or isn't a journal file (logged once)."""
    try:
        return _open(path)
    except FileNotFoundError:
        return None
    except NotAJournal as error:
        _pass_over(path, str(error))
        return None


def _open(path: Path) -> JournalFile:
    fd = open_regular(path)
    try:
        return JournalFile(path, fd)
    except NewerVersion as error:
        os.close(fd)
        raise NotAJournal(str(error)) from None


_passed_over: set[Path] = set()


def _pass_over(path: Path, reason: str) -> None:
    if path not in _passed_over:
        _passed_over.add(path)
        logger.warning("%s is ignored: %s", path, reason)


def strange_entries(folder: Path) -> list[tuple[Path, str]]:
    """Return the entries of a journal folder that are named like journal files but can't be read, with the reason."""
    if not folder.exists():
        return []
    found = []
    for path in sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIX)):
        try:
            if not NAME.fullmatch(path.name):
                raise NotAJournal(NOT_NAMED_SO)
            _open(path).close()
        except FileNotFoundError:
            continue  # sealed since the listing
        except NotAJournal as error:
            found.append((path, str(error)))
    return found


def damaged_files(folder: Path) -> list[tuple[Path, str]]:
    """Return the files that were set aside because they could not be read completely, with the reason."""
    return [(path, _note(path)) for path in journal_paths(folder / DAMAGED)]


def _note(path: Path) -> str:
    try:
        return path.with_suffix(NOTE_SUFFIX).read_text().strip()
    except OSError:
        return "part of it could not be read"


def open_files(folder: Path) -> list[JournalFile]:
    """Open all journal files in the folder, whether being written or closed, oldest first."""
    return [file for path in journal_paths(folder) if (file := open_file(path)) is not None]


def claim_closed(folder: Path) -> Iterator[JournalFile]:
    """Yield the files that nobody writes any more, oldest first, each claimed until its `close`.

    They are opened one by one: after a long standstill, there are more than a process may have open.
    """
    remove_abandoned_drafts(folder)
    for path in journal_paths(folder):
        file = open_file(path)
        if file is None:
            continue
        if file.claim():
            yield file
        else:
            file.close()


def remove_abandoned_drafts(folder: Path) -> None:
    """Remove files that a crash left half created; they never contained an event."""
    for draft in folder.glob(f"*{DRAFT_SUFFIX}"):
        try:
            if time.time() - draft.stat().st_mtime > ABANDONED_DRAFT_SECONDS:
                draft.unlink()
        except FileNotFoundError:
            continue  # its creator has just renamed it


@dataclass(frozen=True)
class Backlog:
    """What is stored but not sealed yet."""

    files: int
    bytes: int
    oldest_seconds: float  # 0 if there is nothing


def backlog(folder: Path) -> Backlog:
    """Measure the journal's backlog. Opens no file: if sealing stands still, there are thousands."""
    now = time.time()
    files = total = 0
    oldest = 0.0
    for path in journal_paths(folder):
        try:
            found = path.lstat()
        except FileNotFoundError:
            continue  # sealed and removed since the listing
        if stat.S_ISREG(found.st_mode):
            total += found.st_size
            files += 1
            oldest = max(oldest, now - creation_time(path.stem))
    return Backlog(files, total, oldest)
