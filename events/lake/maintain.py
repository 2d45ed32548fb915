"""Keep the lake small and fast. Every step can run beside sealers and readers, and can be killed at any time.

A commit that collides with a sealer's is retried; whatever still fails is left to the next run.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import duckdb
import pyarrow as pa
from django.conf import settings

from eventlane.one_line import one_line
from eventlane.processes import is_running
from eventlane.times import hour_of, to_microseconds
from events.journal.copies import remembered
from events.journal.reader import DAMAGED, creation_time, journal_paths
from events.lake.catalog import tables_to_flush
from events.lake.connection import Lake, commit, event_table_name, quoted_name, quoted_text, spill_folder
from events.lake.damage import OF_ALL_READERS, find_damage, review_damage
from events.lake.damaged_files import known_damage
from events.lake.field_columns import add_column, fill, lacking_files, wanted_fields
from events.lake.files import known_files
from events.lake.gram_builder import files_without_grams, make_grams
from events.lake.gram_files import remove_left_over
from events.lake.ledger import EXPIRED, balance, enter_rows, forget_old
from events.lake.ledger_hours import counted_datasets, hours_of, record
from events.lake.orphans import remove_old_orphans, set_aside_leftovers
from events.lake.reread import old_files, reread
from events.lake.seal import drop_deleted_dataset, drop_tables
from events.lake.sealed_requests import SEALED_REQUESTS
from events.lake.snapshot import promoted_fields
from events.lake.statistics import note_forgotten, sum_up
from events.models import Dataset, QuarantinedRequest
from projects.installation import lake_folder

MIB = 1024 * 1024
# Files below the first size are merged into files of up to the second. With tiers, a large file isn't rewritten for
# each small one: every byte is rewritten only a few times in its life.
MERGE_TIERS = ((1 * MIB, 8 * MIB), (8 * MIB, 64 * MIB), (64 * MIB, 256 * MIB))
REWRITE_ABOVE = 0.3  # from this share of deleted rows on, a file is rewritten
NAMED_FILES = 10
MAX_MESSAGE_LENGTH = 2000
GRAMS_SECONDS = FILL_SECONDS = REREAD_SECONDS = (
    600  # after an upgrade there may be work for hours: the next run goes on
)
READER_MARGIN = timedelta(hours=1)  # a reader may keep an unlinked journal file open for this long


@dataclass(frozen=True, slots=True)
class Step:
    """What a maintenance step did, or why it failed."""

    name: str
    result: str
    failed: bool = False


class Incomplete(Exception):
    """A step was done, but not for everything. The message says what was done, what wasn't, and why."""


def maintain(lake: Lake, now: datetime) -> Iterator[Step]:
    """Run all steps, even if some fail."""
    steps: dict[str, Callable[[Lake, datetime], str]] = {
        "damaged files": review_files,
        "deleted datasets": drop_deleted_datasets,
        "retention": apply_retention,
        "quarantine": prune_quarantine,
        "sealed files": prune_sealed_files,
        "sealed requests": prune_sealed_requests,
        "inlined rows": flush_inlined_rows,
        "merge": merge_files,
        "rewrite": rewrite_files,
        "reread": reread_files,
        "columns": fill_columns,
        "snapshots": expire_snapshots,
        "replaced files": remove_replaced_files,
        "grams": mark_grams,
        "unknown files": set_aside_unknown_files,
        "orphans": remove_orphans,
        "spilled files": remove_spilled_files,
        "ledger": check_ledger,
    }
    for name, step in steps.items():
        try:
            yield Step(name, step(lake, now))
        except (duckdb.Error, Incomplete) as error:
            yield Step(name, one_line(error, MAX_MESSAGE_LENGTH), failed=True)


def review_files(lake: Lake, now: datetime) -> str:
    """Check which files are missing or damaged, and which of those known to be are intact again."""
    folder = lake_folder()
    damaged = review_damage(folder) if folder else []
    if damaged:
        names = ", ".join(f"{file.path} ({file.reason})" for file in damaged[:NAMED_FILES])
        raise Incomplete(f"{len(damaged):,} files are missing or damaged, `manage.py doctor` says what to do: {names}")
    return "0 files are missing or damaged"


def drop_deleted_datasets(lake: Lake, now: datetime) -> str:
    """Drop the tables of deleted datasets, including one that a sealer created again just after it was dropped."""
    dropped = drop_tables(lake)
    # Tables first, datasets second: a table is only created for a dataset that is already committed.
    tables = lake.event_tables()
    for name in tables - set(Dataset.objects.values_list("table_name", flat=True)):
        drop_deleted_dataset(lake, name)
        dropped.append(name)
    return f"{len(dropped):,} tables dropped"


