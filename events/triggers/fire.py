"""Turn stored matches into platform events and pipelines: a match ends in the transaction of what it starts."""

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from psycopg_pool import PoolTimeout

from events.models import TriggerMatch
from events.triggers.evaluate import decode_event
from projects.models import Resource
from projects.platform_events import fire

logger = logging.getLogger(__name__)

FIRED_AT_ONCE = 50  # in one transaction: about a quarter of a second of work
MOST_ATTEMPTS = 12  # the last one about an hour after the first
FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=2), timedelta(minutes=15)
AWAY = (OperationalError, InterfaceError, PoolTimeout)


def fire_due_matches() -> int:
    """Fire some matches, oldest first; return how many. Fewer than FIRED_AT_ONCE: there are no more for now."""
    due = TriggerMatch.objects.filter(due_time__lte=timezone.now()).order_by("pk")
    try:
        return len(_fire(due[:FIRED_AT_ONCE]))
    except AWAY:
        raise
    except Exception:  # one of them is no good; which one shows when they are fired one by one
        keys = list(due.values_list("pk", flat=True)[:FIRED_AT_ONCE])
        for key in keys:
            _fire_one(key)
        return len(keys)


@transaction.atomic
def _fire(matches: "QuerySet[TriggerMatch]") -> Sequence[TriggerMatch]:
    """Fire matches that nobody else is firing. A trigger that was deleted or disabled meanwhile starts nothing."""
    rows = list(matches.select_for_update(skip_locked=True))
    triggers = _enabled_triggers(row.trigger_id for row in rows)
    for row in rows:
        if row.trigger_id in triggers:
            data = decode_event(bytes(row.event))
            trigger = triggers[row.trigger_id]
            fire(trigger, connector="dataset", name=row.dataset, data=data, event_time=row.event_time)
    TriggerMatch.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return rows


def _enabled_triggers(ids: Iterable[str]) -> dict[str, Resource]:
    wanted = set(ids)
    return Resource.objects.select_related("project").filter(disabled=False).in_bulk(wanted) if wanted else {}


def _fire_one(key: int) -> None:
    """Fire one match; when it fails, put it off, and give it up after the last attempt."""
    try:
        _fire(TriggerMatch.objects.filter(pk=key))
    except AWAY:
        raise
    except Exception as error:
        _put_off(TriggerMatch.objects.get(pk=key), error)


def _put_off(match: TriggerMatch, error: Exception) -> None:
    match.failures += 1
    reason = " ".join(f"{type(error).__name__}: {error}".split())[:500]
    what = f"an event of dataset {match.dataset}, received {match.event_time:%Y-%m-%d %H:%M:%S.%f} UTC"
    if match.failures >= MOST_ATTEMPTS:
        logger.error("trigger %s will not be fired by %s: %s", match.trigger_id, what, reason)
        match.delete()
        return
    if match.failures == 1:
        logger.error("trigger %s could not be fired by %s, trying again: %s", match.trigger_id, what, reason)
    match.due_time = timezone.now() + min(LONGEST_DELAY, FIRST_DELAY * 2**match.failures)
    match.save(update_fields=["failures", "due_time"])
