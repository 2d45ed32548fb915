"""Commands: pipelines that somebody starts, with parameters (docs/api/v0.md, section 6.3)."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from eventlane.lookup import get_or_unknown
from eventlane.wire.errors import InvalidRequestBody, StateError
from pipelines.models import CommandExecution, PlatformEvent, Resource
from pipelines.platform_events import enabled_definitions, hold_resources, start_named_pipelines
from pipelines.resources.parameters import check_values
from pipelines.resources.shapes import storable
from projects.models import Account, Project

EXECUTION = "execution"
COMMAND_LINE = "manage.py run"  # the executor there, who has no account


def get_command(project: Project, command_id: str) -> Resource:
    """Return one of the project's commands, or raise UnknownObject."""
    commands = Resource.objects.select_related("project").filter(project=project)
    return get_or_unknown(commands, "resource", type=Resource.Type.COMMAND, pk=command_id)


def command_executions_of(project: Project) -> QuerySet[CommandExecution]:
    """Return the project's command executions, each with its project."""
    return CommandExecution.objects.filter(project=project).select_related("project")


def get_command_execution(project: Project, execution_id: str) -> CommandExecution:
    """Return a command execution of the project, or raise UnknownObject."""
    return get_or_unknown(command_executions_of(project), "command_execution", pk=execution_id)


def execute_command(
    command: Resource, values: Mapping[str, Any], executor: Account | None, *, pointer: str = "/parameters"
) -> CommandExecution:
    """Execute a command: create an event, and start each of its pipelines that isn't disabled.

    Raises InvalidRequestBody with all problems of the values, which are at `pointer` in the body; StateError if the
    command is disabled.
    """
    with transaction.atomic():
        hold_resources(command.project_id)
        current = get_command(command.project, command.pk)
        parameters = _effective(current, values, pointer)
        if current.disabled:
            raise StateError("resource_disabled", f"The command {current.name} is disabled.")
        return _execute(current, parameters, executor)


def _effective(command: Resource, values: Mapping[str, Any], pointer: str) -> dict[str, Any]:
    parameters, problems = check_values(command.data["parameters"], values, pointer)
    problems += storable(values, pointer)
    if problems:
        raise InvalidRequestBody(problems)
    return parameters


def _execute(command: Resource, parameters: dict[str, Any], executor: Account | None) -> CommandExecution:
    now = timezone.now()
    event = PlatformEvent.objects.create(
        project=command.project,
        command_id=command.pk,
        connector="command",
        name=EXECUTION,
        data={"parameters": parameters, "command_id": command.pk, "command_name": command.name},
        event_time=now,
        processed=True,
    )
    pipelines = start_named_pipelines(event, command, enabled_definitions([command]))
    return CommandExecution.objects.create(
        project=command.project,
        executor=executor,
        executor_name=executor.email if executor else COMMAND_LINE,
        execution_time=now,
        command_id=command.pk,
        parameters=parameters,
        event=event,
        pipeline_ids=[pipeline.pk for pipeline in pipelines],
    )
