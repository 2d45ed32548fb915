"""What the console's home page shows about pipelines: what failed, grouped by reason; what runs; the next ticks."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Count, Max, QuerySet
from django.db.models.functions import Left, Now, Right
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from procrastinate.contrib.django.models import ProcrastinateWorker

from eventlane.console import count_of, moment
from eventlane.one_line import one_line
from eventlane.patterns import LONGEST, pattern_of
from pipelines.console.spans import span
from pipelines.console.states import state_label
from pipelines.console.terminal import as_text
from pipelines.models import UNFINISHED, Pipeline, Resource, Status, Subscription, Task, TaskStep

SHOWN = 5
MOST_COUNTED = 1000
MOST_GROUPED = 300
MOST_READ = 16_384  # bytes of output
DO_NOT_RUN = (Resource.Type.QUERY, Resource.Type.DASHBOARD, Resource.Type.ALERT, Resource.Type.CHANNEL)
_PLACE = re.compile(r"\S*/steps/[0-9]+: (line )?[0-9]+: ")  # what a shell says before an error
LATELY = timedelta(hours=24)


@dataclass(slots=True)
class FailedGroup:
    """Pipelines of one name that failed for the same reason."""

    name: str
    project: str
    reason: str  # of the latest
    count: int
    latest: str  # the id of that pipeline
    end_time: datetime

    @property
    def url(self) -> str:
        """The latest one's page."""
        return reverse("admin:pipelines_pipeline_change", args=[self.latest])

    @property
    def list_url(self) -> str:
        """All that failed and have the name."""
        parameters = urlencode({"q": self.name, "status__exact": Status.FAILED})
        return f"{reverse('admin:pipelines_pipeline_changelist')}?{parameters}"

    @property
    def ended(self) -> str:
        """When the latest one failed, in words."""
        return moment(self.end_time)


def pipeline_activity(request: HttpRequest, now: datetime) -> dict[str, Any] | None:
    """Return statistics of the organization or the chosen project, or None while nothing there can run."""
    model_admin: Any = admin.site.get_model_admin(Pipeline)
    pipelines = model_admin.own_rows(request)
    resources: Any = admin.site.get_model_admin(Resource)
    if not resources.own_rows(request).exclude(type__in=DO_NOT_RUN).exists():
        return None
    running = pipelines.filter(status__in=UNFINISHED).order_by("-id")
    failed = pipelines.filter(status=Status.FAILED, end_time__gt=now - LATELY).order_by("-end_time")
    list_url = reverse("admin:pipelines_pipeline_changelist")
    groups = failed_groups(failed, now)
    return {
        "running": _rows(running, now),
        "running_count": _count(running),
        "failed": groups[:SHOWN],
        "failed_count": _count(failed),
        "more_failed": count_of(len(groups) - SHOWN, "more reason") if groups[SHOWN:] else "",
        "ticks": _ticks(resources.own_rows(request)),
        "url": list_url,
        "failed_url": f"{list_url}?status__exact={Status.FAILED}",
    }


def failed_groups(failed: QuerySet[Pipeline], now: datetime) -> list[FailedGroup]:
    """Return the newest MOST_GROUPED of these pipelines by name and reason, the latest failure first."""
    rows = failed.values_list("pk", "name", "project__name", "end_time")[:MOST_GROUPED]
    pipelines = {pk: (name, project, end_time) for pk, name, project, end_time in rows}
    reasons = _first_failures(pipelines)
    found: dict[tuple[str, str, str], FailedGroup] = {}
    for pk, (name, project, end_time) in pipelines.items():
        reason = reasons.get(pk, "")
        new = FailedGroup(name, project, reason, 0, pk, end_time or now)
        found.setdefault((project, name, pattern_of(reason)), new).count += 1
    return list(found.values())


def _first_failures(pipeline_ids: Iterable[str]) -> dict[str, str]:
    """Return why the task that failed first did, by pipeline: what its program said last, or else the failure."""
    tasks = Task.objects.filter(pipeline__in=pipeline_ids, status=Status.FAILED).order_by("-end_time", "-pk")
    rows = list(tasks.values_list("pipeline_id", "pk", Left("failure_message", LONGEST)))
    said = _last_lines([task_id for _, task_id, _ in rows])
    return {pipeline_id: said.get(task_id) or one_line(message) for pipeline_id, task_id, message in rows}


def _last_lines(task_ids: Iterable[str]) -> dict[str, str]:
    """Return the last line of output of failed steps, by task; of long outputs, which take long to read, none."""
    steps = TaskStep.objects.filter(task__in=task_ids, exit_code__gt=0, output_bytes__lt=MOST_READ)
    ends = steps.values_list("task_id", Right("output", LONGEST))
    return {task_id: _PLACE.sub("", _last_line(as_text(end))) for task_id, end in ends}


def _last_line(text: str) -> str:
    lines = text.split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def workers() -> tuple[int, datetime | None]:
    """Return how many processes run tasks and timers now, and when one of them last said so."""
    lasting = timedelta(seconds=settings.EVENTLANE_TASK_LOST_SECONDS)
    alive = ProcrastinateWorker.objects.filter(last_heartbeat__gt=Now() - lasting)
    found = alive.aggregate(count=Count("pk"), latest=Max("last_heartbeat"))
    return found["count"], found["latest"]


def waiting_without_worker() -> str:
    """Say so if something is to run and no worker is there to do it; otherwise return an empty text."""
    pipelines = Pipeline.objects.filter(status__in=UNFINISHED).values("pk")[:1]
    waits = pipelines.union(Subscription.objects.values("pk")[:1]).exists()
    return "No worker is running: pipelines wait, and timers don’t tick" if waits and not workers()[0] else ""


def _rows(pipelines: QuerySet[Pipeline], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "pipeline": pipeline,
            "url": reverse("admin:pipelines_pipeline_change", args=[pipeline.pk]),
            "label": state_label(pipeline.status),
            "lasted": span(pipeline.start_time, pipeline.end_time or now),
        }
        for pipeline in pipelines[:SHOWN]
    ]


def _count(pipelines: QuerySet[Pipeline]) -> str:
    """Count no further than a glance can tell apart."""
    count = pipelines.order_by()[: MOST_COUNTED + 1].count()
    return f"{count:,}" if count <= MOST_COUNTED else f"more than {MOST_COUNTED:,}"


def _ticks(resources: QuerySet[Resource]) -> list[dict[str, Any]]:
    enabled = resources.filter(type=Resource.Type.TRIGGER, disabled=False)
    timers = Subscription.objects.filter(trigger__in=enabled, next_tick_time__isnull=False).select_related("trigger")
    return [
        {
            "name": timer.trigger.name,
            "url": reverse("admin:pipelines_trigger_change", args=[timer.pk]),
            "when": moment(timer.next_tick_time),
            "time": timer.next_tick_time,
        }
        for timer in timers.order_by("next_tick_time")[:SHOWN]
    ]
