"""Know which stretch of the journal has which times of a dataset, so that a page needn't read all of it.

A journal file only grows, and what was read stays true. Each file is therefore read once, in stretches, and again only
where it has grown.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from eventlane.times import to_microseconds
from events.journal import Batch, Copy, JournalFile
from events.journal.copies import copies_among

# Small: between two stretches, the reading thread releases the GIL, and requests with events can proceed.
STRETCH_BYTES = 64 * 1024
TIME_BITS = 80  # of an id, below its milliseconds


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a journal file that contains events of a dataset."""

    start: int  # offset of its first frame
    end: int
    first_us: int  # received time of the dataset's earliest event
    last_us: int
    count: int  # of the dataset's events
    copies: Sequence[Copy] = field(default=(), compare=False)  # its batches with a token


@dataclass(frozen=True, slots=True)
class Span:
    """A span of received time in microseconds since 1970, without its end. None is open."""

    start: int | None
    end: int | None

    @classmethod
    def between(cls, start: datetime | None, end: datetime | None) -> "Span":
        """Return the span from one time up to another."""
        return cls(*(None if time is None else to_microseconds(time) for time in (start, end)))

    def reaches(self, stretch: Stretch) -> bool:
        """Return whether events of the stretch may be within the span."""
        return (self.end is None or stretch.first_us < self.end) and (
            self.start is None or stretch.last_us >= self.start
        )

    def holds(self, received_us: int) -> bool:
        """Return whether a time is within the span."""
        return (self.end is None or received_us < self.end) and (self.start is None or received_us >= self.start)

    def cut(self, start: int, end: int) -> "Span":
        """Return what of it is between two times."""
        return Span(
            start if self.start is None else max(start, self.start), end if self.end is None else min(end, self.end)
        )

    def condition(self) -> str:
        """Return the span as an SQL condition."""
        parts = []
        if self.start is not None:
            parts.append(f"received_time >= make_timestamptz({self.start})")
        if self.end is not None:
            parts.append(f"received_time < make_timestamptz({self.end})")
        return " AND ".join(parts) or "true"


def times_of_ids(ids: Sequence[UUID]) -> tuple[int, int]:
    """Return since and until when events with these ids were received: an id starts with the millisecond."""
    milliseconds = [one.int >> TIME_BITS for one in ids]
    return min(milliseconds) * 1000, (max(milliseconds) + 1) * 1000


def within(spans: Sequence[Span]) -> str:
    """Return the SQL condition that one of the spans holds; they are in order."""
    if len(spans) == 1:
        return spans[0].condition()
    # DuckLake leaves out files by the first condition, DuckDB row groups by the second.
    around = Span(spans[0].start, spans[-1].end).condition()
    return f"{around} AND ({' OR '.join(f'({span.condition()})' for span in spans)})"


@dataclass(slots=True)
class _Known:
    """What has been read of a file so far."""

    end: int = 0
    stretches: dict[str, list[Stretch]] = field(default_factory=lambda: defaultdict(list))


class JournalIndex:
    """Remembers what journal files contain. Shared by all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def stretches(self, files: Sequence[JournalFile], dataset_id: str) -> list[tuple[JournalFile, Stretch]]:
        """Return the stretches of the files with events of the dataset; files not named here are forgotten."""
        with self._lock:
            self._known = {file.name: self._known.get(file.name) or _Known() for file in files}
            for file in files:
                self._read_on(file, self._known[file.name])
            return [
                (file, stretch) for file in files for stretch in self._known[file.name].stretches.get(dataset_id, ())
            ]

    def copies(self, files: Sequence[JournalFile]) -> list[Copy]:
        """Return the batches with a token in the files; files not named here are forgotten."""
        self.stretches(files, "")
        with self._lock:
            of_datasets = [known.stretches.values() for known in self._known.values()]
            return [copy for every in of_datasets for part in every for stretch in part for copy in stretch.copies]

    @staticmethod
    def _read_on(file: JournalFile, known: _Known) -> None:
        while True:
            reading = file.read(known.end, STRETCH_BYTES)
            if not reading.batches:
                return
            by_dataset: dict[str, list[Batch]] = defaultdict(list)
            for batch in reading.batches:
                by_dataset[batch.dataset_id].append(batch)
            for dataset_id, batches in by_dataset.items():
                known.stretches[dataset_id].append(_stretch(known.end, reading.end, batches))
            known.end = reading.end


def _stretch(start: int, end: int, batches: list[Batch]) -> Stretch:
    times = [batch.received_us for batch in batches]
    count = sum(batch.count for batch in batches)
    return Stretch(start, end, min(times), max(times), count, copies_among(batches))
