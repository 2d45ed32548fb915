"""What may run next: from a pipeline that can start to the jobs that workers fetch.

Whoever changes a pipeline locks first its row, then the rows of its tasks. A definition's slot is assigned under an
advisory lock, taken after both. With this order there can be no deadlock.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from procrastinate.contrib.django import app

from pipelines.models import UNFINISHED, Pipeline, Status, Task

RUN_TASK = "eventlane.run_task"
QUEUE = "tasks"
SLOT_LOCK, LIMIT_LOCK = 7_001, 7_002  # first halves of advisory locks


def lock_pipeline(pipeline_id: str) -> Pipeline | None:
    """Lock and return a pipeline in its current state, or None if it is gone. Requires a transaction."""
    return Pipeline.objects.select_for_update().defer("spec").filter(pk=pipeline_id).first()


def advance(pipeline: Pipeline) -> None:
    """End a locked pipeline if all its tasks are finished; otherwise dispatch those that are ready."""
    tasks = list(pipeline.tasks.defer("spec", "pipeline_task", "command_parameters"))
    if all(task.is_finished for task in tasks):
        end_pipeline(pipeline, [task.status for task in tasks])
    elif pipeline.admitted:
        dispatch(ready_tasks(tasks))


def end_pipeline(pipeline: Pipeline, statuses: Iterable[str]) -> None:
    """Give a locked pipeline its final status (docs/api/v0.md, section 6.1), and its slot to the next one."""
    end_time, delete_time = end_times(pipeline, timezone.now())
    Pipeline.objects.filter(pk=pipeline.pk).update(
        status=_last_status(pipeline, set(statuses)), end_time=end_time, delete_time=delete_time
    )
    if pipeline.admitted and pipeline.definition_id and not pipeline.concurrent:
        admit_next(pipeline.definition_id)


def end_times(pipeline: Pipeline, now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return end time and delete time of a pipeline that ends now. One that never started has no end time."""
    return now if pipeline.start_time else None, now + pipeline.retention if pipeline.retention else None


def _last_status(pipeline: Pipeline, statuses: set[str]) -> str:
    if pipeline.aborted:
        return str(Status.ABORTED)
    for status in (str(Status.FAILED), str(Status.ABORTED)):
        if status in statuses:
            return status
    return str(Status.SUCCESSFUL)


def admit_next(definition_id: str) -> None:
    """Give a definition's slot, if it is free, to the oldest waiting pipeline.

    An aborted pipeline keeps it until its last process is gone; release_worker then calls this again. The lock makes
    two that end at the same time take turns; the constraint pipeline_one_at_a_time would refuse the second.
    """
    with transaction.atomic():
        _advisory_lock(SLOT_LOCK, definition_id)
        of_definition = Pipeline.objects.filter(definition_id=definition_id, status__in=UNFINISHED)
        being_stopped = Task.objects.filter(pipeline__definition_id=definition_id).exclude(worker="")
        while not of_definition.filter(admitted=True).exists() and not being_stopped.exists():
            waiting = of_definition.order_by("event_time", "id").first()
            if waiting is None or admit(waiting):
                return


def admit(pipeline: Pipeline) -> bool:
    """Let a pipeline's tasks run; return False if it has ended meanwhile."""
    admitted = Pipeline.objects.filter(pk=pipeline.pk, admitted=False, status__in=UNFINISHED).update(admitted=True)
    if admitted:
        dispatch(ready_tasks(list(pipeline.tasks.defer("spec", "pipeline_task", "command_parameters"))))
    return bool(admitted)


def ready_tasks(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks of a pipeline that no longer wait for anything.

    A task that failed for good with on_failure "abort" has aborted all others, so a finished dependency is enough.
    A task whose earlier attempt is still being stopped has a worker, and waits for it: no task runs twice at once.
    """
    unfinished = {task.name for task in tasks if not task.is_finished}
    return [
        task
        for task in tasks
        if task.status == Status.CREATED
        and not (task.queued or task.throttled or task.worker)
        and unfinished.isdisjoint(task.dependencies)
    ]


def dispatch(tasks: Sequence[Task]) -> None:
    """Give each task a new attempt and a job, in the transaction that found the task ready."""
    if not tasks:
        return
    for task in tasks:
        task.attempt, task.queued, task.throttled = task.attempt + 1, True, False
    Task.objects.bulk_update(tasks, ["attempt", "queued", "throttled"])
    defer_runs(tasks)


def defer_runs(tasks: Iterable[Task]) -> None:
    """Create the jobs for tasks that are marked as queued."""
    later: dict[datetime | None, list[Task]] = {}
    for task in tasks:
        later.setdefault(task.due_time, []).append(task)
    for due_time, due in later.items():
        job = app.configure_task(RUN_TASK, queue=QUEUE, schedule_at=due_time)
        job.batch_defer(*({"task": task.pk, "pipeline": task.pipeline_id, "run": task.attempt} for task in due))


def is_limited(project_limit: int | None) -> bool:
    """Return whether running tasks must be counted; `project_limit` is the project's own limit."""
    return bool(
        settings.EVENTLANE_MAX_RUNNING_TASKS
        or settings.EVENTLANE_PROJECT_MAX_RUNNING_TASKS
        or project_limit is not None
    )


def may_run(project_id: str, project_limit: int | None) -> bool:
    """Return whether one more task of a project may run now. The answer holds until the transaction ends."""
    _advisory_lock(LIMIT_LOCK, "")
    return _free(project_id, project_limit)


def wake_throttled() -> None:
    """Dispatch a task that waited for others to end: the oldest that the limits permit.

    Considers only the oldest of each project: one project's queue must not hide another's.
    """
    throttled = Task.objects.filter(throttled=True)
    if not throttled.exists():
        return
    with transaction.atomic():
        _advisory_lock(LIMIT_LOCK, "")
        oldest = throttled.select_related("project").order_by("project_id", "id").distinct("project_id")
        for task in sorted(oldest, key=lambda task: task.pk):
            if _free(task.project_id, task.project.max_running_tasks) and _unthrottle(task):
                return


def _unthrottle(task: Task) -> bool:
    changed = Task.objects.filter(pk=task.pk, throttled=True, attempt=task.attempt).update(
        throttled=False, queued=True, attempt=task.attempt + 1
    )
    task.attempt += 1
    if changed:
        defer_runs([task])
    return bool(changed)


def _free(project_id: str, project_limit: int | None) -> bool:
    everywhere = settings.EVENTLANE_MAX_RUNNING_TASKS
    here = settings.EVENTLANE_PROJECT_MAX_RUNNING_TASKS if project_limit is None else project_limit
    running = Task.objects.filter(status=Status.STARTED)
    if everywhere and running.count() >= everywhere:
        return False
    return not here or running.filter(project_id=project_id).count() < here


def _advisory_lock(kind: int, text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [kind, text])
