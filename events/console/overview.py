"""The console's home page: what comes in, what is waiting, what went wrong, who changed something."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from eventlane.console import moment, number, size
from eventlane.login import account_of
from eventlane.project_choice import project_choice
from events.console.activity import Activity, received
from events.console.chart import draw
from events.console.explore.question import explore_address
from events.console.health import ahead, answer_or_none, damage, incidents, is_late, quarantine
from events.console.sizes import measure
from events.journal import Backlog
from events.journal.reader import backlog
from events.models import Dataset
from pipelines.console.activity import pipeline_activity
from projects.admin import in_use
from projects.models import Account, ApiKey, Organization, Project

SHOWN_DATASETS = 10
SHOWN_CHANGES = 8
UNKNOWN = "?"


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of the home page (Unfold's DASHBOARD_CALLBACK)."""
    own = {"title": "Overview", "is_admin": account_of(request).role == Account.Role.ADMIN}
    return context | own | {"narrowed_to": project_choice(request).chosen} | _statistics(request)


def live(request: HttpRequest) -> HttpResponse:
    """Return the part of the home page that changes. The page loads it every few seconds."""
    return render(request, "events/overview_live.html", _statistics(request))


def _statistics(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    datasets = list(_own(request, Dataset).select_related("project"))
    totals = answer_or_none(measure, datasets)
    activity = answer_or_none(received, [dataset.pk for dataset in datasets], now)
    waiting = answer_or_none(backlog, settings.EVENTLANE_JOURNAL)
    return {
        "as_of": f"{now:%H:%M:%S}",
        "statistics": _cards(request, datasets, totals, now),
        "activity": activity and _activity(activity),
        "rows": [_row(dataset, activity, totals is not None) for dataset in _busiest(datasets, activity)],
        "more_datasets": max(0, len(datasets) - SHOWN_DATASETS),
        "backlog": waiting and _backlog(waiting),
        "automation": answer_or_none(pipeline_activity, request, now),
        "notices": _notices(datasets, now),
        "changes": _changes(account_of(request).organization),
    }


def _own(request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
    """Return the rows of the model's own list: within the wall, and of the chosen project."""
    model_admin: Any = admin.site.get_model_admin(model)
    rows = model_admin.get_queryset(request)
    project = model_admin.narrowed_to(request)
    return rows.filter(model_admin.in_project(project)) if project else rows


def _cards(
    request: HttpRequest, datasets: Sequence[Any], totals: tuple[int, int] | None, now: datetime
) -> list[tuple[str, str, str, str]]:
    events, stored = totals or (None, None)
    keys = _own(request, ApiKey).filter(in_use(now)).count()
    projects = Project.objects.filter(organization=account_of(request).organization_id).count()
    return [
        ("Events stored", _shown(number, events), "bolt", reverse("admin:events_dataset_changelist")),
        ("On disk", _shown(size, stored), "hard_drive", reverse("admin:events_dataset_changelist")),
        ("Datasets", number(len(datasets)), "database", reverse("admin:events_dataset_changelist")),
        ("Namespaces", number(sum(row.namespace_total for row in datasets)), "label", _list_of("events_namespace")),
        ("Keys in use", number(keys), "key", _list_of("projects_apikey")),
        ("Projects", number(projects), "folder", _list_of("projects_project")),
    ]


def _list_of(name: str) -> str:
    return reverse(f"admin:{name}_changelist")


def _shown(show: Any, count: int | None) -> str:
    return UNKNOWN if count is None else show(count)


def _activity(activity: Activity) -> dict[str, Any]:
    total = activity.total()
    return {
        "chart": draw(total, activity.first_minute),
        "this_minute": number(total[-1]),
        "last_minute": number(total[-2]),
        "last_hour": number(sum(total)),
        "complete": activity.complete,
    }


def _busiest(datasets: Sequence[Any], activity: Activity | None) -> list[Any]:
    """Return the datasets to show: those with the most events in the last hour, then the largest."""

    def rank(dataset: Any) -> tuple[int, int, str]:
        lately = sum(activity.by_dataset[dataset.pk]) if activity else 0
        return -lately, -getattr(dataset, "events", 0), dataset.name

    return sorted(datasets, key=rank)[:SHOWN_DATASETS]


def _row(dataset: Any, activity: Activity | None, measured: bool) -> dict[str, Any]:
    minutes = activity and activity.by_dataset[dataset.pk]
    return {
        "dataset": dataset,
        "chart": activity and minutes and draw(minutes, activity.first_minute),
        "last_minute": number(minutes[-2]) if minutes else UNKNOWN,
        "last_hour": number(sum(minutes)) if minutes else UNKNOWN,
        "events": number(dataset.events) if measured else UNKNOWN,
        "stored": size(dataset.bytes) if measured else UNKNOWN,
        "url": explore_address(dataset.pk),
        "send_url": reverse("admin:events_dataset_send", args=[dataset.pk]),
    }


def _backlog(waiting: Backlog) -> dict[str, Any]:
    return {
        "files": number(waiting.files),
        "bytes": size(waiting.bytes),
        "oldest": f"{waiting.oldest_seconds:,.0f} s" if waiting.files else "none",
        "late": is_late(waiting),
    }


def _notices(datasets: Sequence[Dataset], now: datetime) -> list[Any] | None:
    """Return what went wrong, worst first, or None if that isn't known."""
    parts = (
        answer_or_none(damage, datasets),
        answer_or_none(incidents, now),
        answer_or_none(quarantine, datasets),
        answer_or_none(ahead, datasets, now),
    )
    if None in parts:
        return None
    return sorted([notice for part in parts for notice in part or ()], key=lambda notice: notice.kind != "danger")


def _changes(organization: Organization) -> list[dict[str, Any]]:
    entries = LogEntry.objects.filter(user__organization=organization).select_related("user", "content_type")
    latest = entries.order_by("-action_time")[:SHOWN_CHANGES]
    return [{"entry": entry, "url": entry.get_admin_url(), "ago": moment(entry.action_time)} for entry in latest]
