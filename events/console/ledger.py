"""The page Ledger: what became of the events that were accepted, with which keys they came, and what was refused."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from eventlane.console import number
from eventlane.login import account_of
from eventlane.project_choice import project_choice
from events.console.own import own_datasets, own_rows
from events.lake.ledger_hours import COUNTED
from events.models import Dataset, LedgerHour, RefusedCount
from projects.models import ApiKey, Organization, Project

RANGES = {
    "1d": ("24 hours", timedelta(days=1)),
    "7d": ("7 days", timedelta(days=7)),
    "30d": ("30 days", timedelta(days=30)),
}
ALWAYS = ("accepted", "stored", "difference")  # other columns are shown if they hold anything and there is room
SHOWN_HOURS = 50
SHOWN_KEYS = 50
SHOWN_REFUSALS = 50
READ_REFUSALS = 2000  # rows, each of an hour


@dataclass(slots=True)
class Refusal:
    """Requests that were refused for the same reason."""

    key: str
    key_url: str
    dataset: str
    status: int
    reason: str
    latest_time: datetime
    example: str
    requests: int = 0


def ledger_page(request: HttpRequest) -> HttpResponse:
    """Show the page."""
    last = request.GET.get("last", "")
    last = last if last in RANGES else next(iter(RANGES))
    title, length = RANGES[last]
    since = timezone.now() - length
    datasets = own_datasets(request)
    hours = list(LedgerHour.objects.filter(dataset__in=datasets, hour__gt=since - timedelta(hours=1)).order_by("hour"))
    by_id = {dataset.pk: dataset for dataset in datasets}
    context = {
        **admin.site.each_context(request),
        "title": "Ledger",
        "narrowed_to": project_choice(request).chosen,
        "ranges": [(name, words) for name, (words, _) in RANGES.items()],
        "last": last,
        "last_title": title,
        "minutes": round(settings.EVENTLANE_MAINTAIN_INTERVAL_SECONDS / 60),
        "keys": _keys(request, by_id, hours),
        "refusals": _refusals(request, since),
    }
    return render(request, "events/ledger.html", context | _tables(by_id, hours))


def _tables(by_id: dict[str, Dataset], hours: Sequence[LedgerHour]) -> dict[str, Any]:
    """Return the sums of each dataset, and the hours that don't balance."""
    sums: dict[str, Counter[str]] = {}
    for hour in hours:
        sums.setdefault(hour.dataset_id, Counter()).update(_figures(hour))
    wrong = [hour for hour in hours if hour.difference]
    names = [
        name for name in (*COUNTED, "difference") if name in ALWAYS or any(counts[name] for counts in sums.values())
    ]
    by_name = sorted(sums, key=lambda dataset_id: str(by_id[dataset_id]))
    return {
        "columns": names,
        "always": ALWAYS,
        "sums": [(by_id[dataset_id], _cells(sums[dataset_id], names)) for dataset_id in by_name],
        "wrong": [(by_id[one.dataset_id], one.hour, _cells(_figures(one), names)) for one in wrong[-SHOWN_HOURS:]],
        "more_wrong": len(wrong[:-SHOWN_HOURS]),
    }


def _figures(hour: LedgerHour) -> dict[str, int]:
    return {name: getattr(hour, name) for name in (*COUNTED, "difference")}


def _cells(counts: "dict[str, int] | Counter[str]", names: Iterable[str]) -> list[tuple[str, str]]:
    """Return what stands in each column, with its classes."""
    wrong = {"difference": " ev-errors"} if counts["difference"] else {}
    return [(number(counts[name]), wrong.get(name, "") if name in ALWAYS else " ev-wide") for name in names]


def _keys(request: HttpRequest, by_id: dict[str, Dataset], hours: Iterable[LedgerHour]) -> list[dict[str, Any]]:
    """Return how many events came with which key, most first."""
    events: Counter[tuple[str, str]] = Counter()
    for hour in hours:
        events.update({(key_id, hour.dataset_id): count for key_id, count in hour.keys.items()})
    found = events.most_common(SHOWN_KEYS)
    names = _key_names(request, {key_id for (key_id, _), _ in found})
    return [
        {"key": names.get(key_id, "deleted key" if key_id else "not known"), "url": _key_url(key_id, names)}
        | {"dataset": by_id[dataset_id], "events": number(count)}
        for (key_id, dataset_id), count in found
    ]


def _refusals(request: HttpRequest, since: datetime) -> list[Refusal]:
    """Return what was refused lately, the newest first."""
    rows = list(_own_refusals(request).filter(latest_time__gt=since).order_by("-latest_time")[:READ_REFUSALS])
    names = _key_names(request, {row.key_id for row in rows})
    found: dict[tuple[Any, ...], Refusal] = {}
    for row in rows:
        same = (row.key_id, row.dataset, row.status, row.reason)
        if same not in found:
            key = names.get(row.key_id, "deleted key" if row.key_id else "no valid key")
            url = _key_url(row.key_id, names)
            found[same] = Refusal(key, url, row.dataset, row.status, row.reason, row.latest_time, row.example)
        found[same].requests += row.requests
        found[same].example = found[same].example or row.example
    return list(found.values())[:SHOWN_REFUSALS]


def _own_refusals(request: HttpRequest) -> Any:
    """Return the rows of the account's projects; those without a key only if there is a single organization."""
    chosen = project_choice(request).chosen
    mine = Q(project=chosen) if chosen else Q(project__in=own_rows(request, Project))
    if not chosen and not Organization.objects.exclude(pk=account_of(request).organization_id).exists():
        mine |= Q(project=None)
    return RefusedCount.objects.filter(mine)


def _key_names(request: HttpRequest, ids: set[str]) -> dict[str, str]:
    return {key.pk: str(key) for key in own_rows(request, ApiKey).filter(pk__in=ids)}


def _key_url(key_id: str, names: dict[str, str]) -> str:
    return reverse("admin:projects_apikey_change", args=[key_id]) if key_id in names else ""
