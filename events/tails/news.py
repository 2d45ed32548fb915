"""What is new in this node's journal: of every file, what it has had since the last look."""

import time
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from events.journal import Batch, Copy, JournalFile
from events.journal.copies import are_copies
from events.journal.reader import journal_paths, open_file

READ_BYTES = 4 * 1024 * 1024  # at a time
MOST_KNOWN = 100_000  # batches with tokens, of 200 bytes each


class KnownCopies:
    """The latest batches with tokens: of their copies, a tail shows nothing."""

    def __init__(self) -> None:
        self._firsts: dict[bytes, Copy] = {}

    def has(self, batch: Batch) -> bool:
        """Return whether a batch is a copy of a known one; if it isn't, it is known from now on."""
        copy = batch.copy
        if copy is None:
            return False
        first = self._firsts.get(copy.token)
        if first is not None and are_copies(first, copy):
            return True
        if len(self._firsts) >= MOST_KNOWN:
            del self._firsts[next(iter(self._firsts))]
        self._firsts[copy.token] = copy
        return False


@dataclass(slots=True)
class _Followed:
    file: JournalFile
    offset: int = 0


class JournalNews:
    """The batches of a folder's journal files, as they are written by all processes of the node.

    A file is kept open until all of it is read, also when a sealer has unlinked it meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._followed: dict[Path, _Followed] = {}
        self._passed: set[Path] = set()  # read to their end, and still there
        self._start = time.time()

    def read(self, dataset_ids: Container[str]) -> Iterator[Batch]:
        """Yield the new batches of these datasets; the first time, all batches of the files that are being written."""
        there = self.follow_new()
        for path, followed in list(self._followed.items()):
            ends = path not in there or followed.file.is_closed()
            yield from _read_on(followed, dataset_ids)
            if ends:
                self._pass(path)

    def follow_new(self) -> set[Path]:
        """Open new files, which otherwise may be gone before they are read; return all that are there."""
        there = set(journal_paths(self._folder))
        self._passed &= there
        for path in there - self._passed - self._followed.keys():
            self._follow(path)
        return there

    def close(self) -> None:
        """Close all files."""
        for path in list(self._followed):
            self._pass(path)

    def _follow(self, path: Path) -> None:
        """Open a file, unless it was written before we began to look: there may be thousands of those."""
        file = open_file(path)
        if file is None:
            return
        if file.is_closed() and file.changed() < self._start:
            file.close()
            self._passed.add(path)
        else:
            self._followed[path] = _Followed(file)

    def _pass(self, path: Path) -> None:
        self._followed.pop(path).file.close()
        self._passed.add(path)


def _read_on(followed: _Followed, dataset_ids: Container[str]) -> Iterator[Batch]:
    while (reading := followed.file.read(followed.offset, READ_BYTES)).batches:
        followed.offset = reading.end
        yield from (batch for batch in reading.batches if batch.dataset_id in dataset_ids)
