"""The page Ledger: what became of the events that were accepted, with which keys they came, and what was refused."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
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
from events.lake.ledger_hours import COUNTED, Counted
from events.models import DeletedDataset, LedgerHour, RefusedCount
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
UNKNOWN = "?"  # a key of which nothing is known
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
    hours, by_id = _own_hours(request, since - timedelta(hours=1))
    context = {
        **admin.site.each_context(request),
        "title": "Ledger",
        "narrowed_to": project_choice(request).chosen,
        "ranges": [(name, words) for name, (words, _) in RANGES.items()],
        "last": last,
        "last_title": title,
        "minutes": round(settings.EVENTLANE_MAINTAIN_INTERVAL_SECONDS / 60),
        "refusals": _refusals(request, since),
    }
    return render(request, "events/ledger.html", context | _tables(request, by_id, hours))


def _own_hours(request: HttpRequest, since: datetime) -> tuple[list[LedgerHour], dict[str, Counted]]:
    """Return the hours of the datasets that are shown, also of deleted ones, and those datasets that have any."""
    datasets = own_datasets(request)
    deleted = DeletedDataset.objects.filter(_in_own_projects(request)).select_related("project")
    own = Q(dataset_id__in=datasets.values("pk")) | Q(dataset_id__in=deleted.values("pk"))
    hours = list(LedgerHour.objects.filter(own, hour__gt=since).order_by("hour"))
    ids = {hour.dataset_id for hour in hours}
    return hours, {one.pk: one for rows in (datasets, deleted) for one in rows.filter(pk__in=ids)}


def _tables(request: HttpRequest, by_id: dict[str, Counted], hours: Sequence[LedgerHour]) -> dict[str, Any]:
    """Return the sums of each dataset and of each key, and the hours that don't balance."""
    sums: dict[tuple[str, str], Counter[str]] = {}  # of each dataset under an empty key, and of each of its keys
    for hour in hours:
        for place in ((hour.dataset_id, ""), (hour.dataset_id, hour.key_id or UNKNOWN)):
            sums.setdefault(place, Counter()).update(_figures(hour))
    of_keys = [place for place, _ in sorted(sums.items(), key=lambda one: -one[1]["accepted"]) if place[1]]
    wrong = [hour for hour in hours if hour.difference]
    names = [
        name for name in (*COUNTED, "difference") if name in ALWAYS or any(counts[name] for counts in sums.values())
    ]
    keys = _KeyNames(request, {key_id for _, key_id in sums})
    by_name = sorted((place for place in sums if not place[1]), key=lambda place: str(by_id[place[0]]))
    return {
        "columns": names,
        "always": ALWAYS,
        "sums": [(by_id[place[0]], _cells(sums[place], names)) for place in by_name],
        "wrong": [
            (by_id[one.dataset_id], one.hour, keys.name_of(one.key_id), _cells(_figures(one), names))
            for one in wrong[-SHOWN_HOURS:]
        ],
        "more_wrong": len(wrong[:-SHOWN_HOURS]),
        "keys": [
            (keys.name_of(key_id), keys.url_of(key_id), by_id[dataset_id], _cells(sums[dataset_id, key_id], names))
            for dataset_id, key_id in of_keys[:SHOWN_KEYS]
        ],
        "more_keys": len(of_keys[SHOWN_KEYS:]),
    }


def _figures(hour: LedgerHour) -> dict[str, int]:
    return {name: getattr(hour, name) for name in (*COUNTED, "difference")}


def _cells(counts: "dict[str, int] | Counter[str]", names: Iterable[str]) -> list[tuple[str, str]]:
    """Return what stands in each column, with its classes."""
    wrong = {"difference": " ev-errors"} if counts["difference"] else {}
    return [(number(counts[name]), wrong.get(name, "") if name in ALWAYS else " ev-wide") for name in names]


def _refusals(request: HttpRequest, since: datetime) -> list[Refusal]:
    """Return what was refused lately, the newest first."""
    rows = list(_own_refusals(request).filter(latest_time__gt=since).order_by("-latest_time")[:READ_REFUSALS])
    keys = _KeyNames(request, {row.key_id for row in rows}, "no valid key")
    found: dict[tuple[Any, ...], Refusal] = {}
    for row in rows:
        same = (row.key_id, row.dataset, row.status, row.reason)
        if same not in found:
            key = (keys.name_of(row.key_id), keys.url_of(row.key_id))
            found[same] = Refusal(*key, row.dataset, row.status, row.reason, row.latest_time, row.example)
        found[same].requests += row.requests
        found[same].example = found[same].example or row.example
    return list(found.values())[:SHOWN_REFUSALS]


def _own_refusals(request: HttpRequest) -> Any:
    """Return the rows of the account's projects; those without a key only if there is a single organization."""
    mine = _in_own_projects(request)
    is_alone = not Organization.objects.exclude(pk=account_of(request).organization_id).exists()
    if not project_choice(request).chosen and is_alone:
        mine |= Q(project=None)
    return RefusedCount.objects.filter(mine)


def _in_own_projects(request: HttpRequest) -> Q:
    """Return that a row's project is the chosen one, or if none is, one of the account's."""
    chosen = project_choice(request).chosen
    return Q(project=chosen) if chosen else Q(project__in=own_rows(request, Project))


class _KeyNames:
    """How keys are called, and where their pages are."""

    def __init__(self, request: HttpRequest, ids: Collection[str], without: str = "not known") -> None:
        self._names = {key.pk: str(key) for key in own_rows(request, ApiKey).filter(pk__in=ids)}
        self._without = without

    def name_of(self, key_id: str) -> str:
        if key_id in ("", UNKNOWN):
            return self._without
        return self._names.get(key_id, "deleted key")

    def url_of(self, key_id: str) -> str:
        return reverse("admin:projects_apikey_change", args=[key_id]) if key_id in self._names else ""
