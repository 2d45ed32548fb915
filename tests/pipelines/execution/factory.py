"""Resources, events and pipelines, made straight in the database."""

from typing import Any

from django.utils import timezone

from eventlane.ids import new_id
from pipelines.execution.pipelines import start_pipelines
from pipelines.models import Pipeline, PlatformEvent, Resource
from projects.models import Organization, Project


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
    """A pipeline resource; each of its tasks is a dict of what isn't a default, of the task resource `noop`."""
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
