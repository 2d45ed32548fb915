"""What sealer and readers tell the console, in PostgreSQL: the web process must not load DuckDB to draw a page."""

from collections import Counter
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from psycopg_pool import PoolTimeout

from events.models import DamagedFile, QuarantineCount, ReceivedCount, SealerTrouble
from projects.installation import lake_folder

if TYPE_CHECKING:
    from events.lake.connection import Lake

KEPT_COUNTS = timedelta(hours=2)  # the console draws the last one
KEPT_TROUBLES = timedelta(days=7)
QUARANTINED = """
    SELECT coalesce(dataset_id, ''), count(*), epoch(max(quarantined_time)), arg_max(reason, quarantined_time)
    FROM lake.main.quarantine GROUP BY ALL"""


def note_received(counts: Counter[tuple[str, str, int]]) -> None:
    """Write how many events files received, by file name, dataset id and minute since 1970.

    Called before the commit that seals the files, and again with the same counts when that is repeated: what
    is there stays. So a file that is gone from the journal has its counts here, and nothing counts twice.
    """
    rows = [
        ReceivedCount(file_name=name, dataset_id=dataset, minute=_time(minute * 60), events=events)
        for (name, dataset, minute), events in sorted(counts.items())
    ]
    ReceivedCount.objects.bulk_create(rows, ignore_conflicts=True)
    ReceivedCount.objects.filter(minute__lt=timezone.now() - KEPT_COUNTS).delete()


def note_quarantine(lake: "Lake") -> None:
    """Write what is in quarantine by dataset. Counted anew each time, so it can't drift."""
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


def note_trouble(file_name: str, error: str) -> None:
    """Write that a file, or nothing at all ("") can be sealed now. While PostgreSQL is away nobody can be told."""
    now = timezone.now()
    try:
        SealerTrouble.objects.filter(latest_time__lt=now - KEPT_TROUBLES).delete()
        SealerTrouble.objects.update_or_create(
            node=settings.EVENTLANE_NODE,
            file_name=file_name,
            end_time=None,
            defaults={"latest_time": now, "error": error},
            create_defaults={"start_time": now, "latest_time": now, "error": error},
        )
    except (DatabaseError, InterfaceError, PoolTimeout):
        connection.close()


def end_troubles(file_names: Collection[str]) -> None:
    """Write that sealing works, and that these files are sealed."""
    troubles = SealerTrouble.objects.filter(node=settings.EVENTLANE_NODE, file_name__in=["", *file_names])
    troubles.filter(end_time=None).update(end_time=timezone.now())


def known_damage(*tables: str) -> list[DamagedFile]:
    """Return what is known to be damaged of these tables, or of all, unless it has changed since."""
    folder = lake_folder()
    found = DamagedFile.objects.filter(table_name__in=tables) if tables else DamagedFile.objects.all()
    return [file for file in found.order_by("path") if folder and file_state(folder / file.path) == file.state]


def file_state(file: Path) -> str:
    """Return a text that changes when the file is written, replaced or made readable; empty: it can't be seen."""
    try:
        state = file.stat()
    except OSError:
        return ""
    return f"{state.st_ino} {state.st_size} {state.st_ctime_ns}"


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
