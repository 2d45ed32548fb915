"""The page of a pipeline: its graph, and each task with the output of its steps.

While the pipeline runs, the page loads this every second. Output is therefore cut to fit a page; complete output has
its own address.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models.functions import Length, Right
from django.urls import reverse
from django.utils.safestring import SafeString

from eventlane.zone_choice import zoned_clock
from pipelines.console.causes import Cause, causes_of
from pipelines.console.graph import HEIGHT, WIDTH, Drawing, draw
from pipelines.console.spans import span
from pipelines.console.states import joint_status, state_label
from pipelines.console.terminal import as_html
from pipelines.models import UNFINISHED, Pipeline, Status, Task, TaskStep
from pipelines.resources.files import spec_text
from pipelines.retention import retention_of

PAGE_CHARACTERS = 200_000  # of output, per page
MOST_CHARACTERS, LEAST_CHARACTERS = 20_000, 500  # per step
SHOWN_TASKS = 200
SHOWN_ENTRIES, ENTRY_CHARACTERS = 100, 2000  # of the scratchpad
NAME_CHARACTERS = 18  # that fit into a box
DOTS = 12
LEAST_SCALE = 0.75  # a graph that would have to be smaller is scrolled instead


@dataclass(frozen=True, slots=True)
class Node:
    """A task in the graph, including all its instances."""

    name: str
    title: str  # the name, shortened to fit
    text: str
    status: str
    x: int
    y: float
    anchor: str
    dots: list[tuple[int, str]]  # of several instances: position and status


@dataclass(frozen=True, slots=True)
class StepPart:
    """A step; without `output` if it hasn't started."""

    title: str
    state: str  # waiting, running, ok, failed or stopped
    exit_code: int | None
    lasted: str
    output: SafeString | None
    hidden: int  # characters before the part of the output that is shown
    truncated: bool
    url: str


@dataclass(frozen=True, slots=True)
class TaskPart:
    """Details of a task."""

    task: Task
    title: str
    label: SafeString
    lasted: str
    retries: int
    waits: str
    steps: list[StepPart]
    is_open: bool


def _kept_until(pipeline: Pipeline) -> datetime | None:
    """Return when an ended pipeline will be deleted; None if that isn't known yet, or never."""
    kept_for = retention_of(pipeline.project)
    if not pipeline.is_finished or pipeline.delete_time or kept_for is None:
        return pipeline.delete_time
    return (pipeline.end_time or pipeline.creation_time) + kept_for


def live_part(pipeline: Pipeline, now: datetime) -> dict[str, Any]:
    """Return the part of the page that changes while the pipeline runs."""
    drawing, tasks = _tasks(pipeline)
    shown = tasks if len(tasks) <= SHOWN_TASKS else _most_telling(tasks)
    return {
        "pipeline": pipeline,
        "label": state_label(pipeline.status),
        "cause": cause_of(pipeline),
        "lasted": span(pipeline.start_time, pipeline.end_time or now),
        "kept_until": _kept_until(pipeline),
        "as_of": zoned_clock(now),
        "drawing": drawing,
        "least_width": round(drawing.width * LEAST_SCALE),
        "box_width": WIDTH,
        "box_height": HEIGHT,
        "nodes": _nodes(drawing, tasks, now),
        "lit": {task.name for task in tasks if task.status == Status.STARTED},
        "summary": _summary(tasks),
        "parts": _parts(pipeline, shown, now),
        "more_tasks": len(tasks) - len(shown),
        "scratchpad": _scratchpad(pipeline),
        "may_abort": not pipeline.is_finished,
        "may_restart": pipeline.is_finished,
        "may_restart_from_failure": pipeline.status in (Status.FAILED, Status.ABORTED),
        # After an abort, processes still end and write output.
        "ended": pipeline.is_finished and not any(task.worker for task in tasks),
    }


def specs_of(pipeline: Pipeline) -> list[tuple[str, str]]:
    """Return the specs of the pipeline and its tasks, each with a title."""
    of_tasks = {task.spec["name"]: task.spec for task in pipeline.tasks.only("spec", "pipeline")}
    titles = [(f"Task {name}", spec) for name, spec in sorted(of_tasks.items())]
    return [(title, spec_text(spec)) for title, spec in [(f"Pipeline {pipeline.name}", pipeline.spec), *titles]]


def cause_of(pipeline: Pipeline) -> Cause:
    """Return why a pipeline was started."""
    return causes_of([pipeline.event])[pipeline.event_id]


def step_output(pipeline: Pipeline, task_id: str, position: int) -> str | None:
    """Return everything kept of a step's output, or None if there is no such step."""
    steps = TaskStep.objects.filter(task__pipeline=pipeline, task_id=task_id, position=position)
    return steps.values_list("output", flat=True).first()


def _tasks(pipeline: Pipeline) -> tuple[Drawing, list[Task]]:
    """Return the graph, and the tasks in the graph's order."""
    entries = pipeline.spec["data"]["tasks"]
    positions = {entry.get("name") or entry["task"]: position for position, entry in enumerate(entries)}
    tasks = sorted(pipeline.tasks.all(), key=lambda task: (positions.get(task.name, len(positions)), task.name))
    drawing = draw({task.name: task.dependencies for task in tasks})
    places = {box.name: (box.x, box.y) for box in drawing.boxes}
    return drawing, sorted(tasks, key=lambda task: (*places[task.name], task.instance_id))


def _most_telling(tasks: Sequence[Task]) -> list[Task]:
    order = [Status.FAILED, Status.STARTED, Status.ABORTED, Status.SUCCESSFUL, Status.CREATED]
    return sorted(tasks, key=lambda task: order.index(Status(task.status)))[:SHOWN_TASKS]


