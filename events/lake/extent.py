"""How much there is to read, according to the files in DuckLake's catalog in the transaction's snapshot."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from events.lake.connection import catalog_schema, quoted_name
from events.lake.unsealed import Span

COLUMNS_OF_TABLES = """
    SELECT table_id, column_id FROM {catalog}.ducklake_table t JOIN {catalog}.ducklake_column c USING (table_id)
    WHERE t.end_snapshot IS NULL AND c.end_snapshot IS NULL AND column_name = ? AND table_name IN ({marks})"""
# A file without bounds may contain anything.
IN_FILES = """
    SELECT coalesce(sum(events) FILTER (reached), 0)::BIGINT, coalesce(sum(bytes) FILTER (reached), 0)::BIGINT,
        count(*) FILTER (reached), count(*) FILTER (NOT reached)
    FROM (
        SELECT record_count AS events, file_size_bytes AS bytes, {reached} AS reached
        FROM {catalog}.ducklake_data_file f LEFT JOIN {catalog}.ducklake_file_column_stats s
            ON s.data_file_id = f.data_file_id AND s.table_id IN ({tables}) AND s.column_id = {column}
        WHERE f.end_snapshot IS NULL AND f.table_id IN ({tables})
    )"""
INLINED_TABLES = "SELECT table_name FROM {catalog}.ducklake_inlined_data_tables WHERE table_id IN ({tables})"
INLINED_ROWS = "SELECT count(*) FROM {catalog}.{name} WHERE end_snapshot IS NULL"

Execute = Callable[..., list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Extent:
    """The most that a reader of a span can encounter, including deleted events. Files are those of the lake."""

    events: int = 0
    bytes: int = 0
    files: int = 0
    files_skipped: int = 0  # according to their bounds, nothing in them is in the span

    def __add__(self, other: "Extent") -> "Extent":
        """Return the sum of both."""
        return Extent(
            self.events + other.events,
            self.bytes + other.bytes,
            self.files + other.files,
            self.files_skipped + other.files_skipped,
        )


def sealed_extent(execute: Execute, tables: Collection[str], span: Span, column: str) -> Extent:
    """Return how much there is in a span of datasets' tables, by the bounds of a time column."""
    if not tables:
        return Extent()
    catalog = catalog_schema()
    marks = ", ".join("?" * len(tables))
    by_column: dict[int, list[int]] = {}
    for table, column_id in execute(COLUMNS_OF_TABLES.format(catalog=catalog, marks=marks), [column, *tables]):
        by_column.setdefault(column_id, []).append(table)
    total = Extent()
    for column_id, found in by_column.items():
        ids = ", ".join(map(str, found))
        of_files = IN_FILES.format(catalog=catalog, tables=ids, column=column_id, reached=_reached(span))
        total += Extent(*execute(of_files)[0])
        for (name,) in execute(INLINED_TABLES.format(catalog=catalog, tables=ids)):
            total += Extent(*execute(INLINED_ROWS.format(catalog=catalog, name=quoted_name(name)))[0])
    return total


def _reached(span: Span) -> str:
    parts = []
    if span.start is not None:
        parts.append(f"coalesce(max_value::TIMESTAMPTZ >= make_timestamptz({span.start}), true)")
    if span.end is not None:
        parts.append(f"coalesce(min_value::TIMESTAMPTZ < make_timestamptz({span.end}), true)")
    return " AND ".join(parts) or "true"
