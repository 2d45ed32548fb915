"""Pipelines from creation to end (docs/api/v0.md, sections 6.2, 6.4, 6.5).

           start_pipelines
                  │
               created ──── abort ───▶ aborted
                  │ a task started       ▲
               started ──── abort ───────┤ or a task was aborted
                  │ all tasks finished   │
    ┌─────────────┼──────────────────────┘
successful      failed        restart, restart from failure: back to created
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from eventlane.wire.errors import StateError
from pipelines.execution.dispatch import admit, admit_next, dispatch, end_pipeline, lock_pipeline, ready_tasks
from pipelines.models import UNFINISHED, Pipeline, PlatformEvent, Resource, Status, Task, TaskStep
from pipelines.resources.parameters import environment_of

CLEARED: dict[str, Any] = {
    "status": Status.CREATED,
    "start_time": None,
    "end_time": None,
    "failure_message": "",
    "retry": 0,
    "queued": False,
    "throttled": False,
    "due_time": None,
}


def start_pipelines(
    event: PlatformEvent, definitions: Sequence[Resource], command_parameters: dict[str, Any] | None = None
) -> list[Pipeline]:
    """Create a pipeline with all its tasks for each definition, and let them run once they are admitted.

    Uses the caller's transaction: pipelines, tasks and jobs are created together or not at all.
    """
    with transaction.atomic():
        task_resources = _task_resources(event.project_id, definitions)
        environment = _command_environment(event, command_parameters)
        pipelines = [_new_pipeline(event, definition, environment) for definition in definitions]
        Pipeline.objects.bulk_create(pipelines)
        tasks = {p.pk: list(_new_tasks(p, task_resources, command_parameters)) for p in pipelines}
        Task.objects.bulk_create(task for of_pipeline in tasks.values() for task in of_pipeline)
        for pipeline in pipelines:
            if pipeline.admitted:
                dispatch(ready_tasks(tasks[pipeline.pk]))
        # The lock of a slot is taken after this transaction, which holds others: callers start pipelines in any order.
        for definition_id in dict.fromkeys(p.definition_id for p in pipelines if not p.admitted):
            transaction.on_commit(partial(admit_next, definition_id))
    return pipelines


def abort_pipeline(pipeline: Pipeline) -> None:
    """Stop a pipeline; its workers notice within a second. Raise StateError if it has ended."""
    with transaction.atomic():
        locked = _locked(pipeline)
        if locked.is_finished:
            raise StateError("pipeline_finished", "The pipeline has already ended.")
        locked.aborted = True
        locked.save(update_fields=["aborted"])
        abort_tasks([locked])
        end_pipeline(locked, [str(Status.ABORTED)])


def abort_tasks(pipelines: Sequence[Pipeline]) -> None:
    """Abort all unfinished tasks of locked pipelines."""
    now = timezone.now()
    unfinished = Task.objects.filter(pipeline__in=[pipeline.pk for pipeline in pipelines], status__in=UNFINISHED)
    unfinished.filter(status=Status.STARTED).update(end_time=now)
    unfinished.update(status=Status.ABORTED, queued=False, throttled=False, due_time=None)


def restart_pipeline(pipeline: Pipeline, *, from_failure: bool = False) -> None:
    """Run a finished pipeline again, completely or only what failed or was aborted; raise StateError if it can't be.

    A task whose process is still being stopped waits until it is gone.
    """
    with transaction.atomic():
        locked = _locked(pipeline)
        if not locked.is_finished:
            raise StateError("pipeline_not_finished", "The pipeline has not ended yet.")
        if from_failure and locked.status == Status.SUCCESSFUL:
            raise StateError(
                "pipeline_not_failed", "The pipeline was successful, so there is no failure to restart from."
            )
        tasks = locked.tasks.all()
        if from_failure:
            tasks = tasks.filter(status__in=(Status.FAILED, Status.ABORTED))
        else:
            locked.scratchpad.all().delete()
        TaskStep.objects.filter(task__in=tasks).delete()
        tasks.update(**CLEARED)
        _reopen(locked, locked.start_time if from_failure else None)


def delete_expired(now: datetime) -> int:
    """Delete pipelines whose retention is over, with their tasks and scratchpads; return how many.

    Locks them: one that is just being restarted must stay.
    """
    expired = Pipeline.objects.filter(delete_time__lte=now).exclude(status__in=UNFINISHED)
    with transaction.atomic():
        ids = list(expired.select_for_update(skip_locked=True).values_list("pk", flat=True)[:500])
        Pipeline.objects.filter(pk__in=ids).delete()
    return len(ids)


def admit_waiting() -> None:
    """Assign free slots: a process may die between a commit and what should follow it.

    Pipelines whose definition was deleted while they waited no longer have anything to wait for.
    """
    waiting = Pipeline.objects.filter(admitted=False, status__in=UNFINISHED)
    for definition_id in waiting.order_by().values_list("definition_id", flat=True).distinct()[:100]:
        if definition_id is not None:
            admit_next(definition_id)
    for pipeline in waiting.filter(definition=None)[:100]:
        with transaction.atomic():
            admit(pipeline)


def _locked(pipeline: Pipeline) -> Pipeline:
    locked = lock_pipeline(pipeline.pk)
    if locked is None:
        raise StateError("pipeline_finished", "The pipeline has just been deleted.")
    return locked


def _reopen(pipeline: Pipeline, start_time: datetime | None) -> None:
    alone = pipeline.concurrent or pipeline.definition_id is None
    pipeline.status, pipeline.start_time, pipeline.end_time = Status.CREATED, start_time, None
    pipeline.delete_time, pipeline.aborted, pipeline.admitted = None, False, alone
    pipeline.save(update_fields=["status", "start_time", "end_time", "delete_time", "aborted", "admitted"])
    if alone:
        dispatch(ready_tasks(list(pipeline.tasks.all())))
    else:
        definition_id = pipeline.definition_id
        transaction.on_commit(lambda: admit_next(definition_id))


def _task_resources(project_id: str, definitions: Iterable[Resource]) -> dict[str, Resource]:
    names = {entry["task"] for definition in definitions for entry in definition.data["tasks"]}
    found = Resource.objects.filter(project_id=project_id, type=Resource.Type.TASK, name__in=names)
    return {resource.name: resource for resource in found}


def _command_environment(event: PlatformEvent, values: dict[str, Any] | None) -> dict[str, str]:
    """Return the variables for a command's parameters, as deployed now. Restarts use the same ones."""
    if not values or not event.command_id:
        return {}
    command = Resource.objects.filter(pk=event.command_id, project_id=event.project_id).first()
    return environment_of(command.data.get("parameters") or [], values) if command else {}


