"""What console tests deploy and run."""

from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from pipelines.models import Pipeline, PlatformEvent, Resource, Status, Task, TaskStep
from pipelines.platform_events import create_events
from pipelines.resources.deploy import deploy
from projects.models import Project
from tests.pipelines.resources.samples import command, pipeline, task, timer, trigger

PARAMETERS = [
    {
        "name": "place",
        "type": "string",
        "values": ["here", "there"],
        "default": "here",
        "description": "Where <b>to</b>",
    },
    {"name": "note", "type": "string"},
    {"name": "loud", "type": "boolean", "default": True},
    {"name": "sure", "type": "boolean"},
    {"name": "times", "type": "integer", "default": 3},
    {"name": "share", "type": "number", "default": 0.5},
]
FILLED = {
    "parameter-place": "there",
    "parameter-note": " hello\r\nyou ",
    "parameter-sure": "false",
    "parameter-times": "4",
    "parameter-share": "2",
}


def deploy_all(project: Project) -> dict[str, Resource]:
    """Deploy one of everything; return it by name."""
    deploy(
        project,
        [
            task(),
            pipeline(
                "greetings",
                {"name": "first", "task": "greet"},
                {"task": "greet", "dependencies": ["first"]},
                concurrent=True,
            ),
            command("hello", parameters=PARAMETERS),
            command("plain"),
            trigger("guests", filters=[{"path": "/vip", "is_equal_to": True}]),
            timer("nightly"),
        ],
    )
    return {resource.name: resource for resource in Resource.objects.filter(project=project)}


def run(project: Project, **data: Any) -> Pipeline:
    """Let the trigger `guests` start a pipeline; return it."""
    [event] = create_events(project, "custom", "guest", {"vip": True} | data)
    return event.pipelines.get()


def visit(project: Project, **data: Any) -> PlatformEvent:
    """Return an event that starts nothing."""
    [event] = create_events(project, "custom", "guest", {"vip": False} | data)
    return event


def write(task: Task, output: str, **fields: Any) -> TaskStep:
    """Let a task's first step have written something."""
    now = timezone.now()
    Task.objects.filter(pk=task.pk).update(status=Status.STARTED, start_time=now)
    return TaskStep.objects.create(task=task, position=0, start_time=now, output=output, **fields)


def end(pipeline: Pipeline, status: str) -> None:
    """Let a pipeline and all its tasks have ended."""
    now = timezone.now()
    times = {"start_time": now, "end_time": now}
    pipeline.tasks.update(status=status, queued=False, worker="", **times)
    Pipeline.objects.filter(pk=pipeline.pk).update(status=status, **times)


def address(row: Any, page: str = "change", *more: Any, model: str = "") -> str:
    """Return the address of a row's page; resources are shown as such unless `model` says otherwise."""
    return reverse(f"admin:pipelines_{model or row._meta.model_name}_{page}", args=[row.pk, *more])


def text(client: Client, path: str) -> str:
    """Return a page."""
    return text_of(client.get(path))


def text_of(response: HttpResponse) -> str:
    assert response.status_code == 200, response.status_code
    return response.content.decode()
