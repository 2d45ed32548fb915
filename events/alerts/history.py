"""Entries in the history of an alert, and the messages that tell its channels of one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from events.alerts.evaluate import Condition
from events.alerts.links import explore_path
from events.models import Alert, AlertChange, AlertMessage


def note(
    alert: Alert, kind: AlertChange.Kind, time: datetime, conditions: Sequence[Condition] = (), text: str = ""
) -> AlertChange:
    """Add an entry to the history of an alert, and delete what is too old in it."""
    oldest = time - timedelta(days=settings.EVENTLANE_ALERT_HISTORY_DAYS)
    AlertChange.objects.filter(alert=alert, time__lt=oldest).delete()
    link = explore_path(alert.resource, time)
    told = {"alert": alert, "kind": kind, "time": time, "state": alert.state, "text": text, "link": link}
    return AlertChange.objects.create(conditions=[*conditions], **told)


def announce(change: AlertChange) -> None:
    """Let the alert's channels be told of an entry, in the caller's transaction."""
    channels = dict.fromkeys(change.alert.resource.data["channels"])
    AlertMessage.objects.bulk_create([AlertMessage(change=change, channel=name) for name in channels])
