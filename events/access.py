"""The events side of a project. All lookups start here, so that objects of others are unknown."""

from django.db.models import QuerySet

from eventlane.lookup import get_or_unknown
from eventlane.names import is_name
from eventlane.wire.errors import UnknownObject
from events.models import Dataset, Namespace
from projects.models import Project


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


def get_namespace(project: Project, namespace_id: str) -> Namespace:
    """Return a namespace of one of the project's datasets, or raise UnknownObject."""
    return get_or_unknown(namespaces_of(project), "namespace", pk=namespace_id)
