"""Turn stored matches into platform events and pipelines. A match ends in the transaction of what it starts."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from eventlane.database import DATABASE_AWAY
from eventlane.one_line import kind_and_line
from eventlane.times import readable_time
from events.models import TriggerMatch
from events.triggers.drop import count_dropped
from events.triggers.evaluate import decode_event
from pipelines.models import Resource
from pipelines.platform_events import fire

logger = logging.getLogger(__name__)

FIRED_AT_ONCE = 50  # per transaction: about a quarter of a second of work
MOST_ATTEMPTS = 12  # the last one about an hour after the first
FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=2), timedelta(minutes=15)
DUE = """
    SELECT due.id
    FROM projects_subscription AS subscription
    CROSS JOIN LATERAL (
        SELECT oldest.id, row_number() OVER (ORDER BY oldest.id) AS place
        FROM (
            SELECT id FROM events_triggermatch
            WHERE trigger_id = subscription.trigger_id AND due_time <= now() ORDER BY id LIMIT %s
        ) AS oldest
    ) AS due
    ORDER BY due.place, due.id LIMIT %s"""


def fire_due_matches() -> bool:
    """Fire some matches, oldest first, taking turns between triggers; return whether there may be more."""
    keys = _due()
    try:
        fired = len(_fire(keys))
    except DATABASE_AWAY:
        raise
    except Exception:  # one of them fails; firing them one by one shows which
        for key in keys:
            _fire_one(key)
        fired = len(keys)
    return len(keys) == FIRED_AT_ONCE and fired > 0


def _due() -> list[int]:
    """Return the keys of the next matches. A storm of one trigger must not hold up others."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, [FIRED_AT_ONCE, FIRED_AT_ONCE])
        return [key for (key,) in cursor.fetchall()]


@transaction.atomic
def _fire(keys: Sequence[int]) -> Sequence[TriggerMatch]:
    """Fire matches that nobody else is firing. A trigger that was deleted or disabled meanwhile starts nothing."""
    rows = list(TriggerMatch.objects.filter(pk__in=keys).order_by("pk").select_for_update(skip_locked=True))
    triggers = _enabled_triggers(row.trigger_id for row in rows)
    for row in rows:
        if row.trigger_id in triggers:
            data = decode_event(bytes(row.event), exactly=True)
            trigger = triggers[row.trigger_id]
            fire(trigger, connector="dataset", name=row.dataset, data=data, event_time=row.event_time)
    count_dropped(Counter(row.trigger_id for row in rows if row.trigger_id not in triggers))
    TriggerMatch.objects.filter(pk__in=[row.pk for row in rows]).delete()
    return rows


def _enabled_triggers(ids: Iterable[str]) -> dict[str, Resource]:
    wanted = set(ids)
    return Resource.objects.select_related("project").filter(disabled=False).in_bulk(wanted) if wanted else {}


def _fire_one(key: int) -> None:
    """Fire a match. If it fails, postpone it, and give it up after the last attempt."""
    try:
        _fire([key])
    except DATABASE_AWAY:
        raise
    except Exception as error:
        _put_off(TriggerMatch.objects.get(pk=key), error)


def _put_off(match: TriggerMatch, error: Exception) -> None:
    match.failures += 1
    reason = kind_and_line(error)
    what = f"an event of dataset {match.dataset}, received {readable_time(match.event_time, 'microseconds')}"
    if match.failures >= MOST_ATTEMPTS:
        logger.error("trigger %s will not be fired by %s: %s", match.trigger_id, what, reason)
        match.delete()
        return
    if match.failures == 1:
        logger.error("trigger %s could not be fired by %s; trying again: %s", match.trigger_id, what, reason)
    match.due_time = timezone.now() + min(LONGEST_DELAY, FIRST_DELAY * 2**match.failures)
    match.save(update_fields=["failures", "due_time"])
