"""Read sealed events anew whose columns are of an earlier reading (columns.READING). Part of maintenance.

Every row has the number of its reading, or none from before there were numbers, and DuckLake knows the least number in
a file. A file is reread by an UPDATE of such rows, which keeps their row ids.
"""

from dataclasses import dataclass

from events.lake.columns import EVENT_COLUMNS, READING
from events.lake.connection import INLINED_ROWS, Lake, catalog_schema, commit, event_table_name, quoted_text
from events.lake.damaged_files import known_damage
from events.lake.pieces import PIECES, WHOLE, in_pieces
from events.lake.shape import shape_of_view
from events.lake.unwrap import shaped_source

KEPT = ("id", "received_time", "namespace")
READ_COLUMNS = [name for name in (*EVENT_COLUMNS, *PIECES) if name not in KEPT]
FILES = """
    SELECT f.path, min(b.min_value) FILTER (column_name = 'received_time'),
        min(b.max_value) FILTER (column_name = 'received_time')
    FROM {catalog}.ducklake_data_file f
    JOIN {catalog}.ducklake_table t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
    JOIN {catalog}.ducklake_column c
        ON c.table_id = t.table_id AND c.end_snapshot IS NULL AND column_name IN ('received_time', 'reading')
    LEFT JOIN {catalog}.ducklake_file_column_stats b ON b.data_file_id = f.data_file_id AND b.column_id = c.column_id
    WHERE f.end_snapshot IS NULL AND table_name = ?
    GROUP BY f.data_file_id, f.path
    HAVING coalesce(min(TRY_CAST(b.min_value AS BIGINT)) FILTER (column_name = 'reading'), 0) < ?
        OR coalesce(max(b.null_count) FILTER (column_name = 'reading'), 1) > 0
    ORDER BY f.data_file_id DESC"""


@dataclass(frozen=True, slots=True)
class OldFile:
    """A file with events of an earlier reading, and when its events were received, from the first to the last."""

    name: str
    first: str
    last: str


def old_files(lake: Lake, table: str) -> list[OldFile]:
    """Return a table's files with events of an earlier reading, the newest first, without those known to be damaged."""
    damaged = {_name(file.path) for file in known_damage(table)}
    rows = lake.execute(FILES.format(catalog=catalog_schema()), [table, READING])
    return [OldFile(_name(path), *times) for path, *times in rows if _name(path) not in damaged and None not in times]


def reread(lake: Lake, table: str, file: OldFile, *, unwraps: bool) -> int:
    """Read the events of a file anew; return how many there were. Those without a service of their own keep theirs.

    `unwraps` is the dataset's `unwrap_message`.
    """
    rows = (
        f"received_time BETWEEN {quoted_text(file.first)}::TIMESTAMPTZ AND {quoted_text(file.last)}::TIMESTAMPTZ"
        f" AND ends_with(filename, {quoted_text('/' + file.name)}) AND coalesce(reading, 0) < {READING}"
    )
    view = (
        f"SELECT id, epoch_us(received_time) AS received_us, namespace, service, NULL AS key_id,"
        f" plain({WHOLE}) AS event"
        f" FROM {event_table_name(table)} WHERE {rows}"
    )
    lake.execute("SET threads = 1")  # several would mix up the order of the rows
    lake.inline(0)
    try:
        lake.execute(f"CREATE OR REPLACE TEMP VIEW events AS {view}")
        return commit(lake, lambda: _update(lake, table, rows, unwraps))
    finally:
        lake.execute("DROP VIEW IF EXISTS events")
        lake.inline(INLINED_ROWS)
        lake.execute(f"SET threads = {lake.threads}")


def _update(lake: Lake, table: str, rows: str, unwraps: bool) -> int:
    taken, names = ", ".join(f"{name} = anew.{name}" for name in READ_COLUMNS), ", ".join(READ_COLUMNS)
    anew = shaped_source(lake.execute, shape_of_view(lake.execute), {}, unwraps=unwraps)
    updated = lake.value(
        f"UPDATE {event_table_name(table)} AS sealed SET {taken}, reading = {READING}"
        f" FROM (SELECT id AS new_id, {names} FROM ({in_pieces(anew.sql)})) AS anew WHERE id = new_id AND {rows}",
        **anew.tables,
    )
    return int(updated)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
