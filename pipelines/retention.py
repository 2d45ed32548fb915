"""What ended long ago is deleted: pipelines, and the platform events and command executions that no pipeline needs.

How long it is kept is the project's choice, else the server's. A pipeline whose spec has a retention of its own is
deleted by that alone (execution/pipelines.py, delete_expired).
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from eventlane.ids import first_id
from pipelines.models import UNFINISHED, CommandExecution, Pipeline, PlatformEvent
from projects.models import Project

BATCH_ROWS = 500  # a transaction's: nobody waits for its locks
MOST_BATCHES = 20  # of one call for one project and kind of row; the next call goes on


def retention_of(project: Project) -> timedelta | None:
    """Return how long a project keeps what has ended; None: for ever."""
    days = project.pipeline_retention_days
    if days is None:
        days = settings.EVENTLANE_PIPELINE_RETENTION_DAYS
    return timedelta(days=days) if days else None


def delete_old(now: datetime) -> int:
    """Delete what ended too long ago, in small steps and up to a limit; return how many rows of these kinds it were."""
    deleted = 0
    for project in Project.objects.only("pipeline_retention_days"):
        kept_for = retention_of(project)
        if kept_for is not None:
            deleted += _delete_of(project, now - kept_for)
    return deleted


def _delete_of(project: Project, before: datetime) -> int:
    """Delete what a project had before a time: first pipelines, then what only they needed.

    Ids sort by the second they were made in, so what may be old enough is at the beginning of an index.
    """
    old = {"project": project, "pk__lt": first_id(before)}
    has_pipelines = Exists(Pipeline.objects.filter(event=OuterRef("event")))
    is_needed = Exists(Pipeline.objects.filter(event=OuterRef("pk"))) | Exists(
        CommandExecution.objects.filter(event=OuterRef("pk"))
    )
    ended = Q(end_time__lt=before) | Q(end_time=None)  # without an end: aborted before it began
    return (
        _delete(Pipeline.objects.filter(ended, **old, retention=None).exclude(status__in=UNFINISHED))
        + _delete(CommandExecution.objects.filter(~has_pipelines, **old))
        + _delete(PlatformEvent.objects.filter(~is_needed, **old, processed=True))
    )


def _delete(rows: QuerySet[Any]) -> int:
    """Delete rows under their locks, oldest first: a pipeline that is just being restarted stays."""
    deleted = 0
    for _ in range(MOST_BATCHES):
        with transaction.atomic():
            locked = rows.order_by("pk").select_for_update(skip_locked=True, of=("self",))
            ids = list(locked.values_list("pk", flat=True)[:BATCH_ROWS])
            rows.model._default_manager.filter(pk__in=ids).delete()
        deleted += len(ids)
        if len(ids) < BATCH_ROWS:
            break
    return deleted
