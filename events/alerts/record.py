"""Record what an evaluation found: the state of the alert, its history, and what is to be done about it."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from eventlane.times import format_time
from eventlane.wire.errors import UnknownObject
from events.alerts.evaluate import Condition, Finding
from events.alerts.links import explore_path, public_link
from events.alerts.spec import seconds_of
from events.models import Alert, AlertChange, AlertState
from pipelines.platform_events import fire, hold_resources

CONNECTOR = "alert"  # of the platform events that start pipelines


def record(claimed: Alert, finding: Finding, due: datetime) -> bool:
    """Record a finding for a due time; return whether the claim still stood."""
    try:
        with transaction.atomic():
            hold_resources(claimed.project_id)  # before the alert's row: a deployment takes them in this order
            return _record(claimed, finding, due)
    except UnknownObject:
        return False  # the project was deleted meanwhile


def _record(claimed: Alert, finding: Finding, due: datetime) -> bool:
    ours = Alert.objects.filter(pk=claimed.pk, claim_time=claimed.claim_time, next_time=claimed.next_time)
    alert = ours.select_for_update(of=("self",)).select_related("resource__project").first()
    if alert is None:
        return False
    before, after = _by_key(alert.conditions), _by_key(_kept(alert, finding))
    began = [after[key] for key in after if key not in before]
    ended = [before[key] for key in before if key not in after]
    _move(alert, finding, due, [_since(one, before.get(key), due) for key, one in after.items()])
    for kind, conditions in ((AlertChange.Kind.BEGAN, began), (AlertChange.Kind.ENDED, ended)):
        if conditions:
            _note(alert, kind, due, conditions)
    if any(one["kind"] != AlertState.ERROR for one in began):
        _start_pipelines(alert, due, began)
    return True


def _kept(alert: Alert, finding: Finding) -> Sequence[Condition]:
    """Return all conditions after a finding. An error tells nothing of the others, so they stay."""
    if not finding.is_error:
        return finding.conditions
    return [*(one for one in alert.conditions if one["kind"] != AlertState.ERROR), *finding.conditions]


def _by_key(conditions: Iterable[Condition]) -> dict[str, Condition]:
    return {json.dumps([one["kind"], one.get("group")], sort_keys=True): one for one in conditions}


def _since(condition: Condition, before: Condition | None, due: datetime) -> Condition:
    return condition | {"since": before["since"] if before else format_time(due)}


def _move(alert: Alert, finding: Finding, due: datetime, conditions: list[Condition]) -> None:
    """Take the alert to its new state, and to its next due time."""
    state = state_of(conditions)
    if state != alert.state:
        alert.state, alert.state_time = state, due
    alert.conditions = conditions
    if not finding.is_error:
        alert.value = finding.value
    alert.evaluation_time = min(due, finding.complete_until or due)
    alert.next_time = due + timedelta(seconds=seconds_of(alert.resource.data["frequency"]))
    alert.claim_time = None
    alert.save()


def state_of(conditions: Iterable[Condition]) -> AlertState:
    """Return the state of an alert with these conditions."""
    kinds = {one["kind"] for one in conditions}
    order = (AlertState.ERROR, AlertState.NO_DATA, AlertState.FIRING)
    return next((state for state in order if state in kinds), AlertState.OK)


def _note(alert: Alert, kind: AlertChange.Kind, due: datetime, conditions: Sequence[Condition]) -> AlertChange:
    oldest = due - timedelta(days=settings.EVENTLANE_ALERT_HISTORY_DAYS)
    AlertChange.objects.filter(alert=alert, time__lt=oldest).delete()
    link = explore_path(alert.resource, due)
    return AlertChange.objects.create(
        alert=alert, kind=kind, time=due, state=alert.state, conditions=conditions, link=link
    )


def _start_pipelines(alert: Alert, due: datetime, began: Sequence[Condition]) -> None:
    resource = alert.resource
    if not resource.data["pipelines"]:
        return
    link = public_link(explore_path(resource, due))
    data: dict[str, Any] = {"alert": resource.name, "state": alert.state, "conditions": [*began], "link": link}
    fire(resource, connector=CONNECTOR, name=resource.name, data=data, event_time=due)
