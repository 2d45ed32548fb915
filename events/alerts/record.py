"""Record what an evaluation found: the state of the alert, its history, and what is to be done about it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from eventlane.times import format_time
from eventlane.wire.errors import UnknownObject
from events.alerts.evaluate import Condition, Finding, is_silence
from events.alerts.history import announce, note
from events.alerts.links import alert_path, explore_path, public_link
from events.alerts.spec import seconds_of
from events.alerts.words import shown
from events.models import Alert, AlertChange, AlertState
from pipelines.platform_events import fire, hold_resources

CONNECTOR = "alert"  # of the platform events that start pipelines
TOLD_LATE = "told now"  # the text of a second entry about a beginning, for the message that nobody got at the time


Found = tuple[datetime, Finding]  # the end of a window, and what was found in it


class News(NamedTuple):
    """An entry of the history: the conditions that it is about, and whether channels are told of it."""

    kind: AlertChange.Kind
    conditions: list[Condition]
    is_told: bool
    text: str = ""


def record(claimed: Alert, finding: Finding, due: datetime, missed: Sequence[Found] = ()) -> bool:
    """Record a finding for a due time, after those for missed ones; return whether the claim still stood."""
    try:
        with transaction.atomic():
            hold_resources(claimed.project_id)  # before the alert's row: a deployment takes them in this order
            return _record(claimed, [*missed, (due, finding)])
    except UnknownObject:
        return False  # the project was deleted meanwhile


def _record(claimed: Alert, findings: Sequence[Found]) -> bool:
    ours = Alert.objects.filter(pk=claimed.pk, claim_time=claimed.claim_time, next_time=claimed.next_time)
    alert = ours.select_for_update(of=("self",)).select_related("resource__project").first()
    if alert is None:
        return False
    for due, finding in findings:
        _record_one(alert, finding, due)
    return True


def _record_one(alert: Alert, finding: Finding, due: datetime) -> None:
    before, after = _by_key(alert.conditions), _by_key(_kept(alert, finding))
    now = {key: _continued(one, before.get(key), due) for key, one in after.items()}
    news = _news(alert, before, now)
    _move(alert, finding, due, [*now.values()])
    for one in news:
        change = note(alert, one.kind, due, one.conditions, one.text)
        if one.is_told:
            announce(change)
    _start_pipelines(alert, due, [one for one in _new(before, now) if one["kind"] != AlertState.ERROR])


def _new(before: Mapping[str, Condition], now: Mapping[str, Condition]) -> list[Condition]:
    return [now[key] for key in now if key not in before]


def _news(alert: Alert, before: Mapping[str, Condition], now: Mapping[str, Condition]) -> list[News]:
    """Return what goes into the history, and whether channels are told of it. Marks conditions as told."""
    news: list[News] = []
    quiet = alert.is_snoozed or not alert.resource.data["channels"]
    if began := _new(before, now):
        # An error is told if it is still there the next time: often it is a moment in which there is much to do.
        is_told = not quiet and any(one["kind"] != AlertState.ERROR for one in began)
        news.append(News(AlertChange.Kind.BEGAN, began, is_told))
        _mark(alert, began if is_told else [])
    for was_told in (True, False):  # the end of what nobody was told of is told to nobody
        if ended := [one for one in _new(now, before) if one.get("told", False) == was_told]:
            news.append(News(AlertChange.Kind.ENDED, ended, was_told))  # the message waits while snoozed
    return news if quiet else news + _news_of_old(alert, [now[key] for key in now if key in before])


def _news_of_old(alert: Alert, old: list[Condition]) -> list[News]:
    """Return what channels are told of conditions that began earlier: for the first time, or as a reminder."""
    if late := [one for one in old if not one["told"]]:
        news = News(AlertChange.Kind.BEGAN, late, True, TOLD_LATE)
    elif old and _is_time_to_remind(alert):
        news = News(AlertChange.Kind.REMINDER, old, True)
    else:
        return []
    _mark(alert, news.conditions)
    return [news]


def _is_time_to_remind(alert: Alert) -> bool:
    pause = alert.resource.data.get("remind")
    if not pause or alert.told_time is None:
        return False
    return alert.told_time + timedelta(seconds=seconds_of(pause)) <= timezone.now()


def _mark(alert: Alert, conditions: Sequence[Condition]) -> None:
    for condition in conditions:
        condition["told"] = True
        alert.told_time = timezone.now()


def _kept(alert: Alert, finding: Finding) -> Sequence[Condition]:
    """Return all conditions after a finding. An error tells nothing of the others, so they stay."""
    if finding.is_cut:
        return _listed(alert, finding)
    if not finding.is_error:
        return finding.conditions
    return [*(one for one in alert.conditions if one["kind"] != AlertState.ERROR), *finding.conditions]


def _listed(alert: Alert, finding: Finding) -> Sequence[Condition]:
    """Return as many groups as are listed: first those that were, which may be among the ones left out now."""
    before, now = (_by_key(filter(_is_group, some)) for some in (alert.conditions, finding.conditions))
    groups = [*(before | now).values()][: settings.EVENTLANE_ALERT_GROUPS]
    cut, *others = [one for one in finding.conditions if not _is_group(one)]
    return [cut, *groups, *others]


def _is_group(condition: Condition) -> bool:
    return "group" in condition


def _by_key(conditions: Iterable[Condition]) -> dict[str, Condition]:
    return {json.dumps([one["kind"], one.get("group")], sort_keys=True): one for one in conditions}


def _continued(condition: Condition, before: Condition | None, due: datetime) -> Condition:
    """Return a condition with when it began, and whether channels were told of it."""
    if before is None:
        return condition | {"since": format_time(due), "told": False}
    return condition | {"since": before["since"], "told": before.get("told", False)}


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


def _start_pipelines(alert: Alert, due: datetime, began: Sequence[Condition]) -> None:
    resource = alert.resource
    if not (began and resource.data["pipelines"]) or alert.is_snoozed:
        return
    data: dict[str, Any] = {
        "alert": resource.name,
        "state": alert.state,
        "conditions": shown(began),
        "link": public_link(explore_path(resource, due, silent=is_silence(began))),
        "alert_link": public_link(alert_path(resource)),
    }
    fire(resource, connector=CONNECTOR, name=resource.name, data=data, event_time=due)
