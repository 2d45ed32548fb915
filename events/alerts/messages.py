"""Messages of alerts to channels: what they say, and that each is sent, at least once, within bounds.

The transaction that records what happened adds a message for each channel. Workers send them, outside of transactions.
Each try is counted before it is made, so a message that kills its worker is given up one day, too. If a worker dies
after sending, the message is sent again; a webhook can tell by its id.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from eventlane.one_line import kind_and_line, one_line
from events.alerts.mail import PartlyRefused
from events.alerts.outbound import Failed, Refused
from events.alerts.send import Delivery, delivery_to
from events.alerts.words import payload
from events.models import AlertChange, AlertMessage
from pipelines.models import Resource

AT_ONCE = 8
LOOK_SECONDS = 1.0  # while something is being sent, other channels' messages are looked for so often
CLAIM = timedelta(seconds=120)  # longer than sending takes
MOST_TRIES = 6  # the last one after half an hour
FIRST_PAUSE, FACTOR = timedelta(seconds=10), 3
LONGEST_LIST = 20_000  # characters: that of all recipients of a channel, with what the server said to each


class Outcome(NamedTuple):
    """What came of a try: what went wrong, empty if nothing did, and whether it is no use to try again."""

    problem: str = ""
    for_good: bool = False
    refused: dict[str, str] | None = None  # recipients that haven't got it, if others have


def send_due(stop: threading.Event) -> int:
    """Send what is due, until nothing is or `stop` is set; return how many. Raises database errors.

    Messages are sent side by side. Threads get nothing of the database, and give nothing but an outcome.
    """
    count, sending = 0, dict[Future[Outcome], AlertMessage]()
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="alert message") as pool:
        while True:
            claimed = [] if stop.is_set() else _claim(timezone.now(), [*sending.values()])
            sending |= {pool.submit(_outcome, _prepared(message)): message for message in claimed}
            count += len(claimed)
            if not sending:
                return count
            for done in wait(sending, LOOK_SECONDS, FIRST_COMPLETED).done:
                _settle(sending.pop(done), done.result())


@transaction.atomic
def _claim(now: datetime, sending: Sequence[AlertMessage] = ()) -> list[AlertMessage]:
    """Claim the oldest due message of each of some channels: one that fails, or hangs, doesn't hold up others.

    A message waits for those before it from the same alert: that it fires must not be the last thing people read.
    One that only some recipients haven't got holds up none. While the alert is snoozed, all wait but tests.
    """
    snoozed = Q(change__alert__snoozed_until__gt=now) & ~Q(change__kind=AlertChange.Kind.TEST)
    waiting = AlertMessage.objects.filter(~snoozed, state=AlertMessage.State.WAITING)
    for one in sending:
        waiting = waiting.exclude(channel=one.channel, change__alert__project=one.change.alert.project_id)
    alert = ("change__alert_id", "channel")
    whole = waiting.filter(refused__isnull=True)
    next_ones = whole.order_by(*alert, "change__creation_time", "pk").distinct(*alert).values("pk")
    due = waiting.filter(Q(pk__in=next_ones) | Q(refused__isnull=False), due_time__lte=now)
    channel = ("change__alert__project_id", "channel")
    oldest = due.order_by(*channel, "due_time").distinct(*channel).values("pk")
    rows = due.filter(pk__in=oldest).order_by("due_time").select_for_update(skip_locked=True, of=("self",))
    chosen = list(rows.select_related("change__alert__resource__project")[: AT_ONCE - len(sending)])
    for row in chosen:
        row.due_time, row.tries = now + CLAIM, row.tries + 1
        row.save(update_fields=["due_time", "tries"])
    return chosen


def _prepared(message: AlertMessage) -> Callable[[], None]:
    """Return what sends a message; it raises Refused or Failed."""
    try:
        delivery = _delivery(message)
    except Refused as error:
        return _raising(error)
    said = payload(message.change)
    return lambda: delivery(message.pk, said)


def _raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def _delivery(message: AlertMessage) -> Delivery:
    alert = message.change.alert
    channels = Resource.objects.filter(project=alert.project_id, type=Resource.Type.CHANNEL, name=message.channel)
    channel = channels.select_related("project").first()
    if channel is None:
        raise Refused("there is no such channel")
    if channel.disabled:
        raise Refused("the channel is disabled")
    return delivery_to(channel, message.refused)


def _outcome(send: Callable[[], None]) -> Outcome:
    """Send a message and return what came of it."""
    try:
        send()
    except Refused as error:
        return Outcome(one_line(error), for_good=True)
    except Failed as error:
        return Outcome(one_line(error))
    except PartlyRefused as error:
        return Outcome(one_line(error, LONGEST_LIST), error.for_good, error.refused)
    except Exception as error:  # of one channel; the others go on
        return Outcome(kind_and_line(error))
    return Outcome()


def _settle(message: AlertMessage, outcome: Outcome) -> None:
    """Record an outcome, unless another worker has the message by now."""
    changed: dict[str, Any] = {"error": outcome.problem}
    if outcome.refused is not None:
        changed |= {"refused": outcome.refused}
    if not outcome.problem:
        changed |= {"state": AlertMessage.State.SENT, "sent_time": timezone.now()}
    elif outcome.for_good or message.tries >= MOST_TRIES:
        changed |= {"state": AlertMessage.State.FAILED}
    else:
        changed |= {"due_time": timezone.now() + FIRST_PAUSE * FACTOR ** (message.tries - 1)}
    AlertMessage.objects.filter(pk=message.pk, tries=message.tries).update(**changed)
