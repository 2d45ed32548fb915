"""The lake's files, according to the catalog and to the folder, and what to do if the two differ.

    EVENTLANE_LAKE_PATH/
        installation                        the mark
        main/<table>/ducklake-<uuid>.parquet
        orphans/<date>/main/<table>/…       set aside as unknown to the catalog; `.adopted` ones were put back

A file is written before the commit that makes it known. The folder is therefore listed before the catalog is queried,
and only files of a certain age count as leftovers.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
from django.conf import settings
from django.db import connection, transaction

from eventlane.installation import LAKE_FILES
from eventlane.one_line import one_line
from events.models import DamagedFile

ORPHANS = "orphans"
ADOPTED = ".adopted"
WRITING_MARGIN = timedelta(hours=1)  # a newer file may belong to a transaction that isn't committed yet
PLACE = "CASE WHEN f.path_is_relative THEN s.path || t.path ELSE '' END || f.path"
FILES = f"""
    SELECT {PLACE}, '{{kind}}', f.{{kind}}_file_id, f.table_id, t.table_name, f.{{rows}}, f.file_size_bytes,
        f.end_snapshot IS NULL
    FROM {{schema}}.ducklake_{{kind}}_file f
    JOIN (SELECT DISTINCT ON (table_id) * FROM {{schema}}.ducklake_table ORDER BY table_id, begin_snapshot DESC) t
        USING (table_id)
    JOIN {{schema}}.ducklake_schema s USING (schema_id)"""
SCHEDULED = "SELECT path FROM {schema}.ducklake_files_scheduled_for_deletion"
OF_DATA_FILES = """
    SELECT c.table_name FROM information_schema.columns c
    WHERE c.table_schema = %s AND c.column_name = 'data_file_id'
        AND c.table_name NOT IN ('ducklake_data_file', 'ducklake_files_scheduled_for_deletion')"""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file known to the catalog: with events, or with deletions from a file of events."""

    path: str  # relative to the lake's folder
    kind: str  # data or delete
    file_id: int
    table_id: int
    table_name: str
    rows: int
    bytes: int
    in_use: bool  # otherwise it was replaced and is to be removed


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file in the lake's folder."""

    path: str  # relative to the lake's folder
    bytes: int
    modified_time: datetime

    @property
    def written_time(self) -> datetime:
        """When DuckLake created it, from its name. Unlike the file's own time, copying doesn't change it."""
        try:
            milliseconds = UUID(self.path.rpartition("ducklake-")[2][:36]).int >> 80
            return datetime.fromtimestamp(milliseconds / 1000, UTC)
        except (ValueError, OverflowError, OSError):
            return self.modified_time


@dataclass(frozen=True, slots=True)
class Fault:
    """A difference between catalog and folder."""

    state: str  # missing, damaged, unknown; or new: unknown, but possibly about to be committed
    path: str
    table_name: str
    rows: int | None
    reason: str


def known_files(*tables: str) -> list[KnownFile]:
    """Return all data and deletion files in the catalog, or only those of these tables, each kind oldest first."""
    where = " WHERE t.table_name = ANY(%s)" if tables else ""
    query = f"{FILES}{where} ORDER BY {{kind}}_file_id"
    return [
        KnownFile(*row)
        for kind, rows in (("data", "record_count"), ("delete", "delete_count"))
        for row in _rows(query, [list(tables)] if tables else [], kind=kind, rows=rows)
    ]


def unknown_files(folder: Path) -> list[FoundFile]:
    """Return the files in the lake's folder that the catalog doesn't know, oldest first."""
    found = list(_found_files(folder))
    known = {file.path for file in known_files()} | {path for (path,) in _rows(SCHEDULED)}
    known |= {path.removeprefix(f"{folder}/") for path in known}  # paths may be absolute
    return sorted((file for file in found if file.path not in known), key=lambda file: file.written_time)


def set_aside_files(folder: Path) -> list[FoundFile]:
    """Return the files that were set aside and not put back."""
    return sorted(_found_in(folder, folder / ORPHANS), key=lambda file: file.path)


def verify(folder: Path, *, footers: bool = True) -> Iterator[Fault]:
    """Compare catalog and folder in both directions. Without `footers`, no file is opened."""
    unknown = unknown_files(folder)
    faults = [fault for file in known_files() if file.in_use and (fault := find_fault(folder, file, footers=footers))]
    still_used = {file.path for file in known_files() if file.in_use} if faults else set()
    yield from (fault for fault in faults if fault.path in still_used)  # except files that were replaced meanwhile
    for file in unknown:
        state = "unknown" if is_settled(file) else "new"
        yield Fault(state, file.path, table_of(file.path), None, f"{file.bytes:,} bytes")


