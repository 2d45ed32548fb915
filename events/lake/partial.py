"""Read around damaged files: show what can be read, and name what can't.

DuckLake opens every file that a query may need, fails at the first that it can't read, and can't leave one out. Such a
query is therefore repeated on a copy of the catalog without the damaged files: a DuckDB file, created again for each
newer snapshot. Everything that DuckLake does with a catalog (bounds, deletions, inlined rows) remains DuckLake's work.

A query without damage never gets here.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import duckdb
from django.conf import settings
from django.db import connection

from events.lake import promoted
from events.lake.columns import SEALED_FILE_COLUMNS, TABLE_COLUMNS
from events.lake.connection import Lake, quoted_name, quoted_text, spill_folder
from events.lake.damage import OF_ALL_READERS, find_damage
from events.lake.damaged_files import file_state
from events.lake.data_path import data_path_options
from events.models import DamagedFile
from projects.installation import lake_folder

T = TypeVar("T")

INLINED_ROWS = re.compile(r"ducklake_inlined_(?:data|delete)_([0-9]+)")  # with the table's id
# Only the rows of the reader's own tables are copied from these: they grow with the number of files in the lake.
OF_TABLES = {"ducklake_data_file", "ducklake_delete_file", "ducklake_file_column_stats", "ducklake_inlined_data_tables"}
CATALOG_TABLES = """
    SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns
    WHERE table_schema = %s GROUP BY table_name"""
NATIVE_TYPES = TABLE_COLUMNS | SEALED_FILE_COLUMNS | {promoted.APART: "VARCHAR"}


def read_around(lake: Lake, tables: Sequence[str], work: Callable[[Lake], T]) -> tuple[T, list[DamagedFile]]:
    """Return what `work` reads from datasets' tables, and the damaged files that it had to do without."""
    with TolerantLake(tables, lent=lake) as tolerant:
        return tolerant.read(work), tolerant.left_out


class TolerantLake:
    """The lake for a reader of some tables, without the files that prove to be damaged, which are in `left_out`."""

    def __init__(self, tables: Sequence[str], *, lent: Lake | None = None) -> None:
        """Start with a lake that is `lent`, which isn't closed here, or with a new one."""
        self.left_out: list[DamagedFile] = []
        self.lake = lent or Lake(read_only=True)
        self._tables = tables
        self._lent = lent

    def __enter__(self) -> "TolerantLake":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def read(self, work: Callable[[Lake], T]) -> T:
        """Return what `work` makes of the lake. Calls it again if it fails because of a damaged file."""
        while True:
            try:
                return work(self.lake)
            except duckdb.Error as error:
                self.leave_out(error)

    def leave_out(self, error: duckdb.Error) -> None:
        """Continue without the files that caused `error`; raise it if there are none."""
        found = find_damage(self._tables, [file.path for file in self.left_out], error)
        if not found:
            raise error
        self.left_out = [*self.left_out, *found]
        partial = PartialLake(self._tables, self.left_out, like=self.lake)
        self.close()
        self.lake = partial

    def close(self) -> None:
        """Close the lake unless it is lent."""
        if self.lake is not self._lent:
            self.lake.close()