def apply_retention(lake: Lake, now: datetime) -> str:
    """Delete events older than their dataset's retention, in steps of an hour, since each deletion costs a commit.

    Events from the time covered by a damaged file stay until the file is intact or given up.
    """
    datasets = Dataset.objects.filter(table_name__in=lake.event_tables())
    kept = datasets.values_list("table_name", "retention_days", "pk")
    limits = {table: (limit, dataset_id) for table, limit, dataset_id in kept if limit is not None}

    def apply(table: str) -> list[int]:
        days, dataset_id = limits[table]
        end = hour_of(now) - timedelta(days=days)
        outside = _outside_damaged(lake, table)
        return [_delete(lake, event_table_name(table), "received_time", end, outside, quoted_text(dataset_id))]

    (deleted,), failures = _for_each(sorted(limits), apply, 1)
    return _result(f"{deleted:,} events deleted", failures)


def prune_quarantine(lake: Lake, now: datetime) -> str:
    """Delete what has been in quarantine for longer than EVENTLANE_QUARANTINE_DAYS."""
    end = now - timedelta(days=settings.EVENTLANE_QUARANTINE_DAYS)
    requests, _ = QuarantinedRequest.objects.filter(creation_time__lt=end).delete()
    events = _delete(lake, "lake.main.quarantine", "quarantined_time", end, dataset_id="dataset_id")
    return f"{events:,} events and {requests:,} requests deleted"


def prune_sealed_files(lake: Lake, now: datetime) -> str:
    """Forget the names of this node's journal files that are gone and that no reader can have open any more.

    Only this node's: others can't see whether a file is gone. One that was set aside isn't gone: if somebody puts it
    back into the journal, it must not be sealed again.
    """
    end = now - READER_MARGIN
    journal = settings.EVENTLANE_JOURNAL
    there = [path.stem for folder in (journal, journal / DAMAGED) for path in journal_paths(folder)]
    old = (
        "FROM lake.main.sealed_files WHERE node = ? AND sealed_time < make_timestamptz(?)"
        " AND name NOT IN (SELECT unnest(?::VARCHAR[]))"
    )
    parameters = [settings.EVENTLANE_NODE, to_microseconds(end), there]
    names = [name for (name,) in lake.execute(f"SELECT name {old}", parameters)]
    if names:
        note_forgotten(names)
        commit(lake, lambda: lake.execute(f"DELETE {old}", parameters))
    sum_up(now)
    return f"{len(names):,} names forgotten"


def prune_sealed_requests(lake: Lake, now: datetime) -> str:
    """Forget the tokens of requests of which no copy is to come: neither from this node's journal, however late that is
    sealed, nor from another's, unless that is as far behind as a token is remembered.
    """
    waiting = [creation_time(path.stem) for path in journal_paths(settings.EVENTLANE_JOURNAL)[:1]]
    copies_since = min([now - remembered(), *(datetime.fromtimestamp(seconds, UTC) for seconds in waiting)])
    deleted = _delete(lake, f"lake.main.{SEALED_REQUESTS}", "received_time", copies_since - remembered())
    return f"{deleted:,} tokens forgotten"


def flush_inlined_rows(lake: Lake, now: datetime) -> str:
    """Move many or old rows of small inserts from PostgreSQL into files, one file per table."""
    old = now - timedelta(hours=settings.EVENTLANE_INLINED_HOURS)
    tables = sorted(tables_to_flush(settings.EVENTLANE_INLINED_ROWS, old))
    failures: dict[str, str] = {}

    def flush(*tables: str) -> list[int]:
        return [sum(commit(lake, lambda: [_flush(lake, table) for table in tables]))]

    try:
        (rows,) = flush(*tables)
    except duckdb.Error:
        (rows,), failures = _for_each(tables, flush, 1)
    return _result(f"{rows:,} rows moved into files", failures)


def _flush(lake: Lake, table: str) -> int:
    flush = f"ducklake_flush_inlined_data('lake', table_name => {quoted_text(table)})"
    return int(lake.value(f"SELECT sum(rows_flushed) FROM {flush}") or 0)


def merge_files(lake: Lake, now: datetime) -> str:
    """Merge small files into larger ones, leaving out damaged ones."""
    merged = created = 0
    failures: dict[str, str] = {}
    for below, target in MERGE_TIERS:
        lake.execute(f"SET ducklake_target_file_size = '{target}B'")
        (processed, made), failed = _at_once_or_each(lake, partial(_merge, lake, below), 2)
        merged, created, failures = merged + processed, created + made, failures | failed
    return _result(f"{merged:,} files merged into {created:,}", failures)


