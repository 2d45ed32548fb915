"""The page System: the platform itself. What it stores, what is waiting, what went wrong, who changed something."""

import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from eventlane.console import moment, number, size
from eventlane.free_space import existing, free_bytes
from eventlane.login import account_of
from eventlane.project_choice import project_choice
from eventlane.zone_choice import zoned_clock
from events.console.health import answer_or_none, is_late, notices
from events.console.home.standing import shortage
from events.console.own import own_datasets, own_projects, own_rows
from events.console.sizes import measure_all
from events.journal import Backlog
from events.journal.reader import backlog
from events.models import Dataset, Namespace
from events.syslog.status import addresses, read_status
from pipelines.console.activity import waiting_without_worker, workers
from projects.admin import in_use
from projects.models import ApiKey, Organization, Project

SHOWN_CHANGES = 8
UNKNOWN = "?"


def system(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    page = {**admin.site.each_context(request), "title": "System", "narrowed_to": project_choice(request).chosen}
    return render(request, "events/system.html", page | _statistics(request))


def system_live(request: HttpRequest) -> HttpResponse:
    """Return the part of the page that changes. The page loads it every few seconds."""
    return render(request, "events/system_live.html", _statistics(request))


def _statistics(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    datasets = own_datasets(request)
    totals = answer_or_none(measure_all, datasets)
    waiting = answer_or_none(backlog, settings.EVENTLANE_JOURNAL)
    return {
        "as_of": zoned_clock(now),
        "statistics": _cards(request, datasets, totals, now),
        "backlog": waiting and _backlog(waiting),
        "disks": answer_or_none(disks),
        "workers": answer_or_none(workers),
        "syslog": _syslog() if addresses() else None,
        "shortage": answer_or_none(shortage),
        "no_worker": answer_or_none(waiting_without_worker),
        "notices": notices(datasets, own_projects(request), now),
        "changes": _changes(account_of(request).organization),
    }


def _cards(
    request: HttpRequest, datasets: QuerySet[Dataset], totals: tuple[int, int] | None, now: datetime
) -> list[tuple[str, str, str, str]]:
    events, stored = totals or (None, None)
    keys = own_rows(request, ApiKey).filter(in_use(now)).count()
    projects = Project.objects.filter(organization=account_of(request).organization_id).count()
    return [
        ("Events stored", _shown(number, events), "bolt", reverse("admin:events_dataset_changelist")),
        ("On disk", _shown(size, stored), "hard_drive", reverse("admin:events_dataset_changelist")),
        ("Datasets", number(datasets.count()), "database", reverse("admin:events_dataset_changelist")),
        ("Namespaces", number(own_rows(request, Namespace).count()), "label", _list_of("events_namespace")),
        ("Keys in use", number(keys), "key", _list_of("projects_apikey")),
        ("Projects", number(projects), "folder", _list_of("projects_project")),
    ]


def _list_of(name: str) -> str:
    return reverse(f"admin:{name}_changelist")


def _shown(show: Any, count: int | None) -> str:
    return UNKNOWN if count is None else show(count)


def _backlog(waiting: Backlog) -> dict[str, Any]:
    return {
        "files": number(waiting.files),
        "bytes": size(waiting.bytes),
        "oldest": f"{waiting.oldest_seconds:,.0f} s" if waiting.files else "none",
        "late": is_late(waiting),
    }


def disks() -> list[dict[str, Any]]:
    """Return how full the disks are that Eventlane writes to, each once."""
    folders = {"Journal": Path(settings.EVENTLANE_JOURNAL)}
    if "://" not in settings.EVENTLANE_LAKE_PATH:
        folders["Lake"] = Path(settings.EVENTLANE_LAKE_PATH)
    names: dict[int, list[str]] = {}
    free: dict[int, str] = {}
    for name, folder in folders.items():
        device = existing(folder).stat().st_dev
        names.setdefault(device, []).append(name)
        usage = shutil.disk_usage(existing(folder))
        free[device] = f"{size(free_bytes(folder))} of {size(usage.total)} free"
    return [{"names": " and ".join(found).capitalize(), "free": free[device]} for device, found in names.items()]


def _syslog() -> dict[str, str]:
    """Return what the listener for syslog does on this node; without `counts` it doesn't run."""
    status = read_status()
    if status is None:
        return {"places": ", ".join(addresses())}
    counts = f"{number(status.received)} lines received since its start"
    also = ((status.waiting, "waiting"), (status.refused, "refused"), (status.dropped, "dropped"))
    return {
        "places": ", ".join(addresses()),
        "counts": ", ".join([counts, *(f"{number(n)} {what}" for n, what in also)]),
    }


def _changes(organization: Organization) -> list[dict[str, Any]]:
    entries = LogEntry.objects.filter(user__organization=organization).select_related("user", "content_type")
    latest = entries.order_by("-action_time")[:SHOWN_CHANGES]
    return [{"entry": entry, "url": entry.get_admin_url(), "ago": moment(entry.action_time)} for entry in latest]
