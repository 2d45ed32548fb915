"""How fast triggers on datasets evaluate a journal. To run only this: `python -m benchmarks.triggers`."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import sample
from benchmarks.platforms import SCRATCH
from events.journal import JournalWriter, new_batch, open_files
from events.triggers.evaluate import STRETCH_BYTES, DatasetTrigger, TriggersByDataset, evaluate
from pipelines.resources.filters import compile_filters

EVENTS = 1_000_000
BATCH = 1000
DATASET = "0" * 27
FILTERS: list[dict[str, Any]] = [
    {"path": "/level", "is_equal_to": "error"},
    {"path": "/level", "is_not_equal_to": "debug"},
    {"path": "/service", "is_equal_to": "api"},
    {"path": "/service", "is_not_equal_to": "web"},
    {"path": "/http/status", "is_equal_to": 500},
    {"path": "/http/status", "is_not_equal_to": 200},
    {"path": "/error", "is_equal_to": "boom"},
    {"path": "/message", "matches": "refund|timeout"},
    {"path": "/http/path", "matches": "^/v/9"},
    {"path": "/stack/0", "does_not_match": "cart"},
]


def report(console: Console) -> None:
    """Measure and print the table."""
    with tempfile.TemporaryDirectory(prefix="eventlane-triggers-", dir=SCRATCH) as folder:
        _write(Path(folder))
        table = Table("", "seconds", "events/s", "matches", title=f"Triggers looking through {EVENTS:,} events")
        for name, triggers in _cases():
            seconds, matches = _measure(Path(folder), triggers)
            table.add_row(name, f"{seconds:.2f}", f"{EVENTS / seconds:,.0f}", f"{matches:,}")
    console.print(table)


def _cases() -> Iterator[tuple[str, TriggersByDataset]]:
    yield "no trigger on the dataset", {"1" * 27: [_trigger(FILTERS[:1])]}
    yield "1 trigger, 1 filter", {DATASET: [_trigger(FILTERS[:1])]}
    yield "1 trigger, 10 filters", {DATASET: [_trigger(FILTERS)]}
    yield "10 triggers, 1 filter each", {DATASET: [_trigger([one]) for one in FILTERS]}


def _trigger(filters: list[dict[str, Any]]) -> DatasetTrigger:
    return DatasetTrigger("trigger", "logs", 0, compile_filters(filters))


def _write(folder: Path) -> None:
    """Write the events as a journal, a thousand per request."""
    writer = JournalWriter(folder, "bench", 32 << 20, 3600)
    for number in range(EVENTS // BATCH):
        texts = sample.events(BATCH, seed=number)
        writer.append(new_batch(DATASET, "web", "", texts, [len(text) for text in texts]))
    writer.close()


def _measure(folder: Path, triggers: TriggersByDataset) -> tuple[float, int]:
    """Read the journal like the watcher; return the time it took and the number of matches."""
    begin, matches = time.perf_counter(), 0
    for file in open_files(folder):
        with file:
            offset = 0
            while (reading := file.read(offset, STRETCH_BYTES)).batches:
                matches += len(evaluate(reading.batches, triggers))
                offset = reading.end
    return time.perf_counter() - begin, matches


if __name__ == "__main__":
    report(Console())
