"""What the lake's catalog says about tables, with plain SQL through Django: pages must not load DuckDB."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

IN_FILES = """
    SELECT table_id, table_name,
        coalesce((
            SELECT sum(record_count) FROM {schema}.ducklake_data_file f
            WHERE f.table_id = t.table_id AND f.end_snapshot IS NULL
        ), 0) - coalesce((
            SELECT sum(delete_count) FROM {schema}.ducklake_delete_file d
            WHERE d.table_id = t.table_id AND d.end_snapshot IS NULL
        ), 0),
        coalesce((
            SELECT sum(file_size_bytes) FROM {schema}.ducklake_data_file f
            WHERE f.table_id = t.table_id AND f.end_snapshot IS NULL
        ), 0)
    FROM {schema}.ducklake_table t WHERE end_snapshot IS NULL AND table_name = ANY(%s)"""
# Rows of small inserts and small deletions from files are in separate tables until maintenance flushes them.
INLINED_TABLES = """
    SELECT table_id, table_name, 1 FROM {schema}.ducklake_inlined_data_tables WHERE table_id = ANY(%s)
    UNION ALL
    SELECT substring(tablename FROM '[0-9]+$')::bigint, tablename, -1 FROM pg_tables
    WHERE schemaname = %s AND tablename = ANY(%s)"""
INLINED_ROWS = "SELECT count(*), coalesce(sum(octet_length(event)), 0) FROM {schema}.{table} WHERE end_snapshot IS NULL"
INLINED_TABLES_AT_ONCE = 200  # PostgreSQL takes too long to plan a longer UNION ALL
INLINED_OF_ALL = """
    SELECT t.table_name, i.table_name, true FROM {schema}.ducklake_inlined_data_tables i
    JOIN {schema}.ducklake_table t USING (table_id) WHERE end_snapshot IS NULL
    UNION ALL
    SELECT t.table_name, tablename, false FROM pg_tables
    JOIN {schema}.ducklake_table t ON tablename = 'ducklake_inlined_delete_' || table_id
    WHERE schemaname = %(schema)s AND end_snapshot IS NULL"""
# A row names the snapshot it came with. The snapshot's time is known only until it expires.
OLDEST_YOUNG_SNAPSHOT = "SELECT min(snapshot_id) FROM {schema}.ducklake_snapshot WHERE snapshot_time > %s"
MANY_OR_OLD = (
    "SELECT %s WHERE (SELECT count(*) FROM {schema}.{table}) >= %s"
    " OR EXISTS (SELECT FROM {schema}.{table} WHERE begin_snapshot < coalesce(%s, begin_snapshot + 1))"
)
ANY_DELETION = "SELECT %s WHERE EXISTS (SELECT FROM {schema}.{table})"
INLINED_DELETIONS = "SELECT count(*), 0 FROM {schema}.{table}"
EXISTING = "SELECT table_name FROM {schema}.ducklake_table WHERE end_snapshot IS NULL AND table_name IN ({tables})"
LATEST = """
    SELECT table_name, max_value::timestamptz
    FROM {schema}.ducklake_table t JOIN {schema}.ducklake_column c USING (table_id)
    JOIN {schema}.ducklake_table_column_stats s USING (table_id, column_id)
    WHERE t.end_snapshot IS NULL AND c.end_snapshot IS NULL AND column_name = 'received_time'
        AND table_name IN ({tables}) AND max_value IS NOT NULL
    ORDER BY 2 DESC LIMIT %s"""


def dataset_sizes(table_names: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Return events and bytes of each table: (0, 0) if nothing was sealed into it yet."""
    sizes = dict.fromkeys(table_names, (0, 0))
    with connection.cursor() as cursor:
        if not _has_catalog(cursor):
            return sizes
        cursor.execute(_format(IN_FILES), [list(sizes)])
        names = {}
        for table_id, name, events, size in cursor.fetchall():
            names[table_id] = name
            sizes[name] = (int(events), int(size))
        for table_id, events, size in _inlined(cursor, list(names)):
            of_files = sizes[names[table_id]]
            sizes[names[table_id]] = (of_files[0] + events, of_files[1] + size)
    return sizes


def latest_times(tables: QuerySet[Any], most: int) -> dict[str, datetime]:
    """Return when the newest event that was ever sealed into each table was received, latest first, at most so many.

    `tables` gives the tables' names.
    """
    named, values = tables.order_by().query.sql_with_params()
    with connection.cursor() as cursor:
        if not _has_catalog(cursor):
            return {}
        cursor.execute(_format(LATEST, tables=named), [*values, most])
        return dict(cursor.fetchall())


def existing_tables(tables: QuerySet[Any]) -> list[str]:
    """Return which of the tables exist: one does once something was sealed into it. `tables` gives their names."""
    named, values = tables.order_by().query.sql_with_params()
    with connection.cursor() as cursor:
        if not _has_catalog(cursor):
            return []
        cursor.execute(_format(EXISTING, tables=named), values)
        return [name for (name,) in cursor.fetchall()]


def _has_catalog(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [_format("{schema}.ducklake_table")])
    return bool(cursor.fetchone() == (True,))


def tables_to_flush(rows: int, before: datetime) -> set[str]:
    """Return the tables with this many inlined rows, one from before this time, or an inlined deletion."""
    with connection.cursor() as cursor:
        cursor.execute(_format(OLDEST_YOUNG_SNAPSHOT), [before])
        [young] = cursor.fetchone()
        cursor.execute(_format(INLINED_OF_ALL), {"schema": settings.EVENTLANE_LAKE_SCHEMA})
        found = set()
        for name, inlined, is_data in cursor.fetchall():
            question, values = (MANY_OR_OLD, [rows, young]) if is_data else (ANY_DELETION, [])
            cursor.execute(_format(question, inlined), [name, *values])
            found |= {table for (table,) in cursor.fetchall()}
    return found


def _inlined(cursor: CursorWrapper, table_ids: list[int]) -> list[tuple[int, int, int]]:
    """Return (table id, events, bytes) to add to what is in files."""
    deletions = [f"ducklake_inlined_delete_{table_id}" for table_id in table_ids]
    cursor.execute(_format(INLINED_TABLES), [table_ids, settings.EVENTLANE_LAKE_SCHEMA, deletions])
    questions = []
    for table_id, table, sign in cursor.fetchall():
        question = INLINED_ROWS if sign > 0 else INLINED_DELETIONS
        questions.append(
            f"SELECT {table_id}, {sign} * events, bytes FROM ({_format(question, table)}) AS t(events, bytes)"
        )
    found: list[tuple[int, int, int]] = []
    for start in range(0, len(questions), INLINED_TABLES_AT_ONCE):
        cursor.execute(" UNION ALL ".join(questions[start : start + INLINED_TABLES_AT_ONCE]))
        found += cursor.fetchall()
    return found


def _format(sql: str, table: str = "", tables: str = "") -> str:
    """Return the statement for the lake's schema; `tables` is a statement that gives names."""
    quoted = connection.ops.quote_name
    return sql.format(schema=quoted(settings.EVENTLANE_LAKE_SCHEMA), table=quoted(table), tables=tables)
