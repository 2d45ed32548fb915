"""A DuckDB with the lake attached: the catalog in our PostgreSQL, Parquet files under EVENTLANE_LAKE_PATH."""

import importlib
import itertools
import os
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import duckdb
from django.conf import settings
from django.db import connection as django_connection
from psycopg.conninfo import make_conninfo

from events.lake import columns, conditions, promoted
from events.lake.columns import (
    ADDED_COLUMNS,
    LEDGER_COLUMNS,
    QUARANTINE_COLUMNS,
    SEALED_FILE_COLUMNS,
    SEALED_REQUEST_COLUMNS,
    TABLE_COLUMNS,
)
from events.lake.data_path import data_path_options, has_catalog
from events.lake.duckdbs import DuckDB, OwnDuckDB, Result
from projects.installation import lake_folder

EXTENSIONS = {"ducklake": "duckdb_extension_ducklake", "postgres_scanner": "duckdb_extension_postgres_scanner"}
# They change between statements, and DuckDB and DuckLake can't be told otherwise.
CHANGING = (
    "threads",
    "ducklake_default_data_inlining_row_limit",
    "ducklake_max_retry_count",
    "ducklake_target_file_size",
)
# Wheels are trusted like this program itself: to check their signatures, DuckDB hashes 75 MB at each start, in 0.3 s.
_WITHOUT_SIGNATURES = {
    "allow_unsigned_extensions": True,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
# Of a row group, all is read or nothing. Smaller ones let a search for a rare text read less, and merging files and
# aggregations take as long as with DuckDB's 122,880 rows; with still smaller ones, footers and gram files grow.
# zstd's level 2 takes two thirds of the time of its usual level 3, and compresses ids better. Version 2 of the format
# knows encodings that make files smaller and single rows quicker to find; see docs/performance.md.
PARQUET_OPTIONS = {
    "parquet_compression": "zstd",
    "parquet_compression_level": "2",
    "parquet_row_group_size": "20480",
    "parquet_version": "2",
}
NOT_LIBPQ = {"pool", "prepare_threshold", "cursor_factory", "context", "client_encoding", "server_side_binding"}
INLINED_ROWS = 100
UNREAD_TIMES = "unread_times"  # counts rows while they are inserted, which no statement could do at the same time
ATTACH_ATTEMPTS = 5
COMMIT_ATTEMPTS = 30

T = TypeVar("T")
_instances = itertools.count()


class DataFile(NamedTuple):
    """A Parquet file of a table, and the bounds of a column in it as text, by which DuckLake skips files."""

    id: int
    rows: int
    bytes: int
    least: str | None  # both are None if DuckLake doesn't know them
    greatest: str | None


class LakeMissing(Exception):
    """Nothing was ever sealed: there is no catalog."""


class Lake:
    """A DuckDB instance with the lake attached, for a single thread.

    Each transaction sees one snapshot: the newest at its first access to the lake. Its SQL can reach no files except
    the lake's and its own temporary ones, and can change no setting to get around this. What the extension for
    PostgreSQL can reach stays reachable: DuckDB can't restrict it.
    """

    def __init__(
        self,
        *,
        read_only: bool = False,
        threads: int | None = None,
        memory_mb: int | None = None,
        connect: Callable[[Mapping[str, Any]], DuckDB] = OwnDuckDB,
    ) -> None:
        """Open the lake. A writer creates a missing catalog; without one, a reader isn't `attached`.

        `connect` makes the DuckDB with the settings that it is given.
        """
        self.attached = False
        self.connect = connect
        self._has_sealed_files = False
        self._remembered_snapshot = -1
        self._remembered: dict[tuple[str, ...], Any] = {}
        self.threads = threads or settings.EVENTLANE_DUCKDB_THREADS
        self.memory_mb = memory_mb or settings.EVENTLANE_DUCKDB_MEMORY_MB
        self._open(self._attach_old if read_only else self._attach_new_or_old)
        if not read_only:
            self._create_tables()

    def __enter__(self) -> "Lake":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def execute(self, sql: str, parameters: Sequence[Any] = (), **tables: Any) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows. `tables` are Arrow tables that it can read by these names."""
        return self._duckdb.rows(sql, parameters, tables)

    def value(self, sql: str, parameters: Sequence[Any] = (), **tables: Any) -> Any:
        """Run a statement and return the first column of its first row, or None without rows."""
        rows = self.execute(sql, parameters, **tables)
        return rows[0][0] if rows else None

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Result:
        """Start a statement. DuckDB executes and commits it only while rows are fetched."""
        return self._duckdb.start(sql, parameters)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit the block's changes, or undo them if it raises."""
        self.execute("BEGIN")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def interrupt(self) -> None:
        """Make the running statement raise duckdb.InterruptException. Any thread may call this."""
        self._duckdb.interrupt()

    def is_running(self) -> bool:
        """Return whether its DuckDB's process is still there."""
        return self._duckdb.is_running()

    def remember(self, what: tuple[str, ...], read: Callable[[], T]) -> T:
        """Return what `read` reads of the catalog, which it does once a snapshot. For readers, in a transaction."""
        if (snapshot := self.newest_snapshot()) != self._remembered_snapshot:
            self._remembered_snapshot, self._remembered = snapshot, {}
        if what not in self._remembered:
            self._remembered[what] = read()
        found: T = self._remembered[what]
        return found

    def has_table(self, name: str) -> bool:
        """Return whether the lake has the table in this transaction's snapshot."""
        return bool(self.tables_among([name]))

    def tables_among(self, names: Collection[str]) -> set[str]:
        """Return which of these tables the lake has in this transaction's snapshot."""
        marks = ", ".join("?" * len(names))
        where = f"{self._seen('t')} AND table_name IN ({marks})"
        rows = self.execute(f"SELECT table_name FROM {catalog_schema()}.ducklake_table t WHERE {where}", list(names))
        return {name for (name,) in rows}

    def data_files(self, names: Collection[str], column: str) -> list[DataFile]:
        """Return the files of these tables, with the least and greatest value of a column in each."""
        catalog, marks = catalog_schema(), ", ".join("?" * len(names))
        rows = self.execute(
            "SELECT file.data_file_id, record_count, file_size_bytes, min_value, max_value"
            f" FROM {catalog}.ducklake_data_file AS file"
            f" JOIN {catalog}.ducklake_table AS t ON t.table_id = file.table_id AND t.end_snapshot IS NULL"
            f" AND t.table_name IN ({marks})"
            f" LEFT JOIN {catalog}.ducklake_column AS c"
            " ON c.table_id = file.table_id AND c.end_snapshot IS NULL AND c.column_name = ?"
            f" LEFT JOIN {catalog}.ducklake_file_column_stats AS s"
            " ON s.data_file_id = file.data_file_id AND s.column_id = c.column_id"
            " WHERE file.end_snapshot IS NULL",
            [*names, column],
        )
        return [DataFile(*row) for row in rows]

    def event_tables(self) -> set[str]:
        """Return the names of all datasets' tables in this transaction's snapshot."""
        found = f"SELECT table_name FROM {catalog_schema()}.ducklake_table t WHERE {self._seen('t')}"
        return {name for (name,) in self.execute(found) if name.startswith("events_")}

    def lacking_tables(self) -> dict[str, set[str]]:
        """Return by name the datasets' tables that lack columns: those of an earlier version."""
        return self._lacking("starts_with(table_name, 'events_')", ADDED_COLUMNS)

    def _lacking(self, which: str, columns: Collection[str]) -> dict[str, set[str]]:
        """Return by name the tables, those of which `which` is true, that lack some of these columns."""
        catalog, marks = catalog_schema(), ", ".join("?" * len(columns))
        rows = self.execute(
            f"SELECT table_name, list(column_name) FROM {catalog}.ducklake_table AS t"
            f" LEFT JOIN {catalog}.ducklake_column AS c ON c.table_id = t.table_id AND {self._seen('c')}"
            f" AND c.column_name IN ({marks})"
            f" WHERE {self._seen('t')} AND {which} GROUP BY table_name"
            " HAVING count(column_name) < ?",
            [*columns, len(columns)],
        )
        return {name: set(columns).difference(found) for name, found in rows}

    def _seen(self, rows: str) -> str:
        """Return that these rows of the catalog belong to this transaction's snapshot.

        It is asked for first: the catalog is read over a connection of its own, which may already see later commits.
        """
        snapshot = self.newest_snapshot()
        return f"{rows}.begin_snapshot <= {snapshot} AND coalesce({rows}.end_snapshot > {snapshot}, true)"

    def has_sealed_files(self) -> bool:
        """Return whether anything can be sealed yet: a lake's first writer creates the catalog before its tables."""
        if not self._has_sealed_files:
            self._has_sealed_files = self.attached and self.has_table("sealed_files")
        return self._has_sealed_files

    def newest_snapshot(self) -> int:
        """Return the number of the newest snapshot, or of the transaction's. Every commit creates one."""
        return int(self.value("SELECT id FROM ducklake_current_snapshot('lake')"))

    def next_row_id(self, name: str) -> int:
        """Return the row id of the table's next row, or 0 without the table."""
        row_id = self.value(
            f"SELECT next_row_id FROM {catalog_schema()}.ducklake_table_stats"
            f" JOIN {catalog_schema()}.ducklake_table USING (table_id) WHERE table_name = ? AND end_snapshot IS NULL",
            [name],
        )
        return row_id or 0

    def inline(self, rows: int) -> None:
        """Keep inserts of up to this many rows in PostgreSQL instead of files, until maintenance flushes them."""
        self.execute(f"SET ducklake_default_data_inlining_row_limit = {rows}")

    def create_event_table(self, name: str) -> None:
        """Create a dataset's table unless it exists."""
        self.execute(f"CREATE TABLE IF NOT EXISTS {event_table_name(name)} ({table_definition(TABLE_COLUMNS)})")

    def attach_if_there(self) -> None:
        """Attach for reading if anything was sealed since this was opened. Temporary tables are lost then."""
        if has_catalog():  # only a new instance can attach: this one is locked
            self._duckdb.close()
            self._open(self._attach_old)

    def close(self) -> None:
        """Close the connections and release the memory.

        Detaches first: an instance that saw a failed COMMIT would stay in memory with its connections.
        """
        self._roll_back()
        try:
            if self.attached:
                self.execute("DETACH lake")
        except duckdb.Error:
            pass  # it may be closed because it is broken
        self._duckdb.close()

    def _open(self, attach: Callable[[], None]) -> None:
        spill_folder().mkdir(mode=0o700, parents=True, exist_ok=True)  # DuckDB creates only the last folder of the path
        self._remembered_snapshot, self._remembered = -1, {}
        self._duckdb = self.connect(_duckdb_settings(self.threads, self.memory_mb))
        try:
            self._prepare()
            attach()
            self._confine()
        except BaseException:
            self._duckdb.close()
            raise

    def _confine(self) -> None:
        """Confine SQL to the lake: otherwise, DuckDB could read and write all files that this process can."""
        path = settings.EVENTLANE_LAKE_PATH.rstrip("/") + "/"
        if lake_folder() is None:
            self.execute(
                "SELECT 1 FROM glob(?) LIMIT 1", [f"{path}*"]
            )  # loads what reads the bucket; later that is impossible
        self.execute(f"SET allowed_directories = [{quoted_text(path)}]")
        self.execute(f"SET allowed_configs = [{', '.join(map(quoted_text, CHANGING))}]")
        self.execute("SET enable_external_access = false")
        self.execute("SET lock_configuration = true")

    def _prepare(self) -> None:
        for name, package in EXTENSIONS.items():
            self._load_extension(name, package)
        self.execute("SET enable_progress_bar = false")  # it would go to stdout
        self.execute("SET TimeZone = 'UTC'")
        self.inline(INLINED_ROWS)
        self.execute(columns.MACROS + conditions.MACROS + promoted.MACROS)
        self.execute(f"CREATE TEMP SEQUENCE {UNREAD_TIMES}")

    def _load_extension(self, name: str, package: str) -> None:
        """Load an extension from its wheel, without network. If there is no wheel, DuckDB downloads it."""
        if file := _file_in_wheel(package):
            self.execute(f"LOAD {quoted_text(str(file))}")
        else:
            self.execute(f"INSTALL {name}")
            self.execute(f"LOAD {name}")

    def _attach_old(self) -> None:
        """Attach for reading if anything was ever sealed."""
        try:
            self._attach("READ_ONLY")
        except LakeMissing:
            pass

    def _attach_new_or_old(self) -> None:
        """Attach, creating the catalog if needed. If nodes start together, all but one of them fail once."""
        attempt = 0
        while not self.attached:
            try:
                self._attach("READ_WRITE")
            except duckdb.Error as error:
                if attempt == ATTACH_ATTEMPTS or "already exists" not in str(error):
                    raise
                attempt += 1
                pause(attempt)

    def _attach(self, mode: str) -> None:
        place = data_path_options(writes=mode == "READ_WRITE")
        options = self._create_secret()
        schema = quoted_text(settings.EVENTLANE_LAKE_SCHEMA)
        try:
            self.execute(
                f"ATTACH {quoted_text('ducklake:postgres:' + options)} AS lake"
                f" (METADATA_SCHEMA {schema}, META_SECRET 'catalog_password', {mode}, {place})"
            )
        except duckdb.InvalidInputException as error:
            if "does not exist" in str(error):
                raise LakeMissing("nothing has been sealed yet") from None
            raise
        self.attached = True

    def _create_secret(self) -> str:
        """Create the secret with the catalog's password; return the other options of its address."""
        options, password = _catalog_address()
        self.execute(f"CREATE OR REPLACE SECRET catalog_password (TYPE postgres, PASSWORD {quoted_text(password)})")
        return options

    def _create_tables(self) -> None:
        tables = {
            "sealed_files": SEALED_FILE_COLUMNS,
            "quarantine": QUARANTINE_COLUMNS,
            "sealed_requests": SEALED_REQUEST_COLUMNS,
            "ledger": LEDGER_COLUMNS,
        }

        def create() -> None:
            for name, definition in tables.items():
                self.execute(f"CREATE TABLE IF NOT EXISTS lake.main.{name} ({table_definition(definition)})")

        if self.tables_among(tables) != tables.keys():
            commit(self, create)
        self._add_columns()
        self._add_options()

    def _add_columns(self) -> None:
        """Give the tables of an earlier version, or of a catalog that was restored, the columns that they lack."""

        def lacking() -> dict[str, set[str]]:
            return self.lacking_tables() | self._lacking("table_name IN ('quarantine', 'ledger')", columns.KEY)

        def add() -> None:
            for table, names in lacking().items():
                for name in sorted(names):
                    self.execute(f"ALTER TABLE {event_table_name(table)} ADD COLUMN {name} {TABLE_COLUMNS[name]}")

        if lacking():
            commit(self, add)

    def _add_options(self) -> None:
        """Have Parquet files written as PARQUET_OPTIONS says."""
        known = dict(self.execute(f"SELECT key, value FROM {catalog_schema()}.ducklake_metadata WHERE scope IS NULL"))
        lacking = {name: value for name, value in PARQUET_OPTIONS.items() if known.get(name, "").lstrip("V") != value}

        def add() -> None:
            for name, value in lacking.items():
                self.execute(f"CALL lake.set_option('{name}', '{value}')")

        if lacking:
            commit(self, add)

    def _roll_back(self) -> None:
        try:
            self.execute("ROLLBACK")
        except duckdb.Error:
            pass  # a failed COMMIT has ended the transaction, and so has a lost connection


def commit(lake: Lake, work: Callable[[], T]) -> T:
    """Run `work` in a transaction; start over if another commit interfered.

    DuckLake itself repeats commits that don't conflict (inserts into one table). This is for those that do: the same
    table created twice, or rows deleted from a table that others insert into.
    """
    for attempt in range(COMMIT_ATTEMPTS):
        before = lake.newest_snapshot()
        try:
            with lake.transaction():
                return work()
        except duckdb.TransactionException:
            if attempt == COMMIT_ATTEMPTS - 1 or not was_overtaken(lake, before):
                raise
            pause(attempt)
    raise AssertionError("unreachable")


def was_overtaken(lake: Lake, before: int) -> bool:
    """Return whether there was a commit since `before` was the newest snapshot: then a retry may succeed.

    The error can't be used: it quotes events, which may contain any words.
    """
    try:
        return lake.newest_snapshot() != before
    except duckdb.Error:
        return False


def pause(attempt: int) -> None:
    """Wait before the next attempt, for a random time so that two that collided don't collide again."""
    time.sleep(random.uniform(0, min(1.0, 0.02 * 2**attempt)))


def catalog_schema() -> str:
    """Return the quoted name of the catalog's schema in PostgreSQL, as of the snapshot of the lake's transaction.

    For DuckDB's own lists of tables, DuckLake queries the statistics of each table, one by one, after each commit:
    that takes seconds with hundreds of datasets.
    """
    return f"__ducklake_metadata_lake.{quoted_name(settings.EVENTLANE_LAKE_SCHEMA)}"


def event_table_name(name: str) -> str:
    """Return the quoted full name of a dataset's table."""
    return f"lake.main.{quoted_name(name)}"


def quoted_name(name: str) -> str:
    """Return an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """Return an SQL string, for statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


def table_definition(columns: dict[str, str]) -> str:
    """Return the columns as CREATE TABLE wants them."""
    return ", ".join(f"{quoted_name(name)} {kind}" for name, kind in columns.items())


def spill_folder() -> Path:
    """Return the folder for what doesn't fit into memory. In it, each DuckDB has a folder named after its process."""
    return settings.EVENTLANE_HOME / "tmp" / "duckdb"


def _duckdb_settings(threads: int, memory_mb: int) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "threads": threads,
        "memory_limit": f"{memory_mb}MB",
        "temp_directory": str(spill_folder() / f"{os.getpid()}-{next(_instances)}"),  # two instances must not share one
    }
    return settings | (_WITHOUT_SIGNATURES if _needs_wheels_only() else {})


def _needs_wheels_only() -> bool:
    """Return whether all extensions come from wheels. The one that reads buckets doesn't: DuckDB downloads it."""
    return lake_folder() is not None and all(map(_file_in_wheel, EXTENSIONS.values()))


@cache
def _file_in_wheel(package: str) -> Path | None:
    """Return the extension's file in its wheel, or None without a wheel or if it is for another DuckDB."""
    try:
        folder = Path(str(importlib.import_module(package).__file__)).parent
    except ImportError:
        return None
    return next(folder.glob(f"extensions/v{duckdb.__version__}/*.duckdb_extension"), None)


def _catalog_address() -> tuple[str, str]:
    """Return Django's database as libpq options, with the password separate: errors and views show the options."""
    parameters = {
        name: value
        for name, value in django_connection.get_connection_params().items()
        if name not in NOT_LIBPQ and value is not None
    }
    password = parameters.pop("password", "")
    return make_conninfo(**parameters, application_name="eventlane lake"), password