def _merge(lake: Lake, below: int, table: str = "") -> list[int]:
    """Merge files below a size; with a table, only that table's, around its damaged files."""
    sums = [0, 0]
    one = f", {quoted_text(table)}" if table else ""
    for start, end in _sizes_between_damaged(table, below) if table else [(0, below)]:
        merge = f"ducklake_merge_adjacent_files('lake'{one}, min_file_size => {start}, max_file_size => {end})"
        done = _retried(lake, f"SELECT sum(files_processed), sum(files_created) FROM {merge}")
        sums = [total + count for total, count in zip(sums, done, strict=True)]
    return sums


def _sizes_between_damaged(table: str, below: int) -> list[tuple[int, int]]:
    """Return size ranges that contain no damaged file: DuckLake can exclude files only by size."""
    damaged = {file.path for file in known_damage(table)}
    sizes = sorted({file.bytes for file in known_files(table) if file.path in damaged and file.bytes < below})
    starts, ends = [0, *(size + 1 for size in sizes)], [*sizes, below]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def rewrite_files(lake: Lake, now: datetime) -> str:
    """Rewrite files with many deleted rows."""

    def rewrite(table: str = "") -> list[int]:
        one = f", {quoted_text(table)}" if table else ""
        call = f"ducklake_rewrite_data_files('lake'{one}, delete_threshold => {REWRITE_ABOVE})"
        return _retried(lake, f"SELECT sum(files_processed) FROM {call}")

    (files,), failures = _at_once_or_each(lake, rewrite, 1)
    return _result(f"{files:,} files with deleted events rewritten", failures)


def reread_files(lake: Lake, now: datetime) -> str:
    """Give events that an earlier version sealed the columns that they would get today, the newest first.

    After the merge, as DuckLake gives the rows of merged files other row ids if one of them was updated: a follower
    that didn't look in between (see follow.py) would take them for new.
    """
    end = time.monotonic() + REREAD_SECONDS
    unwrapping = set(Dataset.objects.filter(unwrap_message=True).values_list("table_name", flat=True))

    def work(table: str) -> list[int]:
        unwraps = table in unwrapping
        done = [reread(lake, table, file, unwraps=unwraps) for file in old_files(lake, table) if time.monotonic() < end]
        return [sum(done), len(done)]

    (events, files), failures = _for_each(sorted(lake.event_tables()), work, 2)
    return _result(f"{events:,} events in {files:,} files read anew", failures)


def fill_columns(lake: Lake, now: datetime) -> str:
    """Give fields columns that are to be some, and fill these where files lack them.

    After the merge, not before: DuckLake gives the rows of merged files other row ids if one of them was filled, and a
    follower that didn't look in between (see follow.py) would take them for new.
    """
    datasets = {one.table_name: one for one in Dataset.objects.filter(table_name__in=lake.event_tables())}
    end = time.monotonic() + FILL_SECONDS

    def work(table: str) -> list[int]:
        added = filled = 0
        for field in wanted_fields(datasets[table]):
            add_column(lake, field)
            added += 1
        columns = promoted_fields([datasets[table]]).get(datasets[table].pk, [])
        for file in lacking_files(lake, table, columns) if columns else ():
            if time.monotonic() < end:
                fill(lake, table, columns, file)
                filled += 1
        return [added, filled]

    (added, files), failures = _for_each(sorted(datasets), work, 2)
    return _result(f"{added:,} columns added, {files:,} files filled", failures)


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


def mark_grams(lake: Lake, now: datetime) -> str:
    """Make gram files for files that were merged or are large, and remove those whose file is gone."""
    folder = lake_folder()
    if folder is None:
        return "0 gram files made; in a bucket there are none"
    removed = remove_left_over(folder, now)
    made, failures, end = 0, {}, time.monotonic() + GRAMS_SECONDS
    for file in files_without_grams(folder):
        if time.monotonic() > end:
            break
        try:
            make_grams(lake, folder, file)
            made += 1
        except (duckdb.Error, OSError, pa.ArrowException) as error:
            failures[file.path] = one_line(error, MAX_MESSAGE_LENGTH)
    return _result(f"{made:,} gram files made, {removed:,} removed", failures)


def set_aside_unknown_files(lake: Lake, now: datetime) -> str:
    """Set aside files that a killed sealer wrote and never committed, or that the catalog lost."""
    folder = lake_folder()
    return set_aside_leftovers(folder, now) if folder else "0 files set aside; not looked for in a bucket"


def remove_orphans(lake: Lake, now: datetime) -> str:
    """Delete what was set aside long ago."""
    folder = lake_folder()
    return remove_old_orphans(folder, now) if folder else "0 days removed"


