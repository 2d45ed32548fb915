"""What people do with alerts: snooze them, and test their channels."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from eventlane.times import readable_time
from eventlane.wire.errors import StateError
from events.alerts.history import announce, note
from events.models import Alert, AlertChange
from events.query.times import InvalidTime, read_duration
from pipelines.models import Resource

LONGEST_SNOOZE = "90d"


def read_snooze(text: str) -> timedelta:
    """Return a length of time like 4h; raise InvalidTime."""
    us = read_duration(text)
    if not 0 < us <= read_duration(LONGEST_SNOOZE):
        raise InvalidTime(f"must be at most {LONGEST_SNOOZE}")
    return timedelta(microseconds=us)


@transaction.atomic
def snooze(resource: Resource, until: datetime, who: str) -> None:
    """Send nothing and start nothing until then. What happens meanwhile is in the history."""
    Alert.objects.filter(resource=resource).update(snoozed_until=until)
    _note(resource, AlertChange.Kind.SNOOZED, f"until {readable_time(until)}, by {who}")


@transaction.atomic
def unsnooze(resource: Resource, who: str) -> None:
    """End a snooze now. What began meanwhile is told at the next evaluation, if it hasn't ended."""
    if Alert.objects.filter(resource=resource, snoozed_until__gt=timezone.now()).update(snoozed_until=None):
        _note(resource, AlertChange.Kind.SNOOZED, f"ended by {who}")


@transaction.atomic
def fire_test(resource: Resource, who: str) -> AlertChange:
    """Send a message to each channel of an alert, whatever its state; raise StateError if it has none."""
    if not resource.data["channels"]:
        raise StateError("alert_without_channels", "The alert has no channels.")
    change = _note(resource, AlertChange.Kind.TEST, f"by {who}")
    announce(change)
    return change


def _note(resource: Resource, kind: AlertChange.Kind, text: str) -> AlertChange:
    alert = Alert.objects.select_related("resource__project").get(resource=resource)
    return note(alert, kind, timezone.now(), text=text)
