import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import CommandParser

from eventlane.command_line import ExampleCommand, whole_number
from pipelines.api.pipelines import PipelineRepresentation
from pipelines.api.tasks import TaskRepresentation, TaskStepRepresentation
from pipelines.command_line import find_pipelines
from pipelines.following import duration, visible
from pipelines.models import Pipeline, Resource, Status, Task, TaskStep
from projects.command_line import add_project_argument, find_project


class Command(ExampleCommand):
    help = (
        "List pipelines, newest last, or show some with their tasks.\n\n"
        "--json prints one object per line: pipelines as in the API; with PIPELINE_ID, also their tasks and steps."
    )
    example = """
python manage.py pipelines --status failed --limit 5
python manage.py pipelines 23BxCU5Dh90B3XVF4UrkWrnjdCO --output
python manage.py pipelines --project main --json | jq .status
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", metavar="PIPELINE_ID", nargs="*", help="show this pipeline with its tasks")
        add_project_argument(parser)
        parser.add_argument("--status", choices=Status.values, help="only pipelines with this status")
        parser.add_argument("--limit", type=whole_number(1), default=20, metavar="N", help="the last N (default: 20)")
        parser.add_argument("--output", action="store_true", help="with PIPELINE_ID, also show the output of its steps")
        parser.add_argument("--json", action="store_true", help="print one JSON object per line")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["ids"]:
            show = self._show_json if options["json"] else self._show
            for pipeline in find_pipelines(options["ids"]):
                show(pipeline, options["output"])
            return
        pipelines = _latest(find_project(options["project"]).pk, options["status"], options["limit"])
        if options["json"]:
            for pipeline in pipelines:
                self.stdout.write(json.dumps(PipelineRepresentation.show(pipeline)))
        else:
            self._write_table(
                [_row(pipeline, cause) for pipeline, cause in zip(pipelines, _causes(pipelines), strict=True)]
            )

    def _show(self, pipeline: Pipeline, with_output: bool) -> None:
        [cause] = _causes([pipeline])
        self._write_table([_row(pipeline, cause)])
        for task in _tasks(pipeline):
            retries = f", retry {task.retry}" if task.retry else ""
            self.stdout.write(f"  {_title(task):<30} {_ending(task)}{retries}")
            if task.failure_message:
                self.stdout.write(f"    {visible(task.failure_message)}")
            for step in task.steps.order_by("position") if with_output else ():
                self._show_step(step)

    def _show_step(self, step: TaskStep) -> None:
        code = "runs" if step.end_time is None else f"exit status {step.exit_code}"
        self.stdout.write(f"    step {step.position + 1} {visible(step.label)} ({code})")
        for line in step.output.splitlines():
            self.stdout.write(f"    │ {visible(line.expandtabs())}")

    def _show_json(self, pipeline: Pipeline, with_output: bool) -> None:
        tasks = []
        for task in _tasks(pipeline):
            steps = [_step(step, with_output) for step in task.steps.order_by("position")]
            tasks.append(TaskRepresentation.show(task) | {"steps": steps})
        self.stdout.write(json.dumps(PipelineRepresentation.show(pipeline) | {"tasks": tasks}))

    def _write_table(self, rows: Sequence[Sequence[str]]) -> None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            self.stdout.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _latest(project_id: str, status: str | None, limit: int) -> list[Pipeline]:
    pipelines = Pipeline.objects.filter(project=project_id).select_related("project", "event").defer("spec")
    if status is not None:
        pipelines = pipelines.filter(status=status)
    return list(pipelines.order_by("-event_time", "-id")[:limit])[::-1]


def _tasks(pipeline: Pipeline) -> Iterable[Task]:
    return pipeline.tasks.select_related("project").order_by("start_time", "id")


def _causes(pipelines: Sequence[Pipeline]) -> list[str]:
    """Describe what started each pipeline: its trigger or command by name, while it exists, and the event."""
    ids = {one.trigger_id or one.command_id for one in pipelines}
    names = {row.pk: str(row) for row in Resource.objects.filter(pk__in=ids)}
    return [
        f"{names.get(one.trigger_id or one.command_id, 'deleted')}, {one.event.connector}/{one.event.name}"
        for one in pipelines
    ]


def _row(pipeline: Pipeline, cause: str) -> list[str]:
    return [pipeline.pk, _time(pipeline.event_time), pipeline.name, _ending(pipeline), cause]


def _ending(execution: Pipeline | Task) -> str:
    return f"{execution.status}{duration(execution.start_time, execution.end_time)}"


def _title(task: Task) -> str:
    return f"{task.name}#{task.instance_id}" if task.pipeline_task.get("nb_instances", 1) > 1 else task.name


def _step(step: TaskStep, with_output: bool) -> dict[str, Any]:
    shown = TaskStepRepresentation.show(step)
    return shown if with_output else {name: value for name, value in shown.items() if name != "output"}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%SZ")
