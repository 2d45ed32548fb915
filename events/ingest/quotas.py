"""Quotas: how many events a project may have received in a calendar month (UTC).

They are counted as the ledger does, from journal files that sealers have read. So what was accepted in the last
seconds isn't counted yet, copies of a request count each, and events of deleted datasets no longer count. A process
counts again every half a minute, in the directory's thread, and only if a project has a quota.
"""

import time
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from math import ceil

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from projects.directory import directory
from projects.models import Project

REVIEW_SECONDS = 30.0
# One statement: what is summed up by the hour meanwhile counts once.
RECEIVED = """
    SELECT project_id, sum(events)::bigint FROM (
        SELECT dataset_id, events FROM events_receivedcount WHERE minute >= %s
        UNION ALL
        SELECT dataset_id, events FROM events_acceptedcount WHERE hour >= %s
    ) AS counts JOIN events_dataset ON events_dataset.id = dataset_id WHERE project_id = ANY(%s) GROUP BY 1"""


class Quotas:
    """Which projects have used up their quota, as of the last review. Thread-safe."""

    def __init__(self) -> None:
        self.used_up: dict[str, int] = {}  # the quota by project id
        self._next_review = float("-inf")  # of time.monotonic()

    def review(self) -> None:
        """Look again, at most every REVIEW_SECONDS, and when a month begins: who is told to wait then waits long."""
        now = time.monotonic()
        if now >= self._next_review:
            self._next_review = now + min(REVIEW_SECONDS, seconds_to_next_month())
            self.used_up = used_up(with_quota(Project.objects.all()))


quotas = Quotas()
directory.add_periodic_task(quotas.review)


def quota_of(project: Project) -> int:
    """Return how many events a project may have received in a month: the smaller of its own and the settings' number.

    0 is no limit.
    """
    limits = (project.events_per_month, settings.EVENTLANE_PROJECT_EVENTS_PER_MONTH)
    return min((limit for limit in limits if limit), default=0)


def with_quota(projects: QuerySet[Project]) -> QuerySet[Project]:
    """Return those of the projects that have a quota."""
    return projects if settings.EVENTLANE_PROJECT_EVENTS_PER_MONTH else projects.filter(events_per_month__gt=0)


def used_up(projects: Iterable[Project]) -> dict[str, int]:
    """Return the quotas of those projects that have used it up, by id."""
    limits = {project.pk: limit for project in projects if (limit := quota_of(project))}
    received = received_this_month(limits) if limits else {}
    return {project_id: limits[project_id] for project_id, events in received.items() if events >= limits[project_id]}


def received_this_month(project_ids: Collection[str]) -> dict[str, int]:
    """Return how many events projects have received in this month, by id; those without any aren't there."""
    start = _month_of(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(RECEIVED, [start, start, list(project_ids)])
        return dict(cursor.fetchall())


def seconds_to_next_month() -> int:
    """Return how long this month lasts."""
    now = timezone.now()
    return ceil((_month_of(_month_of(now) + timedelta(days=32)) - now).total_seconds())


def _month_of(time: datetime) -> datetime:
    return time.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
