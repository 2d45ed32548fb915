"""Executing commands (docs/api/v0.md, sections 2.12 and 6.3). Commands themselves are resources."""

from typing import Any

from django_filters import FilterSet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.filters import Filters, IdFilter
from eventlane.api.operation import Operation
from eventlane.api.serializers import Representation, TimeField
from eventlane.api.sources import by_moment
from eventlane.wire.errors import InvalidRequestBody, Problem
from pipelines.command_executions import command_executions_of, execute_command, get_command, get_command_execution
from projects.api.viewsets import ProjectObjectViewSet

VALUES = {
    "type": ["object", "null"],
    "description": "Values for the command's parameters, either in `parameters` or directly.",
    "properties": {"parameters": {"type": ["object", "null"], "description": "Values by name."}},
}


class CommandExecutionRepresentation(Representation):
    """An execution of a command: an event, and the pipelines it started."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="project.organization_id")
    project_id = serializers.CharField()
    executor_id = serializers.CharField(required=False, help_text="The account; absent once it is deleted.")
    execution_time = TimeField()
    command_id = serializers.CharField()
    parameters = serializers.DictField(help_text="The values of all parameters, including defaults.")
    event_id = serializers.CharField()
    pipeline_ids = serializers.ListField(child=serializers.CharField())


class CommandExecutionFilters(FilterSet):
    """Which executions are listed."""

    command = IdFilter("command_id", label="The id of the command.")


class CommandExecutionsViewSet(ProjectObjectViewSet):
    """Command executions in the project."""

    serializer_class = CommandExecutionRepresentation
    filter_backends = (Filters,)
    filterset_class = CommandExecutionFilters
    sorts = {"execution_time": by_moment("execution_time")}
    operations = {"execute": Operation(200, VALUES, errors={400: ("resource_disabled",)}, nouns=("resource",))}

    def execute(self, request: Request, id: str) -> Response:
        """Execute a command: start its pipelines with these values."""
        command = get_command(self.project, id)
        values, pointer = _read_values(self.request.data)
        return Response(self.show(execute_command(command, values, self.account, pointer=pointer)))

    def list(self, request: Request) -> Response:
        """Return a page of executions."""
        return self.page(self.filter_queryset(command_executions_of(self.project)))

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one execution."""
        return Response(self.show(get_command_execution(self.project, id)))


def _read_values(body: Any) -> tuple[dict[str, Any], str]:
    """Return the values in either form of the body, and their place in it: some published clients wrap them.

    Values are never objects, so the two can't be confused.
    """
    if body is None:
        return {}, ""
    if not isinstance(body, dict):
        raise InvalidRequestBody([Problem("", "must be a JSON object")])
    if not isinstance(body.get("parameters"), dict):
        return body, ""
    others = [name for name, value in body.items() if name != "parameters" and value is not None]
    if others:
        raise InvalidRequestBody([Problem("", f"member {name[:100]!r} is unknown") for name in others])
    return body["parameters"], "/parameters"
