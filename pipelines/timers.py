"""Timers: the ticks that triggers on time/tick wait for (docs/api/v0.md, section 6.7).

A subscription knows its next tick. Whoever emits it moves the time on in the same transaction, so that each tick is
emitted once, whatever is killed and however many look.
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

MAX_TIMERS = 500  # of one call: the caller has other things to do, too
PAUSE = timedelta(seconds=30)  # before a timer that failed is tried again

_paused: dict[str, datetime] = {}  # trigger → not before


def emit_due_ticks(now: datetime) -> int:
    """Emit the ticks that are due, oldest first, and return how many.

    A timer that fails is logged and left for PAUSE; the others go on.
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
        logger.exception("the timer of trigger %s failed; next try in %s", trigger_id, PAUSE)
        return 0


def _is_everybodys(error: Exception) -> bool:
    """Tell whether PostgreSQL is gone or failing, but for two that wait for each other, of which it stopped one."""
    return isinstance(error, DATABASE_AWAY) and not is_contention(error)


@transaction.atomic
def _emit(trigger_id: str, project_id: str, now: datetime) -> int:
    """Emit the due ticks of one timer, and move it on; leave it to whoever is at it already, or deploys."""
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
