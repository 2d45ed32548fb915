"""The events side of a project. All lookups start here, so that objects of others are unknown."""

from collections.abc import Sequence

from django.db.models import QuerySet

from eventlane.lookup import get_or_unknown
from eventlane.names import is_name
from eventlane.wire.errors import ApiError, UnknownObject
from events.models import Dataset, Namespace
from projects.models import Project


class UnknownDataset(ApiError):
    """The project has no dataset of a name in the body."""

    status, code = 404, "unknown_dataset"

    def __init__(self, name: str) -> None:
        super().__init__(f"The project has no dataset {name!r}.", data={"dataset": name})


def datasets_of(project: Project) -> QuerySet[Dataset]:
    """Return the project's datasets, each with its project."""
    return Dataset.objects.filter(project=project).select_related("project")


def namespaces_of(project: Project) -> QuerySet[Namespace]:
    """Return the namespaces of the project's datasets, each with dataset and project."""
    return Namespace.objects.filter(dataset__project=project).select_related("dataset__project")


def get_dataset(project: Project, dataset_id: str) -> Dataset:
    """Return a dataset of the project, or raise UnknownObject."""
    return get_or_unknown(datasets_of(project), "dataset", pk=dataset_id)


def get_dataset_by_name(project: Project, name: str) -> Dataset:
    """Return the project's dataset with this name, or raise UnknownObject."""
    if not is_name(name):  # PostgreSQL can't take every text as a parameter
        raise UnknownObject("dataset")
    return get_or_unknown(datasets_of(project), "dataset", name=name)


def find_datasets(project: Project, names: Sequence[str]) -> list[Dataset]:
    """Return the project's datasets of these names; raise UnknownDataset."""
    found = {dataset.name: dataset for dataset in datasets_of(project).filter(name__in=names)}
    for name in names:
        if name not in found:
            raise UnknownDataset(name)
    return [found[name] for name in names]


def get_namespace(project: Project, namespace_id: str) -> Namespace:
    """Return a namespace of one of the project's datasets, or raise UnknownObject."""
    return get_or_unknown(namespaces_of(project), "namespace", pk=namespace_id)
