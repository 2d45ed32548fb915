"""Create rows for the namespaces that events were sent to."""

from collections.abc import Iterable

from django.db import transaction

from events.models import Dataset, Namespace


@transaction.atomic
def create_namespaces(pairs: Iterable[tuple[str, str]]) -> None:
    """Create each missing (dataset id, name). Those of deleted datasets are skipped.

    Locks the datasets' rows: one that is deleted between check and insert would make all inserts fail.
    """
    wanted = set(pairs)
    datasets = Dataset.objects.filter(id__in={dataset for dataset, _ in wanted}).order_by("id")
    existing = set(datasets.select_for_update(no_key=True).values_list("id", flat=True))
    rows = [Namespace(dataset_id=dataset, name=name) for dataset, name in wanted if dataset in existing]
    Namespace.objects.bulk_create(rows, ignore_conflicts=True)