def _new_pipeline(event: PlatformEvent, definition: Resource, environment: dict[str, str]) -> Pipeline:
    concurrent, days = definition.data.get("concurrent", False), definition.data.get("retention")
    return Pipeline(
        project_id=event.project_id,
        definition=definition,
        name=definition.name,
        spec=definition.spec,
        trigger_id=event.trigger_id,
        command_id=event.command_id,
        command_environment=environment,
        event=event,
        event_time=event.event_time,
        concurrent=concurrent,
        admitted=concurrent,
        retention=timedelta(days=days) if days else None,
    )


def _new_tasks(
    pipeline: Pipeline, task_resources: dict[str, Resource], command_parameters: dict[str, Any] | None
) -> Iterable[Task]:
    entries = pipeline.spec["data"]["tasks"]
    taken = {entry["name"] for entry in entries if entry.get("name")}
    for entry in entries:
        resource = task_resources[entry["task"]]
        name = entry.get("name") or _free_name(entry["task"], taken)
        for instance_id in range(1, entry.get("nb_instances", 1) + 1):
            yield Task(
                project_id=pipeline.project_id,
                pipeline=pipeline,
                definition=resource,
                name=name,
                pipeline_task=entry | {"name": name},
                spec=resource.spec,
                command_parameters=command_parameters,
                dependencies=entry.get("dependencies", []),
                instance_id=instance_id,
            )


def _free_name(base: str, taken: set[str]) -> str:
    """Return a name for a task without one: its resource's name, with a number if that is taken."""
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    taken.add(name)
    return name
