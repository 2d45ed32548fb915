"""Drop the matches of triggers that were stopped, many at a time, and count them in their subscriptions."""

from collections import Counter
from collections.abc import Collection, Mapping

from django.db import transaction
from django.db.models import Count, F, Max, Min, QuerySet
from django.utils import timezone

from events.models import TriggerMatch
from pipelines.models import Subscription
from pipelines.waiting import Waiting

DROPPED_AT_ONCE = 10_000  # per transaction: a tenth of a second


def waiting_matches(trigger_ids: Collection[str]) -> dict[str, Waiting]:
    """Return how many matches wait for these triggers, and since when."""
    found = TriggerMatch.objects.filter(trigger_id__in=trigger_ids).values_list("trigger_id").order_by()
    return {
        trigger_id: Waiting(events, oldest)
        for trigger_id, events, oldest in found.annotate(Count("pk"), Min("event_time"))
    }


def drop_matches(trigger_ids: Collection[str]) -> int:
    """Drop the matches that now wait for these triggers and return how many; skips those being fired at the moment."""
    last = TriggerMatch.objects.aggregate(last=Max("pk"))["last"] or 0
    waiting = TriggerMatch.objects.filter(trigger_id__in=trigger_ids, pk__lte=last)
    total = 0
    while dropped := _drop_some(waiting):
        total += dropped
    return total


@transaction.atomic
def _drop_some(waiting: QuerySet[TriggerMatch]) -> int:
    rows = waiting.order_by("trigger_id", "pk").select_for_update(skip_locked=True)
    found = dict(rows.values_list("pk", "trigger_id")[:DROPPED_AT_ONCE])
    TriggerMatch.objects.filter(pk__in=found).delete()
    count_dropped(Counter(found.values()))
    return len(found)


def count_dropped(events: Mapping[str, int]) -> None:
    """Count dropped events in their triggers' subscriptions, in the transaction that drops them."""
    now = timezone.now()
    for trigger_id, count in sorted(events.items()):
        Subscription.objects.filter(pk=trigger_id).update(dropped_events=F("dropped_events") + count, drop_time=now)
