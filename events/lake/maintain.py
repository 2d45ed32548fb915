"""Keep the lake small and quick. Every step may run beside sealers and readers, and may be killed at any time.

A commit that collides with a sealer's is tried again; what still fails is left to the next run.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb
from django.conf import settings

from eventlane.processes import is_running
from events.journal.reader import DAMAGED, journal_paths
from events.lake.connection import Lake, commit, event_table_name, quoted_text, spill_folder
from events.lake.orphans import remove_old_orphans, set_aside_leftovers
from events.lake.seal import drop_table, drop_tables
from events.models import Dataset
from projects.installation import lake_folder

MIB = 1024 * 1024
# Files below the first size are merged into files of up to the second. In tiers, so that a large file isn't
# written again for each small one: every byte is rewritten a few times in its life.
MERGE_TIERS = ((1 * MIB, 8 * MIB), (8 * MIB, 64 * MIB), (64 * MIB, 256 * MIB))
REWRITE_ABOVE = 0.3  # share of deleted rows from which a file is written anew
READER_MARGIN = timedelta(hours=1)  # a reader may hold an unlinked journal file for this long


@dataclass(frozen=True, slots=True)
class Step:
    """What a step of maintenance did, or why it failed."""

    name: str
    result: str
    failed: bool = False


def maintain(lake: Lake, now: datetime) -> Iterator[Step]:
    """Do every step; one that fails doesn't keep the others from being done."""
    steps: dict[str, Callable[[Lake, datetime], str]] = {
        "deleted datasets": drop_deleted_datasets,
        "retention": apply_retention,
        "quarantine": prune_quarantine,
        "sealed files": prune_sealed_files,
        "inlined rows": flush_inlined_rows,
        "merge": merge_files,
        "rewrite": rewrite_files,
        "snapshots": expire_snapshots,
        "replaced files": remove_replaced_files,
        "unknown files": set_aside_unknown_files,
        "orphans": remove_orphans,
        "spilled files": remove_spilled_files,
    }
    for name, step in steps.items():
        try:
            yield Step(name, step(lake, now))
        except duckdb.Error as error:
            yield Step(name, " ".join(str(error).split())[:500], failed=True)


def drop_deleted_datasets(lake: Lake, now: datetime) -> str:
    """Drop the tables of deleted datasets, also one that a sealer made again just after it was dropped."""
    dropped = drop_tables(lake)
    # The tables first, the datasets second: a table is only ever made for a dataset that is already committed.
    tables = _event_tables(lake)
    for name in tables - set(Dataset.objects.values_list("table_name", flat=True)):
        drop_table(lake, name)
        dropped.append(name)
    return f"{len(dropped):,} tables dropped"


def apply_retention(lake: Lake, now: datetime) -> str:
    """Delete events older than their dataset's retention, in steps of an hour: each deletion costs a commit."""
    deleted = 0
    tables = _event_tables(lake)
    for dataset in Dataset.objects.filter(table_name__in=tables, retention_days__isnull=False):
        end = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=dataset.retention_days)
        deleted += _delete(lake, event_table_name(dataset.table_name), "received_time", end)
    return f"{deleted:,} events deleted"


def prune_quarantine(lake: Lake, now: datetime) -> str:
    """Delete what has been in quarantine for longer than EVENTLANE_QUARANTINE_DAYS."""
    end = now - timedelta(days=settings.EVENTLANE_QUARANTINE_DAYS)
    return f"{_delete(lake, 'lake.main.quarantine', 'quarantined_time', end):,} events deleted"


def prune_sealed_files(lake: Lake, now: datetime) -> str:
    """Forget names of this node's journal files that are gone and that no reader can hold open any more.

    Only this node's: nobody else can see whether the file is gone. One that was set aside isn't: put back into the
    journal it must not be sealed again.
    """
    end = now - READER_MARGIN
    journal = settings.EVENTLANE_JOURNAL
    there = [path.stem for folder in (journal, journal / DAMAGED) for path in journal_paths(folder)]
    old = (
        "FROM lake.main.sealed_files WHERE node = ? AND sealed_time < make_timestamptz(?)"
        " AND name NOT IN (SELECT unnest(?::VARCHAR[]))"
    )
    parameters = [settings.EVENTLANE_NODE, _microseconds(end), there]
    count = lake.value(f"SELECT count(*) {old}", parameters)
    if count:
        commit(lake, lambda: lake.execute(f"DELETE {old}", parameters))
    return f"{count:,} names forgotten"


