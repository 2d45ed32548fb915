"""The console's home page: what somebody on call wants to know first."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from eventlane.login import account_of
from eventlane.project_choice import project_choice
from eventlane.zone_choice import zoned_clock
from events.console.channels import failing_channels
from events.console.explore.question import DEFAULT_FROM, PRESETS
from events.console.health import answer_or_none
from events.console.home.alerts import wrong_alerts
from events.console.home.checklist import checklist
from events.console.home.datasets import Lately, find_lately, make_table
from events.console.home.standing import problems, standing
from events.console.own import own_datasets, own_projects, own_rows
from events.models import Alert
from pipelines.console.activity import pipeline_activity
from projects.models import Account

SHOWN = 8  # alerts and channels


def home(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the context of the page (Unfold's DASHBOARD_CALLBACK): what needs no question to the events."""
    now, last = timezone.now(), chosen_range(request)
    lately = find_lately(own_datasets(request), now)
    return context | {
        "title": "Home",
        "is_admin": account_of(request).role == Account.Role.ADMIN,
        "narrowed_to": project_choice(request).chosen,
        **_top(request, lately, now),
        "table": make_table(lately, now, last),
        "automation": answer_or_none(pipeline_activity, request, now),
        "last": last,
        "last_title": PRESETS[last],
        "ranges": PRESETS.items(),
    }


def home_standing(request: HttpRequest) -> HttpResponse:
    """Return the line of health, alerts, and the steps of a new installation: asked for every few seconds."""
    now = timezone.now()
    return render(request, "events/home_standing.html", _top(request, find_lately(own_datasets(request), now), now))


def _top(request: HttpRequest, lately: Lately, now: datetime) -> dict[str, Any]:
    alerts = answer_or_none(wrong_alerts, request) or []
    channels = answer_or_none(failing_channels, own_rows(request, Alert)) or []
    found = answer_or_none(problems, own_datasets(request), own_projects(request), now)
    return {
        "as_of": zoned_clock(now),
        "alerts": alerts[:SHOWN],
        "more_alerts": max(0, len(alerts) - SHOWN),
        "channels": channels[:SHOWN],
        "standing": standing(found, lately.activity, alerts, channels),
        "steps": checklist(request, lately.datasets, lately.has_events, now),
        "has_events": lately.has_events,
    }


def home_pipelines(request: HttpRequest) -> HttpResponse:
    """Return what is known of pipelines. The page asks for it every few seconds."""
    automation = answer_or_none(pipeline_activity, request, timezone.now())
    return render(request, "pipelines/activity.html", {"automation": automation})


def chosen_range(request: HttpRequest) -> str:
    """Return the time frame that the address names, up to now."""
    last = request.GET.get("last", "")
    return last if last in PRESETS else DEFAULT_FROM
