"""Disable and enable what is deployed."""

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
    """Disable or enable resources. Those already in that state stay unchanged.

    Events waiting for a disabled trigger are dropped and counted; returns their number. The trigger is disabled first,
    in a transaction of its own: that stops a storm at once, however long the dropping takes. An enabled trigger listens
    from now on: what happened while it was disabled never fires it.
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
    """Wait until no process stores matches of these triggers: those that do hold the triggers' subscriptions."""
    list(Subscription.objects.select_for_update().filter(pk__in=triggers).order_by("pk").values_list("pk"))


def _begin_again(triggers: Collection[str], now: datetime) -> None:
    """Move the start of subscriptions to now, and due ticks after it: there may have been no worker meanwhile."""
    for subscription in Subscription.objects.select_for_update().filter(pk__in=triggers).order_by("pk"):
        subscription.creation_time, due = now, subscription.next_tick_time
        if due is not None and due <= now:
            subscription.next_tick_time = tick_after_pause(subscription.parameters, due, now)
        subscription.save(update_fields=["creation_time", "next_tick_time"])
