"""The alerts on the home page: those that say that something is wrong."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from eventlane.console import moment
from events.alerts.words import condition_text
from events.console.alerts import STATE_KINDS, WRONG
from events.console.own import own_rows
from events.models import Alert, AlertChange, AlertState


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert that isn't OK."""

    name: str
    project: str
    state: str
    kind: str  # of a label
    text: str  # what is wrong
    since: str
    snoozed: bool
    is_firing: bool  # and isn't snoozed
    url: str
    explore_url: str  # the events at the moment when it began


def wrong_alerts(request: HttpRequest) -> list[AlertRow]:
    """Return the alerts that aren't OK, firing ones first, then the newest."""
    wrong = own_rows(request, Alert).filter(state__in=WRONG, resource__disabled=False)
    alerts = wrong.select_related("resource", "project")
    found = sorted(alerts, key=lambda alert: (WRONG.index(AlertState(alert.state)), -alert.state_time.timestamp()))
    links = _links([alert.pk for alert in found])
    return [_row(alert, links.get(alert.pk, "")) for alert in found]


def _links(alert_ids: list[str]) -> dict[str, str]:
    """Return for each alert the link of its last change."""
    changes = AlertChange.objects.filter(alert__in=alert_ids).order_by("alert", "-id").distinct("alert")
    return dict(changes.values_list("alert_id", "link")) if alert_ids else {}


def _row(alert: Alert, link: str) -> AlertRow:
    told = [one for one in alert.conditions if one["kind"] == alert.state]  # beside an error, groups stay as they were
    more = f" and {len(told) - 1:,} more" if told[1:] else ""
    state = AlertState(alert.state)
    return AlertRow(
        name=alert.resource.name,
        project=alert.project.name,
        state=str(state.label),
        kind=STATE_KINDS[state],
        text=f"{condition_text(told[0], alert.resource)}{more}" if told and state != AlertState.NO_DATA else "",
        since=moment(alert.state_time),
        snoozed=alert.is_snoozed,
        is_firing=state == AlertState.FIRING and not alert.is_snoozed,
        url=reverse("admin:events_alert_change", args=[alert.pk]),
        explore_url=link,
    )
