"""Tasks of pipelines, and the output of their steps (docs/api/v0.md, section 2.11)."""

from django_filters import FilterSet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.filters import Filters, IdFilter
from eventlane.api.operation import Operation
from eventlane.api.serializers import Representation, TimeField
from pipelines.access import get_task, tasks_of
from pipelines.api.pipelines import ExecutionRepresentation, ExecutionViewSet
from pipelines.models import Task


class TaskRepresentation(ExecutionRepresentation):
    """A task of a pipeline. `pipeline_id` is the id of its pipeline, `task_id` that of its resource."""

    pipeline_id = serializers.CharField()
    pipeline_task = serializers.JSONField()
    task_id = serializers.CharField(source="definition_id", required=False)
    task_identities = serializers.SerializerMethodField()
    spec = serializers.JSONField()
    command_parameters = serializers.JSONField(required=False)
    instance_id = serializers.IntegerField()
    dependencies = serializers.ListField(child=serializers.CharField())
    failure_message = serializers.SerializerMethodField()
    retry = serializers.IntegerField()

    def get_task_identities(self, task: Task) -> list[str]:
        """Return the names of the identities that its resource names."""
        return task.spec["data"].get("identities", [])

    def get_failure_message(self, task: Task) -> str | None:
        """Return why it failed, or None."""
        return task.failure_message or None


class TaskStepRepresentation(Representation):
    """A step that has started, and what it has written to standard output and standard error so far."""

    position = serializers.IntegerField(help_text="Its position among the steps of the task's spec, from 0.")
    label = serializers.CharField()
    start_time = TimeField()
    end_time = TimeField(required=False)
    exit_code = serializers.IntegerField(required=False)
    output = serializers.CharField(help_text="Both streams, interleaved, with secrets masked.")
    output_bytes = serializers.IntegerField(help_text="Total bytes written.")
    truncated = serializers.BooleanField(help_text="Whether `output` is incomplete.")


class TaskStepsRepresentation(Representation):
    """The steps of a task that have started."""

    status = serializers.CharField(help_text="The task's status.")
    steps = TaskStepRepresentation(many=True)


class TaskFilters(FilterSet):
    """Which tasks are listed."""

    pipeline_id = IdFilter("pipeline_id", label="The id of the pipeline.")


class TasksViewSet(ExecutionViewSet):
    """The tasks of the project's pipelines."""

    serializer_class = TaskRepresentation
    filter_backends = (Filters,)
    filterset_class = TaskFilters
    operations = {"steps": Operation(reply=TaskStepsRepresentation)}

    def list(self, request: Request) -> Response:
        """Return a page of tasks."""
        return self.page(self.filter_queryset(tasks_of(self.project)))

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one task."""
        return Response(self.show(get_task(self.project, id)))

    def steps(self, request: Request, id: str) -> Response:
        """Return the steps that have started with their output so far."""
        task = get_task(self.project, id)
        steps = list(task.steps.order_by("position"))
        return Response(TaskStepsRepresentation.show({"status": task.status, "steps": steps}))
