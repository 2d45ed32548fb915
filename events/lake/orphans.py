"""Files that the catalog doesn't know: set aside for a while, or put back into their tables.

A killed sealer leaves some. But they may also be events that only this catalog has lost: because it was restored from
an older dump, or lost a row. Nothing is therefore deleted at once, and if there are many or large ones, none is
touched.
"""

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
from django.conf import settings
from django.db import connection

from eventlane.installation import JOURNAL_FILES
from eventlane.times import UNIX_EPOCH, to_microseconds
from events.journal.reader import creation_time
from events.lake.columns import (
    ADDED_COLUMNS,
    EVENT_COLUMNS,
    KEY,
    QUARANTINE_COLUMNS,
    SEALED_FILE_COLUMNS,
    SEALED_REQUEST_COLUMNS,
)
from events.lake.connection import Lake, commit, event_table_name, quoted_text
from events.lake.files import ADOPTED, ORPHANS, FoundFile, set_aside, table_of, unknown_files
from events.lake.pieces import PIECES
from events.models import Dataset

MIB = 1024 * 1024
UNCOMMITTED_MARGIN = timedelta(days=1)  # no transaction takes this long from its first file to its commit
COMMIT_MARGIN = timedelta(minutes=10)  # unless something hangs, a file is committed within this time
SEARCHED_FILES = 20
ADOPTION_LOCK = 0x61646F7074  # "adopt": two at once would both find an event missing and add it
DELETIONS = "-delete.parquet"
KEYS = {
    "sealed_files": ("name", SEALED_FILE_COLUMNS),
    "sealed_requests": ("id", SEALED_REQUEST_COLUMNS),
    "quarantine": ("id", QUARANTINE_COLUMNS),
}


class NotAdopted(Exception):
    """The file can't be put back; the message says why."""


@dataclass(frozen=True, slots=True)
class Adopted:
    """The contents of a file: rows added to their table, and rows that were already there."""

    added: int
    present: int


def leftovers(folder: Path, now: datetime) -> list[FoundFile]:
    """Return the unknown files that no transaction can still be about to commit."""
    end = now - UNCOMMITTED_MARGIN
    return [file for file in unknown_files(folder) if max(file.written_time, file.modified_time) < end]


def are_too_many(files: list[FoundFile]) -> bool:
    """Return whether the unknown files are so many or so large that the catalog itself may be wrong."""
    total = sum(file.bytes for file in files)
    return len(files) > settings.EVENTLANE_ORPHAN_MAX_FILES or total > settings.EVENTLANE_ORPHAN_MAX_MB * MIB


def lost_rows(lake: Lake, folder: Path, now: datetime) -> dict[str, int]:
    """Return by path the unknown files with rows that their table lacks, and how many: files that the catalog lost.

    A killed sealer leaves files as well, but their events get into the table with another file. While older journal
    files are waiting, that may still happen. Only the newest SEARCHED_FILES are examined; events past their retention
    aren't lost.
    """
    waiting = (_creation_time(path) for path in settings.EVENTLANE_JOURNAL.glob(JOURNAL_FILES))
    end = datetime.fromtimestamp(min([(now - COMMIT_MARGIN).timestamp(), *waiting]), UTC)
    days = dict(Dataset.objects.values_list("table_name", "retention_days"))
    found = [file for file in unknown_files(folder) if file.written_time < end and table_of(file.path) in days]
    lost = {}
    for file in found[-SEARCHED_FILES:]:
        name = table_of(file.path)
        kept_days = days[name]
        kept_since = now - timedelta(days=kept_days) if kept_days is not None else UNIX_EPOCH
        if rows := _rows_lacking(lake, name, folder / file.path, kept_since):
            lost[file.path] = rows
    return lost


