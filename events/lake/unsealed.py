"""Know which stretch of the journal holds which times of a dataset, so that a page doesn't read all of it.

A journal file only grows, and what was read of it stays true: each file is read once, a stretch at a time, and
again only where it has grown.
"""

import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from eventlane.times import to_microseconds
from events.journal import Batch, JournalFile

# Small: between two stretches the reading thread lets go of the GIL, and requests that send events get on.
STRETCH_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a journal file in which a dataset has events."""

    start: int  # offset of its first frame
    end: int
    first_us: int  # received time of the dataset's earliest event
    last_us: int
    count: int  # of the dataset's events


@dataclass(frozen=True, slots=True)
class Span:
    """A span of received time in microseconds since 1970, without its end; None is open."""

    start: int | None
    end: int | None

    @classmethod
    def between(cls, start: datetime | None, end: datetime | None) -> "Span":
        """Return the span from one time up to another."""
        return cls(*(None if time is None else to_microseconds(time) for time in (start, end)))

    def reaches(self, stretch: Stretch) -> bool:
        """Tell whether events of the stretch may lie in it."""
        return (self.end is None or stretch.first_us < self.end) and (
            self.start is None or stretch.last_us >= self.start
        )

    def holds(self, received_us: int) -> bool:
        """Tell whether a time lies in it."""
        return (self.end is None or received_us < self.end) and (self.start is None or received_us >= self.start)

    def condition(self) -> str:
        """Return it as an SQL condition."""
        parts = []
        if self.start is not None:
            parts.append(f"received_time >= make_timestamptz({self.start})")
        if self.end is not None:
            parts.append(f"received_time < make_timestamptz({self.end})")
        return " AND ".join(parts) or "true"


@dataclass(slots=True)
class _Known:
    """What was read of one file so far."""

    end: int = 0
    stretches: dict[str, list[Stretch]] = field(default_factory=lambda: defaultdict(list))


class JournalIndex:
    """Remembers what journal files hold; for all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}

    def stretches(self, files: Sequence[JournalFile], dataset_id: str) -> list[tuple[JournalFile, Stretch]]:
        """Return where the files hold events of the dataset; files not named here are forgotten."""
        with self._lock:
            self._known = {file.name: self._known.get(file.name) or _Known() for file in files}
            for file in files:
                self._read_on(file, self._known[file.name])
            return [
                (file, stretch) for file in files for stretch in self._known[file.name].stretches.get(dataset_id, ())
            ]

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
    return Stretch(start, end, min(times), max(times), sum(batch.count for batch in batches))