def find_fault(folder: Path, file: KnownFile, *, footers: bool = True) -> Fault | None:
    """Return what is wrong with a file of the catalog. Without `footers`, it isn't opened."""
    import pyarrow.parquet as pq  # imported here: most commands read no footers

    state, reason = "damaged", ""
    try:
        size = (folder / file.path).stat().st_size
        if size != file.bytes:
            reason = f"{size:,} bytes instead of {file.bytes:,}"
        elif footers and (rows := pq.read_metadata(folder / file.path).num_rows) != file.rows:
            reason = f"{rows:,} rows instead of {file.rows:,}"
    except (FileNotFoundError, NotADirectoryError):
        state, reason = "missing", "not in the folder"
    except (OSError, pa.ArrowException) as error:
        reason = one_line(error)
    return Fault(state, file.path, file.table_name, file.rows, reason) if reason else None


def is_settled(file: FoundFile) -> bool:
    """Return whether a file is so old that no running transaction can be about to commit it."""
    return file.written_time < datetime.now(UTC) - WRITING_MARGIN


def table_of(path: str) -> str:
    """Return the name of a file's table, from its folder."""
    return path.rpartition("/")[0].rpartition("/")[2]


def set_aside(folder: Path, path: str, suffix: str = "") -> None:
    """Move a file out of the tables' folders, or give the suffix to one that is already out."""
    aside = Path(path) if path.startswith(f"{ORPHANS}/") else Path(ORPHANS, f"{datetime.now(UTC):%Y-%m-%d}", path)
    target = folder / f"{aside}{suffix}"
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileNotFoundError):  # another node's maintenance was faster
        (folder / path).rename(target)


def forget(file: KnownFile) -> None:
    """Remove a file from the catalog: its content is given up. Reads of its table no longer look for it."""
    schema = connection.ops.quote_name(settings.EVENTLANE_LAKE_SCHEMA)
    with transaction.atomic(), connection.cursor() as cursor:
        DamagedFile.objects.filter(path=file.path).delete()
        if file.kind == "data":
            _forget_details(file)
            cursor.execute(
                f"UPDATE {schema}.ducklake_table_stats SET record_count = greatest(0, record_count - %s),"
                " file_size_bytes = greatest(0, file_size_bytes - %s) WHERE table_id = %s",
                [file.rows, file.bytes, file.table_id],
            )
        cursor.execute(f"DELETE FROM {schema}.ducklake_{file.kind}_file WHERE {file.kind}_file_id = %s", [file.file_id])


def _forget_details(file: KnownFile) -> None:
    """Delete what the catalog keeps about a data file: statistics, and deletions from it."""
    schema = settings.EVENTLANE_LAKE_SCHEMA
    deletions = f"ducklake_inlined_delete_{file.table_id}"
    with connection.cursor() as cursor:
        cursor.execute(OF_DATA_FILES, [schema])
        details = [(name, "data_file_id") for (name,) in cursor.fetchall()]
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{connection.ops.quote_name(schema)}.{deletions}"])
        details += [(deletions, "file_id")] if cursor.fetchone() == (True,) else []
        for name, column in details:
            table = f"{connection.ops.quote_name(schema)}.{connection.ops.quote_name(name)}"
            cursor.execute(f"DELETE FROM {table} WHERE {column} = %s", [file.file_id])


def _found_files(folder: Path) -> Iterator[FoundFile]:
    """Yield the Parquet files of tables."""
    for part in folder.iterdir() if folder.is_dir() else ():
        if part.is_dir() and part.name != ORPHANS:
            yield from _found_in(folder, part)


def _found_in(folder: Path, part: Path) -> Iterator[FoundFile]:
    for path in part.rglob(LAKE_FILES):
        with suppress(FileNotFoundError):  # removed since the listing
            state = path.stat()
            time = datetime.fromtimestamp(state.st_mtime, UTC)
            yield FoundFile(str(path.relative_to(folder)), state.st_size, time)


def _rows(query: str, parameters: Sequence[Any] = (), **names: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query on the catalog; none if there is no catalog yet."""
    schema = connection.ops.quote_name(settings.EVENTLANE_LAKE_SCHEMA)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{schema}.ducklake_data_file"])
        if cursor.fetchone() != (True,):
            return []
        cursor.execute(query.format(schema=schema, **names), parameters)
        return cursor.fetchall()
