"""What a key reaches. Every lookup starts here, so that what belongs to others is unknown, never forbidden."""

from django.db.models import QuerySet

from eventlane.names import is_name
from eventlane.wire.errors import UnknownObject
from projects.models import Account, ApiKey, Identity, Pipeline, Project, Resource, Task


def accounts_of(api_key: ApiKey) -> QuerySet[Account]:
    """Return the accounts of the key's organization; a key tied to a project sees only the one it acts for."""
    accounts = Account.objects.filter(organization_id=api_key.organization_id)
    return accounts.filter(pk=api_key.account_id) if api_key.project_id else accounts


def projects_of(api_key: ApiKey) -> QuerySet[Project]:
    """Return the projects of the key's organization, or the only one that the key is tied to."""
    projects = Project.objects.filter(organization_id=api_key.organization_id)
    return projects.filter(pk=api_key.project_id) if api_key.project_id else projects


def api_keys_of(api_key: ApiKey) -> QuerySet[ApiKey]:
    """Return the keys of the organization; a key tied to a project sees those tied to the same one."""
    api_keys = ApiKey.objects.filter(organization_id=api_key.organization_id)
    return api_keys.filter(project_id=api_key.project_id) if api_key.project_id else api_keys


def get_account(api_key: ApiKey, account_id: str) -> Account:
    """Return an account that the key reaches, or raise UnknownObject."""
    return _get(accounts_of(api_key), "account", pk=account_id)


def get_project(api_key: ApiKey, project_id: str) -> Project:
    """Return a project that the key reaches, or raise UnknownObject."""
    return _get(projects_of(api_key), "project", pk=project_id)


def get_project_by_name(api_key: ApiKey, name: str) -> Project:
    """Return the project of this name that the key reaches, or raise UnknownObject."""
    if not is_name(name):  # PostgreSQL can't be asked for every text
        raise UnknownObject("project")
    return _get(projects_of(api_key), "project", name=name)


def get_api_key(api_key: ApiKey, key_id: str) -> ApiKey:
    """Return a key that the key reaches, or raise UnknownObject."""
    return _get(api_keys_of(api_key), "api_key", pk=key_id)


def resources_of(project: Project) -> QuerySet[Resource]:
    """Return what is deployed in the project."""
    return Resource.objects.filter(project=project).select_related("project")


def get_resource(project: Project, resource_id: str) -> Resource:
    """Return a resource of the project, or raise UnknownObject."""
    return _get(resources_of(project), "resource", pk=resource_id)


def get_resource_by_name(project: Project, kind: str, name: str) -> Resource:
    """Return the resource of this type and name, or raise UnknownObject; there are none of an unknown type."""
    if not (kind in Resource.Type.values and is_name(name)):  # PostgreSQL can't be asked for every text
        raise UnknownObject("resource")
    return _get(resources_of(project), "resource", type=kind, name=name)


def pipelines_of(project: Project) -> QuerySet[Pipeline]:
    """Return the project's pipelines."""
    return Pipeline.objects.filter(project=project).select_related("project")


def tasks_of(project: Project) -> QuerySet[Task]:
    """Return the tasks of the project's pipelines."""
    return Task.objects.filter(project=project).select_related("project")


def get_pipeline(project: Project, pipeline_id: str) -> Pipeline:
    """Return a pipeline of the project, or raise UnknownObject."""
    return _get(pipelines_of(project), "pipeline", pk=pipeline_id)


def get_task(project: Project, task_id: str) -> Task:
    """Return a task of the project, or raise UnknownObject."""
    return _get(tasks_of(project), "task", pk=task_id)


def identities_of(project: Project) -> QuerySet[Identity]:
    """Return the identities of a project."""
    return Identity.objects.filter(project=project).select_related("project")


def get_identity(project: Project, identity_id: str) -> Identity:
    """Return an identity of the project, or raise UnknownObject."""
    return _get(identities_of(project), "identity", pk=identity_id)


def get_identity_by_name(project: Project, name: str) -> Identity:
    """Return the project's identity of this name, or raise UnknownObject."""
    if not is_name(name):
        raise UnknownObject("identity")
    return _get(identities_of(project), "identity", name=name)


def _get(queryset: QuerySet, noun: str, **lookup: str):  # type: ignore[no-untyped-def]  # a row of any model
    found = queryset.filter(**lookup).first()
    if found is None:
        raise UnknownObject(noun)
    return found
