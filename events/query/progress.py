"""How far an answer is, and the parts of a long time frame that make this known."""

import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from events.query.files import File
from events.query.model import Query

Tell = Callable[[int, int], None]  # about how many events were looked at, and of how many

FIRST_EVENTS = 1_000_000  # in the first part; a frame of fewer than LEAST_PARTS times as many is counted at once
LEAST_PARTS = 4
PART_SECONDS = 2.0  # for each later part, if it takes as long as the one before it
MOST_GROWTH = 16
SHARED = 0.25  # of a part's events, so many at most are in files that the next part has to read again
TRIALS = 8


@dataclass(slots=True)
class Progress:
    """How many of the `events` in the query's time frame were looked at: all since a moment, if any.

    The `files` are those that are read.
    """

    query: Query
    files: Sequence[File] = ()
    events: int = 0
    tell: Tell | None = None
    since_us: int | None = None

    def looked_at(self) -> int:
        """Return about how many events were looked at."""
        query = self.query
        if self.since_us is None or not self._is_known():
            return 0
        whole = _rows(self.files, query.from_us, query.to_us)
        return self.events * _rows(self.files, self.since_us, query.to_us) // max(whole, 1)

    def report(self) -> None:
        """Tell how far it is."""
        if self.tell:
            self.tell(self.looked_at(), self.events)

    def parts(self, query: Query, edges: Sequence[int]) -> Iterator[Query]:
        """Yield the query for parts of its time frame, from its end on, each to be looked at before the next one.

        They begin at some of the `edges`, and take about PART_SECONDS each. Files that several parts would have to read
        are in one, so all parts together cost hardly more than the frame.
        """
        to_us, wanted = query.to_us, FIRST_EVENTS
        while start := self._start(query.from_us, to_us, edges, wanted):
            began = time.monotonic()
            yield replace(query, from_us=start, to_us=to_us)
            growth = PART_SECONDS / max(time.monotonic() - began, 0.001)
            wanted = int(_rows(self.files, start, to_us) * min(growth, MOST_GROWTH))
            self.since_us = to_us = start
            self.report()
        yield replace(query, to_us=to_us)

    def _start(self, from_us: int, to_us: int, edges: Sequence[int], wanted: int) -> int | None:
        """Return the latest good start of a part until `to_us`; None if all the rest should be one."""
        if not self._is_known() or self.events < LEAST_PARTS * FIRST_EVENTS:
            return None
        files = [file for file in self.files if file.reaches(from_us, to_us)]
        if _rows(files, from_us, to_us) <= wanted:
            return None
        starts = sorted({edges[bisect_right(edges, file.first_us or 0) - 1] for file in files}, reverse=True)
        enough = (one for one in starts if from_us < one < to_us and _rows(files, one, to_us) >= wanted)
        return next((one for _, one in zip(range(TRIALS), enough, strict=False) if _is_good(files, one, to_us)), None)

    def _is_known(self) -> bool:
        """Tell whether all files have times."""
        return all(one.first_us is not None and one.last_us is not None for one in self.files)


def _is_good(files: Sequence[File], start: int, to_us: int) -> bool:
    shared = sum(file.rows for file in files if (file.first_us or 0) < start <= (file.last_us or 0))
    return shared <= SHARED * _rows(files, start, to_us)


def _rows(files: Sequence[File], from_us: int, to_us: int) -> int:
    return sum(file.rows_within(from_us, to_us) for file in files if file.reaches(from_us, to_us))
