"""What the console's home page shows about pipelines: what runs, recent failures, the next ticks."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from eventlane.console import moment
from pipelines.console.spans import span
from pipelines.console.states import state_label
from pipelines.models import UNFINISHED, Pipeline, Resource, Status, Subscription

SHOWN = 5
MOST_COUNTED = 1000
DO_NOT_RUN = (Resource.Type.QUERY, Resource.Type.DASHBOARD)
LATELY = timedelta(hours=24)


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
    return {
        "running": _rows(running, now),
        "running_count": _count(running),
        "failed": _rows(failed, now),
        "failed_count": _count(failed),
        "ticks": _ticks(resources.own_rows(request)),
        "url": list_url,
        "failed_url": f"{list_url}?status__exact={Status.FAILED}",
    }


def _rows(pipelines: QuerySet[Pipeline], now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "pipeline": pipeline,
            "url": reverse("admin:pipelines_pipeline_change", args=[pipeline.pk]),
            "label": state_label(pipeline.status),
            "lasted": span(pipeline.start_time, pipeline.end_time or now),
            "ended": moment(pipeline.end_time),
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
