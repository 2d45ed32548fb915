"""Triggers and commands, made straight in the database, as a deployment would leave them."""

from datetime import datetime
from typing import Any

from pipelines.models import Resource, Subscription
from projects.models import Project
from tests.pipelines.execution.factory import make_resource


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
