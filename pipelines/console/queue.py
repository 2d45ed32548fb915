"""What the pages of triggers, commands and pipelines show about waiting events and pipelines."""

from typing import Any

from django.conf import settings

from eventlane.console import count_of, moment, number
from pipelines.execution.queued import queued_pipelines
from pipelines.models import Resource, Subscription
from pipelines.waiting import Waiting, waiting_for

MOST_COUNTED = 10_000


def queue_of(resource: Resource) -> dict[str, str]:
    """Return the arguments of `queued_pipelines` for a resource that starts pipelines."""
    if resource.type == Resource.Type.PIPELINE:
        return {"name": resource.name}
    return {f"{resource.type}_id": resource.pk}


def queue_context(resource: Resource) -> dict[str, Any]:
    """Return what is waiting for a resource: pipelines that haven't started, and events that haven't fired."""
    if not resource.starts_pipelines:
        return {}
    count = queued_pipelines(resource.project, **queue_of(resource)).order_by()[: MOST_COUNTED + 1].count()
    waiting = waiting_for([resource.pk]).get(resource.pk) if resource.type == Resource.Type.TRIGGER else None
    return {
        "queued": f"more than {MOST_COUNTED:,} pipelines" if count > MOST_COUNTED else count_of(count, "pipeline"),
        "waiting": waiting and count_of(waiting.events, "event"),
        "waiting_since": waiting and moment(waiting.oldest),
        "may_abort_queued": bool(count or waiting),
    }


def rate_limit_of(subscription: Subscription) -> str:
    """Describe the rate limit of a trigger on a dataset."""
    own = subscription.parameters.get("rate_limit")
    limit = (own["events"], own["seconds"]) if own else settings.EVENTLANE_TRIGGER_RATE_LIMIT
    if limit is None:
        return "none"
    return f"{count_of(limit[0], 'event')} in {limit[1]:g} s{'' if own else ', the server’s'}"


def not_fired(subscription: Subscription | None, waiting: Waiting | None) -> str:
    """Describe how many of a trigger's events haven't fired."""
    counts = {
        "wait": waiting.events if waiting else 0,
        "dropped": subscription.dropped_events if subscription else 0,
        "over the limit": subscription.suppressed_events if subscription else 0,
    }
    return ", ".join(f"{number(count)} {what}" for what, count in counts.items() if count) or "–"
