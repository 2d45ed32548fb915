"""Entries in the history of an alert, and the messages that tell its channels of one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings

from eventlane.ids import first_id
from events.alerts.evaluate import Condition, is_silence
from events.alerts.links import explore_path
from events.models import Alert, AlertChange, AlertMessage
from pipelines.retention import delete_rows


def note(
    alert: Alert, kind: AlertChange.Kind, time: datetime, conditions: Sequence[Condition] = (), text: str = ""
) -> AlertChange:
    """Add an entry to the history of an alert."""
    link = explore_path(alert.resource, time, silent=is_silence(conditions))
    told = {"alert": alert, "kind": kind, "time": time, "state": alert.state, "text": text, "link": link}
    return AlertChange.objects.create(conditions=[*conditions], **told)


def announce(change: AlertChange) -> None:
    """Let the alert's channels be told of an entry, in the caller's transaction."""
    channels = dict.fromkeys(change.alert.resource.data["channels"])
    AlertMessage.objects.bulk_create([AlertMessage(change=change, channel=name) for name in channels])


def delete_old_changes(now: datetime, deadline: float) -> bool:
    """Delete entries from before EVENTLANE_ALERT_HISTORY_DAYS, as `pipelines.retention.add_old_rows` says.

    Ids sort by the second of creation, so old rows are at the start of an index.
    """
    before = now - timedelta(days=settings.EVENTLANE_ALERT_HISTORY_DAYS)
    return delete_rows(AlertChange.objects.filter(pk__lt=first_id(before)), deadline)
