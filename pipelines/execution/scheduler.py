"""Periodic work for the whole platform. Every worker tries it; whoever comes second finds it done."""

import logging
import time
from datetime import datetime, timedelta

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone
from procrastinate.contrib.django import app

from pipelines.execution.dispatch import wake_throttled
from pipelines.execution.pipelines import admit_waiting, delete_expired
from pipelines.execution.tasks import end_lost_tasks
from pipelines.retention import delete_old
from pipelines.timers import emit_due_ticks
from projects.logins import forget_failures

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 5.0
FORGET_SECONDS = 600.0


class Scheduler:
    """Ticks at every step, cleans up after dead processes every few seconds, deletes old rows from time to time."""

    def __init__(self) -> None:
        self._last_step = time.monotonic()
        self._next_sweep = self._next_forgetting = self._begin = self._last_step
        self._has_old_rows = True  # or may have: not known yet

    def step(self) -> None:
        """Do what is due now. Raises database errors."""
        now = time.monotonic()
        if now - self._last_step > settings.EVENTLANE_TASK_LOST_SECONDS / 2:
            # The database (or this machine) was away, so workers couldn't send heartbeats. Let them do so first.
            self._begin = now
        self._last_step = now
        emit_due_ticks(timezone.now())
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            self._sweep()
        if now >= self._next_forgetting:
            self._next_forgetting = now + FORGET_SECONDS
            forget_logins(timezone.now())
            self._has_old_rows = True

    def _sweep(self) -> None:
        admit_waiting()
        wake_throttled()
        delete_expired(timezone.now())
        if self._has_old_rows:
            self._has_old_rows = not delete_old(timezone.now())
        if time.monotonic() - self._begin < settings.EVENTLANE_TASK_LOST_SECONDS / 2:
            return
        for task in end_lost_tasks(timezone.now()):
            logger.warning("worker %s was lost while running task %s", task.worker, task.pk)
        async_to_sync(_run_stalled_jobs_again)()


def forget_logins(now: datetime) -> None:
    """Delete sessions that have ended and failed logins that no longer count."""
    Session.objects.filter(expire_date__lt=now).delete()
    forget_failures(now)


async def _run_stalled_jobs_again() -> None:
    """Put back the jobs that a dead worker had fetched. If it had started the task, the job finds it taken."""
    seconds = settings.EVENTLANE_TASK_LOST_SECONDS
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=seconds):
        await app.job_manager.retry_job(job, retry_at=timezone.now() + timedelta(seconds=1))
