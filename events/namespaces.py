"""Create the rows of namespaces that events were sent to."""

from collections.abc import Iterable

from events.models import Dataset, Namespace


def create_namespaces(pairs: Iterable[tuple[str, str]]) -> None:
    """Create each (dataset id, name) that doesn't exist; a dataset deleted meanwhile is passed over."""
    wanted = set(pairs)
    existing = set(Dataset.objects.filter(id__in={dataset for dataset, _ in wanted}).values_list("id", flat=True))
    rows = [Namespace(dataset_id=dataset, name=name) for dataset, name in wanted if dataset in existing]
    Namespace.objects.bulk_create(rows, ignore_conflicts=True)
