"""Sizes of datasets, for the pages that show them."""

from collections.abc import Sequence

from django.db.models import QuerySet

from events.lake.catalog import dataset_sizes, existing_tables
from events.models import Dataset


def measure(datasets: Sequence[Dataset]) -> tuple[int, int]:
    """Set `events` and `bytes` of every dataset with a single catalog query; return the totals."""
    sizes = dataset_sizes([dataset.table_name for dataset in datasets]) if datasets else {}
    for dataset in datasets:
        dataset.events, dataset.bytes = sizes.get(dataset.table_name, (0, 0))
    return sum(dataset.events for dataset in datasets), sum(dataset.bytes for dataset in datasets)


def measure_all(datasets: QuerySet[Dataset]) -> tuple[int, int]:
    """Return events and bytes of all the datasets together."""
    sizes = dataset_sizes(existing_tables(datasets.values("table_name"))).values()
    return sum(events for events, _ in sizes), sum(size for _, size in sizes)
