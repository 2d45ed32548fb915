"""What pipelines keep for a project. All lookups start here, so that objects of others are unknown."""

from django.db.models import QuerySet

from eventlane.lookup import get_or_unknown
from eventlane.names import is_name
from eventlane.wire.errors import UnknownObject
from pipelines.models import Identity, Pipeline, Resource, Task
from projects.models import Project


def resources_of(project: Project) -> QuerySet[Resource]:
    """Return the resources deployed in the project."""
    return Resource.objects.filter(project=project).select_related("project")


def get_resource(project: Project, resource_id: str) -> Resource:
    """Return a resource of the project, or raise UnknownObject."""
    return get_or_unknown(resources_of(project), "resource", pk=resource_id)


def get_resource_by_name(project: Project, kind: str, name: str) -> Resource:
    """Return the resource of this type and name, or raise UnknownObject, also for an unknown type."""
    if not (kind in Resource.Type.values and is_name(name)):  # PostgreSQL can't take every text as a parameter
        raise UnknownObject("resource")
    return get_or_unknown(resources_of(project), "resource", type=kind, name=name)


def pipelines_of(project: Project) -> QuerySet[Pipeline]:
    """Return the project's pipelines."""
    return Pipeline.objects.filter(project=project).select_related("project")


def tasks_of(project: Project) -> QuerySet[Task]:
    """Return the tasks of the project's pipelines."""
    return Task.objects.filter(project=project).select_related("project")


def get_pipeline(project: Project, pipeline_id: str) -> Pipeline:
    """Return a pipeline of the project, or raise UnknownObject."""
    return get_or_unknown(pipelines_of(project), "pipeline", pk=pipeline_id)


def get_task(project: Project, task_id: str) -> Task:
    """Return a task of the project, or raise UnknownObject."""
    return get_or_unknown(tasks_of(project), "task", pk=task_id)


def identities_of(project: Project) -> QuerySet[Identity]:
    """Return the identities of a project."""
    return Identity.objects.filter(project=project).select_related("project")


def get_identity(project: Project, identity_id: str) -> Identity:
    """Return an identity of the project, or raise UnknownObject."""
    return get_or_unknown(identities_of(project), "identity", pk=identity_id)


def get_identity_by_name(project: Project, name: str) -> Identity:
    """Return the project's identity with this name, or raise UnknownObject."""
    if not is_name(name):
        raise UnknownObject("identity")
    return get_or_unknown(identities_of(project), "identity", name=name)
