"""Commit what was found in a stretch of a journal file, together with how far it reached."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from eventlane.times import from_microseconds
from events.clock import newest_time
from events.journal import Copy
from events.journal.copies import remembered
from events.journal.reader import SUFFIX
from events.models import JournalProgress, MatchedRequest, TriggerMatch
from events.triggers.evaluate import Match, RateLimit
from events.triggers.table import began_us
from pipelines.models import Resource, Subscription

INSERTED_AT_ONCE = 500
# After a power cut, an unlinked file may reappear for a moment; after this time its removal is on disk.
KEPT_BEHIND_A_FILE = timedelta(minutes=10)
MOVE = """
    INSERT INTO events_journalprogress AS progress (file_name, node, evaluated_bytes, update_time)
    VALUES (%s, %s, %s, now())
    ON CONFLICT (file_name) DO UPDATE SET evaluated_bytes = excluded.evaluated_bytes, update_time = now()
    WHERE progress.evaluated_bytes = %s
    RETURNING 1"""
TAKE = """
    INSERT INTO events_matchedrequest AS known (token, first_id, received_time) VALUES (%s, %s, %s)
    ON CONFLICT (token) DO UPDATE SET first_id = excluded.first_id, received_time = excluded.received_time
    WHERE excluded.received_time >= known.received_time + make_interval(secs => %s)
    RETURNING 1"""


class Overtaken(Exception):
    """Someone else evaluated the file, for example a sealer started by hand beside the platform's."""


def stored_progress(file_name: str) -> int:
    """Return how far a file was evaluated, as committed."""
    found = JournalProgress.objects.filter(pk=file_name).values_list("evaluated_bytes", flat=True).first()
    return found or 0


@transaction.atomic
def store(file_name: str, node: str, before: int, end: int, matches: Sequence[Match]) -> None:
    """Commit that a file is evaluated from `before` to `end`, and its matches; raise Overtaken if it already was.

    Locks the row until the end of the transaction: of two that evaluate a file at once, one waits and gets the error.
    """
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [file_name, node, end, before])
        if cursor.fetchone() is None:
            raise Overtaken(file_name)
    rows = [
        TriggerMatch(
            trigger_id=match.trigger.id,
            dataset=match.trigger.dataset,
            event_time=from_microseconds(match.received_us),
            event=match.text,
        )
        for match in _admitted(_without_copies(matches))
    ]
    TriggerMatch.objects.bulk_create(rows, batch_size=INSERTED_AT_ONCE)


def forget_sealed(folder: Path) -> None:
    """Delete this node's progress in files that are gone for good, and what is known of requests of yesterday."""
    old = JournalProgress.objects.filter(
        node=settings.EVENTLANE_NODE, update_time__lt=timezone.now() - KEPT_BEHIND_A_FILE
    )
    gone = [name for name in old.values_list("pk", flat=True) if not (folder / f"{name}{SUFFIX}").exists()]
    JournalProgress.objects.filter(pk__in=gone).delete()
    MatchedRequest.objects.filter(received_time__lt=timezone.now() - remembered()).delete()


def _without_copies(matches: Sequence[Match]) -> Sequence[Match]:
    """Leave out the matches of batches of which a copy has matched before; note the others until this is committed."""
    copies = {match.copy for match in matches if match.copy}
    first: set[Copy | None] = {None}
    with connection.cursor() as cursor:
        for copy in sorted(copies, key=lambda copy: (copy.token, copy.first_id)):  # in one order, against deadlocks
            token, first_id = UUID(bytes=copy.token), UUID(bytes=copy.first_id)
            received_time = from_microseconds(copy.received_us)
            cursor.execute(TAKE, [token, first_id, received_time, remembered().total_seconds()])
            if cursor.fetchone():
                first.add(copy)
    return [match for match in matches if match.copy in first]


def _admitted(matches: Sequence[Match]) -> list[Match]:
    """Return the matches that their triggers still want and their rate limits permit, in their order.

    Those over a limit are counted. The subscriptions stay locked until the matches are committed: disabling a trigger
    waits for that, so that no match is added afterwards; whoever stores later sees that the trigger is disabled.
    """
    by_trigger: dict[str, list[Match]] = defaultdict(list)
    for match in matches:
        by_trigger[match.trigger.id].append(match)
    admitted: set[int] = set()
    subscriptions = list(Subscription.objects.select_for_update().filter(pk__in=by_trigger).order_by("pk"))
    enabled = set(Resource.objects.filter(pk__in=by_trigger, disabled=False).values_list("pk", flat=True))
    for subscription in subscriptions:
        if subscription.pk in enabled:
            admitted |= _admitted_by(subscription, by_trigger[subscription.pk])
    return [match for match in matches if id(match) in admitted]


def _admitted_by(subscription: Subscription, matches: Sequence[Match]) -> set[int]:
    """Return the `id()` of the matches that a locked subscription wants and permits."""
    since_us = began_us(subscription.creation_time)
    asked = [match for match in matches if match.received_us >= since_us]
    limited = [match for match in asked if match.trigger.rate_limit is not None]
    refused = _refused(subscription, limited) if limited else set()
    return {id(match) for match in asked} - refused


def _refused(subscription: Subscription, matches: Sequence[Match]) -> set[int]:
    """Count matches in a locked subscription's windows of time; return the `id()` of those over the limit.

    Time is that of the events, not of the clock: what waited while the sealer was away is limited as if it hadn't. A
    window that starts in the future comes from a fast clock, and counts as ended.
    """
    refused = set()
    start, count = subscription.window_start_time, subscription.window_events
    if start is not None and start > newest_time():
        start = None
    for match in matches:
        limit: RateLimit = match.trigger.rate_limit  # type: ignore[assignment]  # those without are not here
        time = from_microseconds(match.received_us)
        if start is None or time >= start + timedelta(seconds=limit.seconds):
            start, count = time, 0
        if count < limit.events:
            count += 1
        else:
            refused.add(id(match))
    Subscription.objects.filter(pk=subscription.pk).update(
        window_start_time=start, window_events=count, suppressed_events=F("suppressed_events") + len(refused)
    )
    return refused
