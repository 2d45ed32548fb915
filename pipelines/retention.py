"""Deletes what ended long ago: pipelines, platform events and command executions that no pipeline needs, and rows of
other apps that they have added to it.

The project's setting, or the server's, says how long they are kept. A pipeline with a retention in its spec follows
only that (execution/pipelines.py, delete_expired).
"""

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from eventlane.ids import first_id
from pipelines.models import UNFINISHED, CommandExecution, Pipeline, PlatformEvent
from projects.models import Project

MOST_DAYS = 36_500  # a century: dates end somewhere
BATCH_ROWS = 100  # per transaction: nobody should wait for its locks
STEP_SECONDS = 1.0  # per call: timers wait for it

DeleteOld = Callable[[datetime, float], bool]  # takes now and a deadline, and returns whether nothing is left

_added: list[DeleteOld] = []


def add_old_rows(delete: DeleteOld) -> None:
    """Let old rows of another app be deleted with ours, until the deadline on the clock of time.monotonic()."""
    _added.append(delete)


def retention_of(project: Project) -> timedelta | None:
    """Return how long a project keeps what has ended, or None for forever."""
    days = project.pipeline_retention_days
    if days is None:
        days = settings.EVENTLANE_PIPELINE_RETENTION_DAYS
    return timedelta(days=min(days, MOST_DAYS)) if days else None


def delete_old(now: datetime, seconds: float = STEP_SECONDS) -> bool:
    """Delete what ended too long ago, for about this many seconds; return whether nothing is left."""
    deadline = time.monotonic() + seconds
    projects = list(Project.objects.only("pipeline_retention_days"))
    random.shuffle(projects)  # so that a large one doesn't keep the others waiting forever
    for project in projects:
        kept_for = retention_of(project)
        if kept_for is not None and not _delete_of(project, now - kept_for, deadline):
            return False
    return all(delete(now, deadline) for delete in _added)


def _delete_of(project: Project, before: datetime, deadline: float) -> bool:
    """Delete a project's rows from before a time: first pipelines, then what only they needed.

    Ids sort by the second of creation, so old rows are at the start of an index.
    """
    old = Q(project=project, pk__lt=first_id(before))
    has_pipelines = Exists(Pipeline.objects.filter(event=OuterRef("event")))
    is_needed = Exists(Pipeline.objects.filter(event=OuterRef("pk"))) | Exists(
        CommandExecution.objects.filter(event=OuterRef("pk"))
    )
    ended = Q(end_time__lt=before) | Q(end_time=None)  # without an end: aborted before it started
    return (
        delete_rows(Pipeline.objects.filter(old, ended, retention=None).exclude(status__in=UNFINISHED), deadline)
        and delete_rows(CommandExecution.objects.filter(old, ~has_pipelines), deadline)
        and delete_rows(PlatformEvent.objects.filter(old, ~is_needed, processed=True), deadline)
    )


def delete_rows(rows: QuerySet[Any], deadline: float) -> bool:
    """Lock and delete rows, oldest first, until the deadline. A pipeline that is just being restarted stays."""
    while time.monotonic() < deadline:
        with transaction.atomic():
            locked = rows.order_by("pk").select_for_update(skip_locked=True, of=("self",))
            ids = list(locked.values_list("pk", flat=True)[:BATCH_ROWS])
            rows.model._default_manager.filter(pk__in=ids).delete()
        if len(ids) < BATCH_ROWS:
            return True
    return False