def _rows_lacking(lake: Lake, name: str, file: Path, kept_since: datetime) -> int:
    source = f"read_parquet({quoted_text(str(file))})"
    kept = "received_time >= make_timestamptz(?)"
    microseconds = to_microseconds(kept_since)
    try:
        first, last = lake.execute(f"SELECT min(id), max(id) FROM {source}")[0]
        there = f"AND id NOT IN (SELECT id FROM {event_table_name(name)} WHERE id BETWEEN ? AND ?)"
        if not lake.has_table(name):
            return int(lake.value(f"SELECT count(*) FROM {source} WHERE {kept}", [microseconds]))
        return int(lake.value(f"SELECT count(*) FROM {source} WHERE {kept} {there}", [microseconds, first, last]))
    except (duckdb.InvalidInputException, duckdb.IOException, duckdb.BinderException):
        return 0  # a file of deletions, or half written


def set_aside_leftovers(folder: Path, now: datetime) -> str:
    """Set aside unknown files, unless they are too many or too large; return what was done."""
    files = leftovers(folder, now)
    if are_too_many(files):
        total = sum(file.bytes for file in files) / MIB
        return f"{len(files):,} files ({total:,.1f} MiB) left alone: so many are unknown that the catalog may be wrong"
    for file in files:
        set_aside(folder, file.path)
    return f"{len(files):,} files set aside"


def remove_old_orphans(folder: Path, now: datetime) -> str:
    """Delete what was set aside more than EVENTLANE_ORPHAN_DAYS ago."""
    end = (now - timedelta(days=settings.EVENTLANE_ORPHAN_DAYS)).date()
    old = [day for day in (folder / ORPHANS).glob("????-??-??") if _date(day.name) < end]
    for day in old:
        shutil.rmtree(day, ignore_errors=True)
    return f"{len(old):,} days removed"


def adopt(lake: Lake, folder: Path, file: FoundFile) -> Adopted:
    """Insert those rows of a file that are missing in the table that its folder names; then set the file aside.

    If it is killed, it can be repeated: rows already added are found. Raises NotAdopted.
    """
    name = table_of(file.path)
    if file.path.endswith(DELETIONS):
        raise NotAdopted("it contains no events, only deletions from a file that the catalog doesn't know")
    _refuse_unsealed(file)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [ADOPTION_LOCK])
        try:
            adopted = _insert_missing(lake, name, folder / file.path)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADOPTION_LOCK])
    set_aside(folder, file.path, ADOPTED)
    return adopted


def _insert_missing(lake: Lake, name: str, file: Path) -> Adopted:
    key, columns = KEYS.get(name, ("id", [*EVENT_COLUMNS, *PIECES, *KEY]))
    source = f"read_parquet({quoted_text(str(file))})"
    there = {row[0] for row in lake.execute(f"DESCRIBE FROM {source}")}
    if lacking := set(columns) - there - set(ADDED_COLUMNS):
        raise NotAdopted(f"it has no columns {', '.join(sorted(lacking))}: it isn't a file of {name}")
    _find_table(lake, name)
    first, last, rows = lake.execute(f"SELECT min({key}), max({key}), count(*) FROM {source}")[0]
    table, names = event_table_name(name), ", ".join(column for column in columns if column in there)
    insert = (
        f"INSERT INTO {table} ({names}) SELECT {names} FROM {source}"
        f" WHERE {key} NOT IN (SELECT {key} FROM {table} WHERE {key} BETWEEN ? AND ?)"
    )
    added = commit(lake, lambda: lake.value(insert, [first, last])) if rows else 0
    return Adopted(added, rows - added)


def _find_table(lake: Lake, name: str) -> None:
    """Make sure that the table exists. Without a dataset, no table is created: maintenance would drop it."""
    if name not in KEYS:
        if not Dataset.objects.filter(table_name=name).exists():
            raise NotAdopted(f"there is no dataset whose table is {name}: it was deleted, or made after the dump")
        lake.create_event_table(name)


def _refuse_unsealed(file: FoundFile) -> None:
    """Refuse while older journal files are waiting: they may have the same events and would add them again."""
    written = file.written_time.timestamp()
    older = [path for path in settings.EVENTLANE_JOURNAL.glob(JOURNAL_FILES) if _creation_time(path) < written]
    if older:
        raise NotAdopted(
            f"{len(older)} older journal files are not sealed yet and may hold the same events; `manage.py seal` first"
        )


def _creation_time(path: Path) -> float:
    try:
        return creation_time(path.stem)
    except ValueError:
        return float("inf")  # not the name of a journal file


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return date.max  # not ours
