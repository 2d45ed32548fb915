"""Count the journal's events by dataset, minute and API key. Reads the heads and ends of frames, not their events.

Files only grow until they are closed and don't change afterwards, so each frame is read once. Checksums aren't
verified: a frame lost to a failing disk may be counted until its file is sealed. The sealer's count, of whole frames
only, then replaces this one.
"""

import os
import threading
import time
from collections import Counter
from pathlib import Path

from events.journal.format import FRAME, HEADER_BYTES, KEY_BYTES, PAYLOAD, NewerVersion, decode_header
from events.journal.reader import SUFFIX, NotAJournal, journal_paths, open_regular

MINUTE_US = 60_000_000
HEAD_BYTES = FRAME.size + PAYLOAD.size
READ_BYTES = 64 * 1024
Counts = Counter[tuple[str, int, str]]  # by dataset id, minute since 1970 and key id


class _CountedFile:
    """What has been counted of a file so far."""

    def __init__(self) -> None:
        self.counts: Counts = Counter()
        self._offset = 0
        self._marker = b""

    def read_on(self, path: Path, deadline: float) -> bool:
        """Count the frames added since; return False if time ran out."""
        try:
            fd = open_regular(path)
        except (FileNotFoundError, NotAJournal):
            return True  # sealed since the listing, or not a journal file
        try:
            return not self._read_header(fd) or self._read_heads(fd, os.fstat(fd).st_size, deadline)
        finally:
            os.close(fd)

    def _read_header(self, fd: int) -> bool:
        if not self._marker:
            try:
                header = decode_header(os.pread(fd, HEADER_BYTES, 0))
            except NewerVersion:
                return False
            if header is None:
                return False
            self._marker, self._offset = header.marker, header.end
        return True

    def _read_heads(self, fd: int, size: int, deadline: float) -> bool:
        start, data = self._offset, b""
        while self._offset + HEAD_BYTES <= size:
            if self._offset + HEAD_BYTES > start + len(data):
                if time.monotonic() > deadline:
                    return False
                start, data = self._offset, os.pread(fd, READ_BYTES, self._offset)
            if not self._count_frame(fd, data, self._offset - start, size):
                break  # being written, cut off by a crash, or damaged
        return True

    def _count_frame(self, fd: int, data: bytes, position: int, size: int) -> bool:
        if position + HEAD_BYTES > len(data):
            return False  # the file became shorter
        marker, length, _ = FRAME.unpack_from(data, position)
        end = self._offset + FRAME.size + length
        _, received_us, count, dataset_id, _, _ = PAYLOAD.unpack_from(data, position + FRAME.size)
        if marker != self._marker or end > size or 4 * count > length:
            return False
        key_at = position + FRAME.size + length - KEY_BYTES
        key = data[key_at : key_at + KEY_BYTES]
        if len(key) < KEY_BYTES:
            key = os.pread(fd, KEY_BYTES, end - KEY_BYTES)
        key_id = key.decode() if key.isalnum() else ""  # events end in "}": there is no key then
        self.counts[dataset_id.decode("ascii", "replace"), received_us // MINUTE_US, key_id] += count
        self._offset = end
        return True


class JournalCounter:
    """Counts the events of a journal folder, each frame once. Shared by all threads of a process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _CountedFile] = {}
        self._lock = threading.Lock()

    def count(self, since: float, seconds: float) -> tuple[dict[str, Counts], bool]:
        """Return the counts of each file by name, and whether there was time to read all of them.

        Skips files last written before `since`. Starts with the newest; what isn't read within about `seconds` is read
        by the next call. Raises OSError if the folder can't be read.
        """
        deadline = time.monotonic() + seconds
        with self._lock:
            paths = self._paths(since)
            self._files = {path.name: self._files.get(path.name) or _CountedFile() for path in paths}
            complete = all(self._files[path.name].read_on(path, deadline) for path in paths)
            counts = {name.removesuffix(SUFFIX): file.counts.copy() for name, file in self._files.items()}
        return counts, complete

    def _paths(self, since: float) -> list[Path]:
        """Return the files to count, newest first."""
        found = []
        for path in reversed(journal_paths(self._folder)):
            try:
                if path.lstat().st_mtime >= since:
                    found.append(path)
            except FileNotFoundError:
                continue  # sealed since the listing
        return found
