"""Disabling what is deployed, and enabling it again."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from pipelines.connectors.time import tick_after_pause
from pipelines.models import Resource, Subscription
from pipelines.waiting import drop_waiting


def switch(resources: "QuerySet[Any]", *, disabled: bool) -> int:
    """Disable or enable resources; those that are so already stay as they are.

    What waits for a trigger that is disabled is dropped and counted; returns how many events that were. It is disabled
    first, in a transaction of its own: that stops a storm at once, however long the dropping takes. A trigger that is
    enabled listens from now on: what happened while it was disabled never fires it.
    """
    changed = _switch(resources, disabled)
    return drop_waiting(changed) if disabled and changed else 0


@transaction.atomic
def _switch(resources: "QuerySet[Any]", disabled: bool) -> list[str]:
    changed = list(resources.exclude(disabled=disabled).values_list("pk", flat=True))
    Resource.objects.filter(pk__in=changed).update(disabled=disabled)
    if disabled:
        _wait_for_storing(changed)
    else:
        _begin_again(changed, timezone.now())
    return changed


def _wait_for_storing(triggers: Collection[str]) -> None:
    """Wait until nobody stores matches of these triggers any more: who does holds their subscriptions."""
    list(Subscription.objects.select_for_update().filter(pk__in=triggers).order_by("pk").values_list("pk"))


def _begin_again(triggers: Collection[str], now: datetime) -> None:
    """Move the beginning of subscriptions to now, and due ticks behind it: nobody may have looked meanwhile."""
    for subscription in Subscription.objects.select_for_update().filter(pk__in=triggers).order_by("pk"):
        subscription.creation_time, due = now, subscription.next_tick_time
        if due is not None and due <= now:
            subscription.next_tick_time = tick_after_pause(subscription.parameters, due, now)
        subscription.save(update_fields=["creation_time", "next_tick_time"])
