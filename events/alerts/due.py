"""Evaluate alerts when they are due: each due time once, whoever does it.

A worker claims an alert for a while, asks outside of any transaction, and records what it found together with the next
due time. If it dies, another one claims the alert when its time is over. If both come to an end, the first one's claim
no longer stands, and what it found is dropped. However many due times were missed, the last one alone is made up for.

What happened while evaluations failed is looked at once they don't: in windows as long as the alert's own, since the
sum of a longer time is beyond many a threshold.
"""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from eventlane.database import DATABASE_AWAY
from eventlane.wire.client import CLIENT, Client
from events.alerts.evaluate import Finding, evaluate, failed
from events.alerts.record import Found, record
from events.alerts.spec import seconds_of
from events.models import Alert, AlertState
from pipelines.models import Resource

logger = logging.getLogger(__name__)

SLACK = timedelta(seconds=30)  # a claim outlasts both queries of an evaluation by so much
TURNED_BACK = timedelta(minutes=1)  # more than the clocks of nodes differ by


def watch(resources: Sequence[Resource]) -> None:
    """Give alerts that are deployed a state, and let those that changed be evaluated at once."""
    now = timezone.now()
    Alert.objects.bulk_create(
        [Alert(resource=one, project_id=one.project_id, next_time=now) for one in resources],
        update_conflicts=True,
        unique_fields=["resource"],
        update_fields=["next_time", "claim_time"],  # whoever evaluates it as it was finds the claim gone
    )


def evaluate_due(stop: threading.Event) -> int:
    """Evaluate what is due, until nothing is or `stop` is set; return how many. Raises database errors."""
    count = 0
    while not stop.is_set() and (alert := claim(timezone.now())) is not None:
        count += _evaluate_claimed(alert, stop)
    return count


@transaction.atomic
def claim(now: datetime) -> Alert | None:
    """Claim the alert that has been due for longest, if there is any.

    One that was evaluated in the future is due, too: the clock was turned back, and it would wait until it gets there.
    """
    is_due = Q(next_time__lte=_settled(now)) | Q(evaluation_time__gt=now + TURNED_BACK)
    due = Alert.objects.filter(is_due, resource__disabled=False, project__organization__disabled=False)
    free = due.filter(Q(claim_time=None) | Q(claim_time__lte=now)).order_by("next_time")
    alert = free.select_for_update(skip_locked=True, of=("self",)).select_related("resource__project").first()
    if alert is not None:
        alert.claim_time = _claim_end(now)
        alert.save(update_fields=["claim_time"])
    return alert


def _claim_end(now: datetime) -> datetime:
    return now + timedelta(seconds=2 * settings.EVENTLANE_QUERY_SECONDS) + SLACK


def last_due(alert: Alert, now: datetime) -> datetime:
    """Return the last of an alert's due times that isn't too recent to be evaluated."""
    frequency = timedelta(seconds=seconds_of(alert.resource.data["frequency"]))
    settled = _settled(now)
    if alert.next_time > settled:  # the clock was turned back
        return settled
    return alert.next_time + (settled - alert.next_time) // frequency * frequency


def _settled(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.EVENTLANE_ALERT_DELAY_SECONDS)


class _Worker(Client):
    """Whoever waits for the answer: a worker, until it stops."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    @property
    def gone(self) -> bool:  # type: ignore[override]  # read only here
        """Whether the worker has to stop."""
        return self._stop.is_set()


def _evaluate_claimed(alert: Alert, stop: threading.Event) -> bool:
    """Evaluate a claimed alert and record it; return whether that was still ours to do."""
    due = last_due(alert, timezone.now())
    finding = _find(alert, due, stop)
    missed = [] if finding is None or finding.is_error else _find_missed(alert, due, stop)
    if finding is None or missed is None:
        Alert.objects.filter(pk=alert.pk, claim_time=alert.claim_time).update(claim_time=None)
        return False
    return record(alert, finding, due, missed)


def _find_missed(alert: Alert, due: datetime, stop: threading.Event) -> list[Found] | None:
    """Return what fired in missed windows, the oldest first; None if the worker has to stop before.

    Of silence that is over, nobody needs to be told. Windows that can't be answered now either are left out.
    """
    found: list[Found] = []
    for end in missed_windows(alert, due):
        _prolong(alert)
        finding = _find(alert, end, stop, silence=False)
        if finding is None:
            return None
        if finding.conditions and not finding.is_error:
            found.append((end, finding))
    return found


def missed_windows(alert: Alert, due: datetime) -> list[datetime]:
    """Return the ends of windows that together cover the time for which evaluations failed before `due`, oldest first.

    There are at most EVENTLANE_ALERT_MISSED_WINDOWS. None goes back to before the alert was changed, and none is of a
    time in which nobody evaluated it.
    """
    error = next((one for one in alert.conditions if one["kind"] == AlertState.ERROR), None)
    if error is None or alert.evaluation_time is None:
        return []
    data = alert.resource.data
    window, frequency = (timedelta(seconds=seconds_of(data[name])) for name in ("window", "frequency"))
    answered = max(datetime.fromisoformat(error["since"]) - frequency, alert.resource.update_time)
    step = max(window, frequency)
    last = min(due - step, alert.evaluation_time)
    ends = [last - step * n for n in range(settings.EVENTLANE_ALERT_MISSED_WINDOWS)]
    return [end for end in reversed(ends) if end > answered]


def _prolong(alert: Alert) -> None:
    """Let a claim that still stands last as long as a new one."""
    until = _claim_end(timezone.now())
    if Alert.objects.filter(pk=alert.pk, claim_time=alert.claim_time).update(claim_time=until):
        alert.claim_time = until


def _find(alert: Alert, due: datetime, stop: threading.Event, *, silence: bool = True) -> Finding | None:
    """Return what there is to be found; None if the worker has to stop before."""
    from events.lake.deadline import QueryCancelled

    token = CLIENT.set(_Worker(stop))
    try:
        return evaluate(alert.resource, due, silence=silence)
    except QueryCancelled:
        return None
    except DATABASE_AWAY:  # the claim ends by itself
        raise
    except Exception as error:  # of one alert; the others go on
        logger.exception("alert %s could not be evaluated", alert.pk)
        return failed(f"The evaluation failed: {type(error).__name__}. See the worker's log.")
    finally:
        CLIENT.reset(token)
