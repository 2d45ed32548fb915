"""Timers: the ticks of triggers on time/tick (docs/api/v0.md, section 6.7).

A subscription stores its next tick. Emitting it moves that time on in the same transaction, so each tick is emitted
once, whatever gets killed and however many processes try.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from eventlane.database import DATABASE_AWAY, is_contention
from pipelines.connectors.time import due_ticks, tick_after_pause
from pipelines.models import Subscription
from pipelines.platform_events import activate, try_to_hold_resources

logger = logging.getLogger(__name__)

MAX_TIMERS = 500  # per call: the caller has other work, too
PAUSE = timedelta(seconds=30)  # before retrying a timer that failed

_paused: dict[str, datetime] = {}  # trigger → time of the next try


def emit_due_ticks(now: datetime) -> int:
    """Emit due ticks, oldest first, and return how many.

    A timer that fails is logged and paused for PAUSE; the others continue.
    """
    for trigger_id in [trigger_id for trigger_id, until in _paused.items() if until <= now]:
        del _paused[trigger_id]
    due = Subscription.objects.filter(next_tick_time__lte=now, project__organization__disabled=False)
    due = due.exclude(pk__in=list(_paused))
    return sum(
        _emit_or_pause(trigger_id, project_id, now)
        for trigger_id, project_id in due.order_by("next_tick_time").values_list("pk", "project_id")[:MAX_TIMERS]
    )


def _emit_or_pause(trigger_id: str, project_id: str, now: datetime) -> int:
    try:
        return _emit(trigger_id, project_id, now)
    except Exception as error:
        if _is_everybodys(error):
            raise
        _paused[trigger_id] = now + PAUSE
        logger.exception("the timer of trigger %s failed; trying again in %s", trigger_id, PAUSE)
        return 0


def _is_everybodys(error: Exception) -> bool:
    """Return whether PostgreSQL itself is failing, except for a deadlock, of which it stopped one side."""
    return isinstance(error, DATABASE_AWAY) and not is_contention(error)


@transaction.atomic
def _emit(trigger_id: str, project_id: str, now: datetime) -> int:
    """Emit a timer's due ticks and move it on. Skip it if another process has it, or a deployment is in progress."""
    if not try_to_hold_resources(project_id):
        return 0
    due = Subscription.objects.filter(pk=trigger_id, next_tick_time__lte=now)
    locked = due.select_for_update(skip_locked=True, of=("self",)).select_related("trigger", "project").first()
    if locked is None or locked.next_tick_time is None:
        return 0
    ticks: list[datetime] = []
    if locked.trigger.disabled:
        following = tick_after_pause(locked.parameters, locked.next_tick_time, now)
    else:
        ticks, following = due_ticks(locked.parameters, locked.next_tick_time, now, settings.EVENTLANE_MISSED_TICKS)
    for tick in ticks:
        activate(locked.project, [locked.trigger], connector="time", name="tick", data={}, event_time=tick)
    Subscription.objects.filter(pk=trigger_id).update(next_tick_time=following)
    return len(ticks)
