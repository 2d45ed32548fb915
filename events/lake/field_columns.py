"""Give fields columns, and fill these in files that lack them. Part of maintenance: sealing takes no notice of it.

A file is filled by an UPDATE of all its rows, which DuckLake writes into another file, and which keeps their row ids.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from events.lake.connection import INLINED_ROWS, Lake, catalog_schema, commit, event_table_name, quoted_text
from events.lake.damaged_files import known_damage
from events.lake.promoted import APART, COUNT, TYPES, Promoted, filled
from events.models import Dataset, NotedField

MIB = 1024 * 1024
# A smaller file is read quickly without columns and is merged soon. A larger one isn't merged any more: it is filled
# only while it has no columns at all, so that no event is rewritten for each column that its dataset is given in years.
FILLED_FROM, FILLED_AGAIN_BELOW = 1 * MIB, 64 * MIB
SEEN_ENOUGH = 2  # samples most of whose events have it
ASKED_ENOUGH = 3  # queries
NAME = re.compile(rf"({'|'.join(TYPES)})_[0-9]+")
TABLE_COLUMNS = """
    SELECT column_name FROM {catalog}.ducklake_column c
    JOIN {catalog}.ducklake_table t ON t.table_id = c.table_id AND t.end_snapshot IS NULL
    WHERE c.end_snapshot IS NULL AND table_name = ?"""
FILES = """
    SELECT f.path, min(b.min_value) FILTER (column_name = 'received_time'),
        min(b.max_value) FILTER (column_name = 'received_time')
    FROM {catalog}.ducklake_data_file f
    JOIN {catalog}.ducklake_table t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
    JOIN {catalog}.ducklake_column c
        ON c.table_id = t.table_id AND c.end_snapshot IS NULL AND column_name IN ('received_time', 'promoted')
    LEFT JOIN {catalog}.ducklake_file_column_stats b ON b.data_file_id = f.data_file_id AND b.column_id = c.column_id
    WHERE f.end_snapshot IS NULL AND table_name = ? AND file_size_bytes >= ?
    GROUP BY f.data_file_id, f.path, f.file_size_bytes
    HAVING coalesce(min(TRY_CAST(b.min_value AS BIGINT)) FILTER (column_name = 'promoted'), 0) < ?
        AND (f.file_size_bytes < ?
            OR coalesce(max(TRY_CAST(b.max_value AS BIGINT)) FILTER (column_name = 'promoted'), 0) = 0)
    ORDER BY f.data_file_id DESC"""


@dataclass(frozen=True, slots=True)
class LackingFile:
    """A file some of whose rows lack columns, and when its events were received, from the first to the last."""

    name: str
    first: str
    last: str


def wanted_fields(dataset: Dataset) -> list[NotedField]:
    """Return the fields that are to be columns and aren't yet: those most asked for first, as many as there may be.

    Half of the columns are left to what is asked for: each costs sealing some time, though it is empty then.
    """
    noted = NotedField.objects.filter(dataset=dataset)
    limit, taken = settings.EVENTLANE_PROMOTED_FIELDS, noted.exclude(number=None).count()
    found = list(noted.filter(number=None).exclude(kind="").order_by("-asked", "-seen", "path"))
    asked = [one for one in found if one.asked >= ASKED_ENOUGH]
    seen = [one for one in found if one.asked < ASKED_ENOUGH and one.seen >= SEEN_ENOUGH]
    return [*asked, *seen[: max(0, limit // 2 - taken)]][: max(0, limit - taken)]


def add_column(lake: Lake, field: NotedField) -> None:
    """Give a field a column. If this is killed in between, the column has no field, and stays empty."""
    table = field.dataset.table_name

    def add() -> int:
        known = {name for (name,) in lake.execute(TABLE_COLUMNS.format(catalog=catalog_schema()), [table])}
        alter = f"ALTER TABLE {event_table_name(table)} ADD COLUMN"
        if COUNT not in known:
            lake.execute(f"{alter} {COUNT} INTEGER DEFAULT 0")
            lake.execute(f"{alter} {APART} VARCHAR")
        number = 1 + len([name for name in known if NAME.fullmatch(name)])
        lake.execute(f"{alter} {Promoted(field.path, number, field.kind).name} {TYPES[field.kind]}")
        return number

    field.number = commit(lake, add)
    field.save(update_fields=["number"])


def lacking_files(lake: Lake, table: str, columns: Sequence[Promoted]) -> list[LackingFile]:
    """Return the files that are to be filled with the columns, the newest first, without those known to be damaged."""
    limits = [FILLED_FROM, columns[-1].number, FILLED_AGAIN_BELOW]
    rows = lake.execute(FILES.format(catalog=catalog_schema()), [table, *limits])
    damaged = {_name(file.path) for file in known_damage(table)}
    return [
        LackingFile(_name(path), *times) for path, *times in rows if _name(path) not in damaged and None not in times
    ]


def fill(lake: Lake, table: str, columns: Sequence[Promoted], file: LackingFile) -> int:
    """Fill the columns of a file's rows; return how many rows it has."""
    taken = ", ".join(f"{name} = {sql}" for name, sql in filled(columns).items())
    update = (
        f"UPDATE {event_table_name(table)} SET {taken} WHERE {COUNT} < {columns[-1].number}"
        f" AND received_time BETWEEN {quoted_text(file.first)}::TIMESTAMPTZ AND {quoted_text(file.last)}::TIMESTAMPTZ"
        f" AND ends_with(filename, {quoted_text('/' + file.name)})"
    )
    lake.execute("SET threads = 1")  # several would mix up the order of the rows
    lake.inline(0)
    try:
        return commit(lake, lambda: int(lake.value(update)))
    finally:
        lake.inline(INLINED_ROWS)
        lake.execute(f"SET threads = {lake.threads}")


def _name(path: str) -> str:
    return path.rpartition("/")[2]
