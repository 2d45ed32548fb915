"""Rows for tests, created directly in the database: accounts and projects, what is deployed, what happened."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.hashers import make_password
from django.db.models import Model
from django.utils import timezone

from eventlane.ids import new_id
from events.models import Dataset, Namespace
from pipelines.execution.pipelines import start_pipelines
from pipelines.identities import write_fields
from pipelines.models import Identity, Pipeline, PlatformEvent, Resource, Subscription
from projects.api_keys import issue_api_key
from projects.models import Account, ApiKey, Organization, Project

PASSWORD = "correct horse battery staple"


@dataclass
class House:
    """One organization with one row of everything, each named after it."""

    organization: Organization
    admin: Account
    project: Project
    dataset: Dataset
    namespace: Namespace
    api_key: ApiKey

    def rows(self) -> dict[type[Model], Model]:
        """Return the row of every model that the console shows."""
        rows = (self.organization, self.admin, self.project, self.dataset, self.namespace, self.api_key)
        return {type(row): row for row in rows}


def make_house(name: str, person: str) -> House:
    """Make an organization with an admin and one row of everything."""
    organization = Organization.objects.create(name=f"{name} works")
    admin = make_account(organization, person, role=Account.Role.ADMIN)
    project = Project.objects.create(organization=organization, name=f"{name}-project")
    dataset = Dataset.objects.create(project=project, name=f"{name}-logs")
    namespace = Namespace.objects.create(dataset=dataset, name=f"{name}-web")
    api_key, _ = issue_api_key(account=admin, name=f"{name} sender", rights=["ingest"], project=project)
    LogEntry.objects.log_actions(admin.pk, [project], ADDITION, change_message="Made.", single_object=True)
    return House(organization, admin, project, dataset, namespace, api_key)


def make_account(organization: Organization, name: str, /, **fields: Any) -> Account:
    """Make an account that logs in with PASSWORD."""
    return Account.objects.create(
        email=f"{name}@example.com", organization=organization, password=_password_hash(), **fields
    )


@cache
def _password_hash() -> str:
    """Hash once for all tests: a good hash takes a quarter of a second, and there are hundreds of accounts."""
    return make_password(PASSWORD)


def make_project(name: str = "acme-project", **fields: Any) -> Project:
    organization = Organization.objects.create(name=f"{name} works {new_id()}")
    return Project.objects.create(organization=organization, name=name, **fields)


def make_resource(project: Project, type: str, name: str, data: dict[str, Any]) -> Resource:
    spec = {"type": type, "version": 1, "name": name, "data": data}
    return Resource.objects.create(project=project, type=type, name=name, spec=spec)


def make_task_resource(project: Project, name: str = "noop", **data: Any) -> Resource:
    return make_resource(project, "task", name, {"runtime": {"name": "none"}, "steps": [], **data})


def make_definition(
    project: Project, *tasks: dict[str, Any], name: str = "deploy", concurrent: bool = False, **data: Any
) -> Resource:
    """A pipeline resource. Each task of the resource `noop` is a dict of the members that aren't defaults."""
    if not Resource.objects.filter(project=project, type="task", name="noop").exists():
        make_task_resource(project)
    entries = [{"task": "noop"} | task for task in tasks or ({},)]
    return make_resource(project, "pipeline", name, {"tasks": entries, "concurrent": concurrent} | data)


def make_event(project: Project, **fields: Any) -> PlatformEvent:
    values = {"connector": "custom", "name": "hello", "data": {}, "event_time": timezone.now(), "processed": True}
    return PlatformEvent.objects.create(project=project, **values | fields)


def start(definition: Resource, **fields: Any) -> Pipeline:
    event = make_event(definition.project, **fields)
    return start_pipelines(event, [definition])[0]


def make_trigger(
    project: Project,
    name: str = "on-hello",
    *,
    connector: str = "custom",
    event: str = "hello",
    parameters: dict[str, Any] | None = None,
    next_tick_time: datetime | None = None,
    pipelines: list[str] | None = None,
    **data: Any,
) -> Resource:
    """A trigger with its subscription; it starts the pipeline `deploy` unless told otherwise."""
    listening = {"connector": connector, "event": event, "parameters": parameters or {}}
    started = ["deploy"] if pipelines is None else pipelines
    trigger = make_resource(project, "trigger", name, {**listening, "filters": [], "pipelines": started} | data)
    Subscription.objects.create(trigger=trigger, project=project, next_tick_time=next_tick_time, **listening)
    return trigger


def make_command(
    project: Project, *parameters: dict[str, Any], name: str = "release", pipelines: list[str] | None = None
) -> Resource:
    """A command; it starts the pipeline `deploy` unless told otherwise."""
    started = ["deploy"] if pipelines is None else pipelines
    return make_resource(project, "command", name, {"parameters": list(parameters), "pipelines": started})


def disable(resource: Resource) -> None:
    """Disable a resource, as an administrator does."""
    Resource.objects.filter(pk=resource.pk).update(disabled=True)


def make_identity(
    project: Project, name: str = "a", connector: str = "generic", type: str = "api_key", **fields: str
) -> Identity:
    """An identity with these secrets, in a form that is kept."""
    identity = Identity(project=project, name=name, connector=connector, type=type)
    write_fields(identity, fields)
    identity.save()
    return identity
