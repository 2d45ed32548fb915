"""Channels in the console: whether messages get there."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from eventlane.console import moment
from eventlane.ids import first_id
from eventlane.zone_choice import zoned_text
from events.models import Alert, AlertMessage
from pipelines.models import Resource
from pipelines.resources.added import Link

RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Failing:
    """A channel whose last message didn't arrive."""

    channel: str
    project: str
    error: str
    since: str  # the time of that message
    alert: str
    alert_url: str  # its page shows the message
    is_partly: bool  # others have got it


def failing_channels(alerts: QuerySet[Alert]) -> list[Failing]:
    """Return which channels of some alerts fail, unless they were changed after that."""
    found = [one for one in last_messages(alerts) if one.error]
    names = {one.channel for one in found}
    channels = Resource.objects.filter(type=Resource.Type.CHANNEL, project__alerts__in=alerts, name__in=names)
    changed = {(one.project_id, one.name): one.update_time for one in channels} if names else {}
    return [
        _failing(one)
        for one in found
        if one.channel in one.change.alert.resource.data.get("channels", ()) and not _is_changed(one, changed)
    ]


def _is_changed(message: AlertMessage, changed: dict[tuple[str, str], datetime]) -> bool:
    time = changed.get((message.change.alert.project_id, message.channel))
    return time is not None and time > message.change.creation_time


def last_messages(alerts: QuerySet[Alert]) -> QuerySet[AlertMessage]:
    """Return the last message of these alerts to each channel whose outcome is known, of the last days."""
    is_open = {"state": AlertMessage.State.WAITING, "error": ""}
    recent = AlertMessage.objects.filter(change__alert__in=alerts, pk__gte=first_id(timezone.now() - RECENT))
    channel = ("change__alert__project_id", "channel")
    ordered = recent.exclude(**is_open).order_by(*channel, "-change__creation_time").distinct(*channel)
    return ordered.select_related("change__alert__resource__project")


def channel_link(channel: Resource) -> Link | None:
    """Return the link from a channel to the alert whose message was its last, and what came of that message."""
    messages = last_messages(Alert.objects.filter(project=channel.project_id))
    last = next((one for one in messages if one.channel == channel.name), None)
    if last is None:
        return None
    alert, state = last.change.alert, last.get_state_display().lower()
    error = f": {last.error}" if last.error else ""
    note = f"The last message to it, of {zoned_text(last.change.creation_time)}: {state}{error}"
    return Link(f"Messages of {alert.resource.name}", _page(alert), note)


def _failing(message: AlertMessage) -> Failing:
    alert = message.change.alert
    return Failing(
        channel=message.channel,
        project=alert.resource.project.name,
        error=message.error,
        since=moment(message.change.creation_time),
        alert=alert.resource.name,
        alert_url=_page(alert),
        is_partly=message.refused is not None,
    )


def _page(alert: Alert) -> str:
    return reverse("admin:events_alert_change", args=[alert.pk])
