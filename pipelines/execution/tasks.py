"""A task in a worker: claimed, kept alive, finished, or found lost.

Every change is a compare-and-swap on the task's status and attempt, so a late job or worker changes nothing.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from pipelines.execution.dispatch import admit_next, advance, is_limited, lock_pipeline, may_run, wake_throttled
from pipelines.execution.pipelines import abort_tasks
from pipelines.models import Pipeline, Status, Task

# Functions of the database (projects/migrations/sql): round trips are most of the cost of a short task.
CLAIM = "SELECT * FROM eventlane_claim_task(%(task)s, %(attempt)s, %(pipeline)s, %(worker)s, %(counted)s)"
SUCCEED = "SELECT eventlane_succeed_task(%s, %s, %s)"
NOT_ENDED, ENDED, ENDED_WHILE_OTHERS_WAIT = 0, 1, 2


def claim_task(task_id: str, pipeline_id: str, attempt: int, worker: str) -> Task | None:
    """Start an attempt at a task for a worker and return it, or None if it must not run (any more, or yet).

    If the number of running tasks is limited, they are counted, and a task over the limits is throttled.
    """
    values = {"task": task_id, "pipeline": pipeline_id, "attempt": attempt, "worker": worker}
    if not is_limited(None) and (task := _claim(values | {"counted": False})):
        return task
    with transaction.atomic():
        project = _project(pipeline_id)
        if project is None or not is_limited(project[1]):
            return _claim(values | {"counted": True})
        lock_pipeline(pipeline_id)
        if may_run(*project):
            return _claim(values | {"counted": True})
        Task.objects.filter(pk=task_id, attempt=attempt, status=Status.CREATED).update(queued=False, throttled=True)
    wake_throttled()  # a task may have ended meanwhile and seen nobody waiting
    return None


def _claim(values: dict[str, Any]) -> Task | None:
    found = list(Task.objects.raw(CLAIM, values))
    return found[0] if found else None


def finish_task(task: Task, failure: str | None = None) -> bool:
    """End a started task, with success or a failure message; retry it if it has retries. False: someone else ended it.

    The consequences for its pipeline are part of the same transaction.
    """
    if failure is None and (ended := _succeed(task)):
        if ended == ENDED_WHILE_OTHERS_WAIT:
            wake_throttled()
        return True
    with transaction.atomic():
        pipeline = lock_pipeline(task.pipeline_id)
        if pipeline is None or not _end(task, pipeline, failure):
            return False
        advance(pipeline)
    wake_throttled()
    return True


def release_worker(task: Task) -> None:
    """Record that an aborted attempt has no process left; if the task was restarted meanwhile, it may start now."""
    with transaction.atomic():
        pipeline = lock_pipeline(task.pipeline_id)
        freed = Task.objects.filter(pk=task.pk, attempt=task.attempt).exclude(worker="").update(worker="")
        if pipeline is not None and freed:
            if not pipeline.is_finished:
                advance(pipeline)
            if pipeline.definition_id and not pipeline.concurrent:
                admit_next(pipeline.definition_id)
    wake_throttled()


def heartbeat(worker: str, task_ids: Iterable[str]) -> dict[str, int]:
    """Record that a worker still has these tasks; return the attempts of those that should continue, by id.

    Rows that others have locked are skipped until next time, to avoid deadlocks; they count as continuing.
    """
    ids = list(task_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE projects_task SET heartbeat_time = now() WHERE id IN (SELECT id FROM projects_task"
            " WHERE id = ANY(%s) AND worker = %s ORDER BY id FOR UPDATE SKIP LOCKED)",
            [ids, worker],
        )
    going_on = Task.objects.filter(pk__in=ids, worker=worker, status=Status.STARTED)
    return dict(going_on.values_list("pk", "attempt"))


def end_lost_tasks(now: datetime) -> list[Task]:
    """Fail or retry started tasks of workers that went silent, and release aborted ones; return them."""
    limit = now - timedelta(seconds=settings.EVENTLANE_TASK_LOST_SECONDS)
    stale = Task.objects.filter(heartbeat_time__lt=limit).exclude(worker="")
    lost = list(stale.filter(status=Status.STARTED)[:100])
    for task in lost:
        finish_task(task, f"The worker {task.worker} was lost while running the task.")
    for task in stale.exclude(status=Status.STARTED)[:100]:
        release_worker(task)
    return lost


def _succeed(task: Task) -> int:
    """End a task with a single function (migrations/sql/0005_succeed_task.sql); NOT_ENDED: try the general way."""
    with connection.cursor() as cursor:
        cursor.execute(SUCCEED, [task.pk, task.attempt, task.pipeline_id])
        [answer] = cursor.fetchone()
    return answer


def _project(pipeline_id: str) -> tuple[str, int | None] | None:
    """Return the project of a pipeline, and the project's limit of running tasks."""
    return Pipeline.objects.filter(pk=pipeline_id).values_list("project_id", "project__max_running_tasks").first()


def _end(task: Task, pipeline: Pipeline, failure: str | None) -> bool:
    """Move the task from started to its next state; return False if someone else did that first."""
    mine = Task.objects.filter(pk=task.pk, attempt=task.attempt, status=Status.STARTED)
    now = timezone.now()
    if failure is None:
        return bool(mine.update(status=Status.SUCCESSFUL, end_time=now, worker=""))
    entry = task.pipeline_task
    if task.retry < entry.get("nb_retries", 0):
        return _retry(task, now + timedelta(seconds=entry.get("retry_delay", 0)))
    if not mine.update(status=Status.FAILED, end_time=now, worker="", failure_message=failure):
        return False
    if entry.get("on_failure", "abort") == "abort":
        abort_tasks([pipeline])
    return True


def _retry(task: Task, due_time: datetime) -> bool:
    """Put a failed task back, to run again from its first step; its earlier output is deleted."""
    mine = Task.objects.filter(pk=task.pk, attempt=task.attempt, status=Status.STARTED)
    changed = mine.update(
        status=Status.CREATED, start_time=None, end_time=None, worker="", retry=F("retry") + 1, due_time=due_time
    )
    if changed:
        task.steps.all().delete()
    return bool(changed)
