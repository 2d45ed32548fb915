"""How much was received and what is in quarantine, in PostgreSQL: a web process must not load DuckDB for a page."""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import F
from django.utils import timezone

from events.models import QuarantineCount, ReceivedCount, UnreadTimes

if TYPE_CHECKING:
    from events.lake.connection import Lake

KEPT_COUNTS = timedelta(hours=2)  # the console draws the last one
SUM_UP = """
    WITH old AS (
        DELETE FROM events_receivedcount WHERE is_sealed AND minute < %s
        RETURNING key_id, dataset_id, date_trunc('hour', minute, 'UTC') AS hour, events
    )
    INSERT INTO events_acceptedcount (key_id, dataset_id, hour, events)
    SELECT key_id, dataset_id, hour, sum(events) FROM old GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (dataset_id, hour, key_id) DO UPDATE SET events = events_acceptedcount.events + excluded.events"""
Received = tuple[str, str, str, int]  # name of a journal file, id of a key, id of a dataset, minute since 1970
QUARANTINED = """
    SELECT coalesce(dataset_id, ''), count(*), epoch(max(quarantined_time)), arg_max(reason, quarantined_time)
    FROM lake.main.quarantine GROUP BY ALL"""


def note_received(counts: Counter[Received]) -> None:
    """Record how many events files received.

    Called before the commit that seals the files, and again with the same counts if that is repeated; existing rows
    stay. A file that is gone from the journal therefore has its counts here, and nothing is counted twice.
    """
    rows = [
        ReceivedCount(file_name=name, key_id=key, dataset_id=dataset, minute=_time(minute * 60), events=events)
        for (name, key, dataset, minute), events in sorted(counts.items())
    ]
    ReceivedCount.objects.bulk_create(rows, ignore_conflicts=True)


def note_forgotten(file_names: Collection[str]) -> None:
    """Record that these files are sealed. Called before the lake forgets their names."""
    ReceivedCount.objects.filter(file_name__in=file_names).update(is_sealed=True)


def sum_up(now: datetime) -> None:
    """Keep of old counts only their sums by hour, once the lake has forgotten their files: these can't come again."""
    with connection.cursor() as cursor:
        cursor.execute(SUM_UP, [now - KEPT_COUNTS])


def note_unread_times(counts: Counter[str]) -> None:
    """Add to the numbers of events whose time could not be read, by dataset id.

    Called after the commit that seals the events: those of a sealer that is killed in between aren't counted.
    """
    for dataset_id in sorted(+counts):
        row, _ = UnreadTimes.objects.get_or_create(dataset_id=dataset_id)
        UnreadTimes.objects.filter(pk=row.pk).update(
            events=F("events") + counts[dataset_id], latest_time=timezone.now()
        )


def note_quarantine(lake: "Lake") -> None:
    """Record what is in quarantine by dataset. It is counted from scratch each time, so it can't drift."""
    rows = [
        QuarantineCount(dataset_id=dataset, entries=entries, latest_time=_time(time), latest_reason=reason)
        for dataset, entries, time, reason in lake.execute(QUARANTINED)
    ]
    QuarantineCount.objects.exclude(pk__in=[row.pk for row in rows]).delete()
    QuarantineCount.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["dataset_id"],
        update_fields=["entries", "latest_time", "latest_reason"],
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