def _summary(tasks: Sequence[Task]) -> str:
    """Describe the graph in words, for people who can't see it."""
    counts = [(word, sum(task.status == status for task in tasks)) for status, word in Status.choices]
    shown = [f"{count} {word.lower()}" for word, count in counts if count]
    return f"{len(tasks)} tasks: {', '.join(shown)}"


# The graph


def _nodes(drawing: Drawing, tasks: Iterable[Task], now: datetime) -> list[Node]:
    by_name: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        by_name[task.name].append(task)
    return [_node(box.name, box.x, box.y, by_name[box.name], now) for box in drawing.boxes]


def _node(name: str, x: int, y: float, instances: Sequence[Task], now: datetime) -> Node:
    status = joint_status(task.status for task in instances)
    dots = [(x + WIDTH - 14 - 11 * index, task.status) for index, task in enumerate(reversed(instances[:DOTS]))]
    return Node(
        name=name,
        title=name if len(name) <= NAME_CHARACTERS else f"{name[: NAME_CHARACTERS - 1]}…",
        text=_node_text(instances, status, now),
        status=status,
        x=x,
        y=y,
        anchor=anchor_of(instances[0]),
        dots=dots if len(instances) > 1 else [],
    )


def _node_text(instances: Sequence[Task], status: str, now: datetime) -> str:
    if len(instances) > 1:
        return f"{sum(task.is_finished for task in instances)} of {len(instances)} ended"
    [task] = instances
    lasted = span(task.start_time, task.end_time or now)
    return " · ".join(filter(None, (Status(status).label, lasted, f"retry {task.retry}" if task.retry else "")))


def anchor_of(task: Task) -> str:
    """Return the anchor of a task's details on the page."""
    return f"task-{task.pk}"


# The details


def _parts(pipeline: Pipeline, tasks: Sequence[Task], now: datetime) -> list[TaskPart]:
    status_of: dict[str, Any] = {task.name: task.status for task in tasks}
    several = {task.name for task in tasks if task.instance_id > 1}
    steps = _begun_steps(tasks)
    return [
        TaskPart(
            task=task,
            title=f"{task.name} {task.instance_id}" if task.name in several else task.name,
            label=state_label(task.status),
            lasted=span(task.start_time, task.end_time or now),
            retries=task.pipeline_task.get("nb_retries", 0),
            waits=_waits(pipeline, task, status_of, now),
            steps=_step_parts(pipeline, task, steps[task.pk], now),
            is_open=task.status in (Status.STARTED, Status.FAILED) or len(tasks) == 1,
        )
        for task in tasks
    ]


def _begun_steps(tasks: Sequence[Task]) -> dict[str, dict[int, TaskStep]]:
    """Return the steps that have started, by task and position, with the end of their output as `tail`."""
    count = sum(len(task.spec["data"].get("steps") or ()) for task in tasks)
    characters = max(LEAST_CHARACTERS, min(MOST_CHARACTERS, PAGE_CHARACTERS // max(1, count)))
    begun = TaskStep.objects.filter(task__in=[task.pk for task in tasks]).defer("output")
    found: dict[str, dict[int, TaskStep]] = defaultdict(dict)
    for step in begun.annotate(tail=Right("output", characters), kept=Length("output")):
        found[step.task_id][step.position] = step
    return found


def _step_parts(pipeline: Pipeline, task: Task, begun: Mapping[int, TaskStep], now: datetime) -> list[StepPart]:
    specs = task.spec["data"].get("steps") or []
    return [_step_part(pipeline, task, position, spec, begun.get(position), now) for position, spec in enumerate(specs)]


def _step_part(
    pipeline: Pipeline, task: Task, position: int, spec: Mapping[str, Any], begun: Any, now: datetime
) -> StepPart:
    title = spec.get("label") or spec.get("source") or spec.get("command") or f"Step {position + 1}"
    if begun is None:
        return StepPart(title, "waiting" if not task.is_finished else "skipped", None, "", None, 0, False, "")
    return StepPart(
        title=title,
        state=_step_state(task, begun),
        exit_code=begun.exit_code,
        lasted=span(begun.start_time, begun.end_time or task.end_time or now),
        output=as_html(begun.tail),
        hidden=begun.kept - len(begun.tail),
        truncated=begun.truncated,
        url=reverse("admin:pipelines_pipeline_output", args=[pipeline.pk, task.pk, position]),
    )


def _step_state(task: Task, step: TaskStep) -> str:
    if step.exit_code is not None:
        return "failed" if step.exit_code else "ok"
    return "running" if step.end_time is None and not task.is_finished else "stopped"


def _waits(pipeline: Pipeline, task: Task, status_of: Mapping[str, Any], now: datetime) -> str:
    """Say what a waiting task is waiting for."""
    if task.status != Status.CREATED:
        return ""
    if not pipeline.admitted:
        return f"Waits for an earlier run of {pipeline.name} to end."
    if task.due_time and task.due_time > now:
        return f"Retried in {span(now, task.due_time)}."
    if task.throttled:
        return "Waits because as many tasks are running as the limits allow."
    waited = [name for name in task.dependencies if status_of.get(name) in UNFINISHED]
    return f"Waits for {', '.join(waited)}." if waited else "Waits for a worker."


def _scratchpad(pipeline: Pipeline) -> list[tuple[str, str, bool]]:
    """Return keys and values, each with whether the value was cut."""
    entries = pipeline.scratchpad.order_by("key").values_list("key", "value")[:SHOWN_ENTRIES]
    return [(key, value[:ENTRY_CHARACTERS], len(value) > ENTRY_CHARACTERS) for key, value in entries]