def check_ledger(lake: Lake, now: datetime) -> str:
    """Count what became of the events of the last days, and forget hours that are too old for the ledger."""
    forget_old(lake, now)
    found = balance(lake, counted_datasets(), now - timedelta(days=settings.EVENTLANE_LEDGER_CHECK_DAYS))
    record(found.hours, now)
    events = sum(abs(hour.difference) for hour in found.wrong)
    unread = f"; not counted for damaged files: {', '.join(map(str, found.unread))}" if found.unread else ""
    return f"{events:,} events unaccounted for, hours: {hours_of(found.wrong):,}{unread}"


def remove_spilled_files(lake: Lake, now: datetime) -> str:
    """Remove files that a killed DuckDB wrote because it ran out of memory."""
    left = [folder for folder in spill_folder().glob("*-*") if not is_running(int(folder.name.partition("-")[0]))]
    for folder in left:
        shutil.rmtree(folder, ignore_errors=True)
    return f"{len(left):,} folders removed"


def _at_once_or_each(lake: Lake, work: Callable[..., list[int]], sums: int) -> tuple[list[int], dict[str, str]]:
    """Do the work for all tables in one commit; if that fails, or would due to damage, for each table separately."""
    if not known_damage():
        with suppress(duckdb.Error):
            return work(), {}
    return _for_each([*sorted(lake.event_tables()), "quarantine", *OF_ALL_READERS], work, sums)


def _for_each(tables: Iterable[str], work: Callable[[str], list[int]], sums: int) -> tuple[list[int], dict[str, str]]:
    """Do the work for each table; return the sums of its results, and the failures by table."""
    total, failures = [0] * sums, {}
    for table in tables:
        try:
            done = _around_damage(table, work)
        except duckdb.Error as error:
            failures[table] = one_line(error, MAX_MESSAGE_LENGTH)
        else:
            total = [count + more for count, more in zip(total, done, strict=True)]
    return total, failures


def _around_damage(table: str, work: Callable[[str], list[int]]) -> list[int]:
    """Do the work for a table, again for each damaged file that it encounters: once known, it may be left out."""
    while True:
        known = {file.path for file in known_damage(table, *OF_ALL_READERS)}
        try:
            return work(table)
        except duckdb.Error as error:
            if not find_damage([table], known, error):
                raise


def _result(done: str, failures: dict[str, str]) -> str:
    """Return what was done, or raise Incomplete with what was done and what wasn't."""
    if failures:
        raise Incomplete(f"{done}; not for " + "; nor for ".join(f"{name}: {why}" for name, why in failures.items()))
    return done


def _retried(lake: Lake, sql: str) -> list[int]:
    """Run a statement that changes the lake, with retries; return its row of sums."""
    rows = commit(lake, lambda: lake.execute(sql))
    return [int(value or 0) for value in rows[0]]


def _delete(
    lake: Lake, table: str, column: str, end: datetime, condition: str = "true", dataset_id: str | None = None
) -> int:
    """Delete the rows before `end` that meet the condition. If there are none, there is no commit and no snapshot.

    With `dataset_id`, which is SQL, they are events; the ledger then has them as expired.
    """
    old, parameters = f"FROM {table} WHERE {column} < make_timestamptz(?) AND {condition}", [to_microseconds(end)]
    count: int = lake.value(f"SELECT count(*) {old}", parameters)

    def delete() -> None:
        if dataset_id is not None:
            enter_rows(lake, EXPIRED, dataset_id, old, parameters)
        lake.execute(f"DELETE {old}", parameters)

    if count:
        commit(lake, delete)
    return count


def _outside_damaged(lake: Lake, table: str) -> str:
    """Return a condition that keeps DuckLake from opening the table's damaged files."""
    names = [file.path.rpartition("/")[2] for file in known_damage(table)]
    if not names:
        return "true"
    catalog = f"__ducklake_metadata_lake.{quoted_name(settings.EVENTLANE_LAKE_SCHEMA)}"
    spans = lake.execute(
        f"SELECT min_value, max_value FROM {catalog}.ducklake_data_file JOIN {catalog}.ducklake_file_column_stats s"
        f" USING (data_file_id) JOIN {catalog}.ducklake_column c"
        " ON c.table_id = s.table_id AND c.column_id = s.column_id"
        " WHERE column_name = 'received_time' AND path IN (SELECT unnest(?::VARCHAR[]))",
        [names],
    )
    outside = "(received_time < {}::TIMESTAMPTZ OR received_time > {}::TIMESTAMPTZ)"
    return " AND ".join(outside.format(quoted_text(first), quoted_text(last)) for first, last in spans)


def _timestamp(time: datetime) -> str:
    return f"{quoted_text(time.isoformat())}::TIMESTAMPTZ"