class PartialLake(Lake):
    """The lake for a reader of some datasets' tables, without damaged files. Each is left out until it changes."""

    def __init__(self, tables: Sequence[str], left_out: Sequence[DamagedFile], like: Lake) -> None:
        """Open it with the same threads and memory as `like`, and in a process of its own if that is in one."""
        super().__init__(read_only=True, threads=like.threads, memory_mb=like.memory_mb, connect=like.connect)
        self._tables = [*tables, *OF_ALL_READERS]
        self._left_out = list(left_out)
        self._copied_snapshot: int | None = None
        self._folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-catalog-", dir=spill_folder()))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Use the newest snapshot, as in any lake. If it is a new one, temporary tables are lost."""
        self._refresh()
        with super().transaction():
            yield

    def close(self) -> None:
        """Close the connections and remove the copy."""
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _refresh(self) -> None:
        folder, newest = lake_folder(), _newest_snapshot()
        damaged = [file for file in self._left_out if folder and file_state(folder / file.path) == file.state]
        if newest != self._copied_snapshot or damaged != self._left_out:
            self._left_out = damaged
            self._duckdb.close()  # it is locked
            self._open(self._attach_copy)
            self._copied_snapshot = newest

    def _attach_copy(self) -> None:
        """Attach a copy of the catalog in place of the catalog, or of an older copy."""
        file = self._folder / "catalog.duckdb"
        file.unlink(missing_ok=True)
        schema = quoted_text(settings.EVENTLANE_LAKE_SCHEMA)
        options = self._create_secret()
        self.execute(f"ATTACH {quoted_text(str(file))} AS copy")
        secret = "SECRET catalog_password"
        self.execute(f"ATTACH {quoted_text(options)} AS catalog (TYPE postgres, READ_ONLY, SCHEMA {schema}, {secret})")
        with super().transaction():  # one snapshot of PostgreSQL
            self._copy_catalog()
        for name in ("catalog", "copy"):
            self.execute(f"DETACH {name}")
        place = data_path_options(writes=False)
        self.execute(f"ATTACH {quoted_text(f'ducklake:{file}')} AS lake (METADATA_SCHEMA {schema}, READ_ONLY, {place})")

    def _copy_catalog(self) -> None:
        """Copy the catalog's tables, then remove the damaged files."""
        schema = quoted_name(settings.EVENTLANE_LAKE_SCHEMA)
        marks = ", ".join("?" * len(self._tables))
        found = self.execute(
            f"SELECT DISTINCT table_id FROM catalog.{schema}.ducklake_table WHERE table_name IN ({marks})", self._tables
        )
        ids = [table_id for (table_id,) in found]
        self.execute(f"CREATE SCHEMA copy.{schema}")
        for table, columns in _catalog_tables().items():
            inlined = INLINED_ROWS.match(table)
            if inlined and int(inlined[1]) not in ids:
                continue
            selected = ", ".join(map(_native, columns) if inlined else map(quoted_name, columns))
            where = f"WHERE table_id IN ({', '.join(map(str, ids))})" if table in OF_TABLES else ""
            name = f"{schema}.{quoted_name(table)}"
            self.execute(f"CREATE TABLE copy.{name} AS SELECT {selected} FROM catalog.{name} {where}")
        self._take_out(f"copy.{schema}")

    def _take_out(self, schema: str) -> None:
        """Delete the damaged files. With deletions, delete their data file, too, or deleted events would return."""
        names = [file.path.rpartition("/")[2] for file in self._left_out]
        named = "parse_filename(path) IN (SELECT unnest(?::VARCHAR[]))"
        self.execute(
            f"DELETE FROM {schema}.ducklake_data_file WHERE {named}"
            f" OR data_file_id IN (SELECT data_file_id FROM {schema}.ducklake_delete_file WHERE {named})",
            [names, names],
        )


def _newest_snapshot() -> int:
    with connection.cursor() as cursor:
        schema = connection.ops.quote_name(settings.EVENTLANE_LAKE_SCHEMA)
        cursor.execute(f"SELECT max(snapshot_id) FROM {schema}.ducklake_snapshot")
        newest: int = (cursor.fetchone() or (0,))[0]
    return newest


def _catalog_tables() -> dict[str, list[str]]:
    """Return the catalog's tables with their columns."""
    with connection.cursor() as cursor:
        cursor.execute(CATALOG_TABLES, [settings.EVENTLANE_LAKE_SCHEMA])
        return dict(cursor.fetchall())


def _native(column: str) -> str:
    """Convert a column of inlined rows to DuckDB's type: PostgreSQL stores text as bytes, and times as text."""
    name = quoted_name(column)
    kind = NATIVE_TYPES.get(column) or promoted.TYPES.get(column.partition("_")[0])
    return {"VARCHAR": f"decode({name}) AS {name}", "TIMESTAMPTZ": f"{name}::TIMESTAMPTZ AS {name}"}.get(
        kind or "", name
    )
