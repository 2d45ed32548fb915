"""How much was received and what is in quarantine, in PostgreSQL: a web process must not load DuckDB for a page."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils import timezone

from events.models import QuarantineCount, ReceivedCount, UnreadTimes

if TYPE_CHECKING:
    from events.lake.connection import Lake

KEPT_COUNTS = timedelta(hours=2)  # the console draws the last one
QUARANTINED = """
    SELECT coalesce(dataset_id, ''), count(*), epoch(max(quarantined_time)), arg_max(reason, quarantined_time)
    FROM lake.main.quarantine GROUP BY ALL"""


def note_received(counts: Counter[tuple[str, str, int]]) -> None:
    """Record how many events files received, by file name, dataset id and minute since 1970.

    Called before the commit that seals the files, and again with the same counts if that is repeated; existing rows
    stay. A file that is gone from the journal therefore has its counts here, and nothing is counted twice.
    """
    rows = [
        ReceivedCount(file_name=name, dataset_id=dataset, minute=_time(minute * 60), events=events)
        for (name, dataset, minute), events in sorted(counts.items())
    ]
    ReceivedCount.objects.bulk_create(rows, ignore_conflicts=True)
    ReceivedCount.objects.filter(minute__lt=timezone.now() - KEPT_COUNTS).delete()


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
