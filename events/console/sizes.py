"""How much datasets hold, for pages that show it."""

from collections.abc import Sequence

from events.lake.catalog import dataset_sizes
from events.models import Dataset


def measure(datasets: Sequence[Dataset]) -> tuple[int, int]:
    """Give every dataset its `events` and `bytes` with one question to the catalog; return the totals."""
    sizes = dataset_sizes([dataset.table_name for dataset in datasets]) if datasets else {}
    for dataset in datasets:
        dataset.events, dataset.bytes = sizes.get(dataset.table_name, (0, 0))
    return sum(dataset.events for dataset in datasets), sum(dataset.bytes for dataset in datasets)
