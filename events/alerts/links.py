"""Links from alerts to Explore and to their own pages: the console's, which alerts and the API don't import."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from eventlane.wire.errors import ApiError
from events.access import datasets_of
from events.alerts.evaluate import calculation_names, frame, question_of
from events.alerts.spec import read_threshold, seconds_of
from pipelines.models import Resource

Address = Callable[[str, dict[str, Any], str, str], str]  # of a dataset's id, a query, and its time frame

_explore: list[Address] = []


def lead_to(address: Address) -> None:
    """Let links lead to what this returns."""
    _explore[:] = [address]


def explore_path(alert: Resource, until: datetime, *, silent: bool = False) -> str:
    """Return the path of Explore with an alert's query at a moment; empty if its dataset or query isn't there.

    It looks as far back as the alert did: its window, or where events are missing, the time without any.
    """
    try:
        question = question_of(alert)
        question |= _order(alert, question)
    except ApiError:
        return ""
    dataset = datasets_of(alert.project).filter(name=question["datasets"][0]).first()
    if dataset is None:
        return ""
    silence = alert.data.get("no_data") if silent else None
    window = frame(until, seconds_of(silence or alert.data["window"]))
    [address] = _explore
    return address(dataset.pk, question, window["from"], window["to"])


def _order(alert: Resource, question: dict[str, Any]) -> dict[str, Any]:
    """Return the order in which Explore shows the worst groups first, where that isn't its own."""
    threshold, name = read_threshold(alert.data.get("threshold", "")), alert.data.get("calculation")
    if threshold is None:
        return {}
    least_first = threshold.comparison.startswith("<")
    if not (name or least_first):
        return {}
    first = name or calculation_names(question)[0]
    return {"order_by": [{"by": first, "order": "asc" if least_first else "desc"}]}


def alert_path(alert: Resource) -> str:
    """Return the path of an alert's own page in the console."""
    return reverse("admin:events_alert_change", args=[alert.pk])


def public_link(path: str) -> str | None:
    """Return the address of a path for users; None if it is empty."""
    return f"{settings.EVENTLANE_PUBLIC_URL}{path}" if path else None