def flush_inlined_rows(lake: Lake, now: datetime) -> str:
    """Move rows of small inserts from PostgreSQL into files."""
    rows = _retried(lake, "SELECT sum(rows_flushed) FROM ducklake_flush_inlined_data('lake')")
    return f"{rows[0]:,} rows moved into files"


def merge_files(lake: Lake, now: datetime) -> str:
    """Merge small files into larger ones."""
    merged = created = 0
    for below, target in MERGE_TIERS:
        lake.execute(f"SET ducklake_target_file_size = '{target}B'")
        merge = f"ducklake_merge_adjacent_files('lake', max_file_size => {below})"
        processed, made = _retried(lake, f"SELECT sum(files_processed), sum(files_created) FROM {merge}")
        merged, created = merged + processed, created + made
    return f"{merged:,} files merged into {created:,}"


def rewrite_files(lake: Lake, now: datetime) -> str:
    """Write files anew of which much is deleted."""
    rewrite = f"ducklake_rewrite_data_files('lake', delete_threshold => {REWRITE_ABOVE})"
    files = _retried(lake, f"SELECT sum(files_processed) FROM {rewrite}")
    return f"{files[0]:,} files with deleted events rewritten"


def expire_snapshots(lake: Lake, now: datetime) -> str:
    """Forget snapshots that no reader uses any more."""
    end = now - timedelta(hours=settings.EVENTLANE_SNAPSHOT_HOURS)
    count = lake.value(f"SELECT count(*) FROM ducklake_expire_snapshots('lake', older_than => {_timestamp(end)})")
    return f"{count:,} expired"


def remove_replaced_files(lake: Lake, now: datetime) -> str:
    """Remove files that were merged or rewritten, or whose events are all deleted."""
    end = now - timedelta(hours=settings.EVENTLANE_SNAPSHOT_HOURS)
    count = lake.value(f"SELECT count(*) FROM ducklake_cleanup_old_files('lake', older_than => {_timestamp(end)})")
    return f"{count:,} files removed"


def set_aside_unknown_files(lake: Lake, now: datetime) -> str:
    """Set aside files that a killed sealer wrote and never committed, or that the catalog lost."""
    folder = lake_folder()
    return set_aside_leftovers(folder, now) if folder else "0 files set aside; not looked for in a bucket"


def remove_orphans(lake: Lake, now: datetime) -> str:
    """Delete what was set aside long ago."""
    folder = lake_folder()
    return remove_old_orphans(folder, now) if folder else "0 days removed"


def remove_spilled_files(lake: Lake, now: datetime) -> str:
    """Remove what a DuckDB that was killed had put on disk for want of memory."""
    left = [folder for folder in spill_folder().glob("*-*") if not is_running(int(folder.name.partition("-")[0]))]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return f"{len(left):,} folders removed"


def _event_tables(lake: Lake) -> set[str]:
    rows = lake.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND starts_with(table_name, 'events_')"
    )
    return {name for (name,) in rows}


def _retried(lake: Lake, sql: str) -> list[int]:
    """Run a statement that changes the lake, and return its row of sums."""
    rows = commit(lake, lambda: lake.execute(sql))
    return [int(value or 0) for value in rows[0]]


def _delete(lake: Lake, table: str, column: str, end: datetime) -> int:
    """Delete the rows before `end`; without one there is no commit and no snapshot."""
    old = f"FROM {table} WHERE {column} < make_timestamptz(?)"
    count: int = lake.value(f"SELECT count(*) {old}", [_microseconds(end)])
    if count:
        commit(lake, lambda: lake.execute(f"DELETE {old}", [_microseconds(end)]))
    return count


def _microseconds(time: datetime) -> int:
    return round(time.timestamp() * 1_000_000)


def _timestamp(time: datetime) -> str:
    return f"{quoted_text(time.isoformat())}::TIMESTAMPTZ"
