"""Read columns from messages, too, that are JSON objects as text: for datasets with `unwrap_message` (docs/fields.md).

Docker, for one, writes the line of a program as the text `log`, and that line may be what a logger has written. What
stands in the event itself counts first. The messages are converted like events, and joined to them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from events.lake.columns import EVENT_COLUMNS, conversion
from events.lake.shape import Execute, Shape, shape_of, shape_of_view

# Not a WHERE on the conversion itself: that would have DuckDB convert the events twice.
MESSAGES = """
    WITH found AS MATERIALIZED (SELECT id, plain(message) AS text FROM ({own}))
    SELECT id, text FROM found
    WHERE CASE WHEN starts_with(ltrim(text, ' \t\r\n'), '{{') THEN TRY(json_type(text)) = 'OBJECT' END"""
TAKEN = {
    **{name: f"coalesce(own.{name}, inner_one.{name})" for name in EVENT_COLUMNS},
    "event_time": "CASE WHEN has_own_time THEN own.event_time ELSE coalesce(inner_one.event_time, own.event_time) END",
    "service": "coalesce(own_service, inner_one.service, own.service)",
    "key_id": "own.key_id",
    "has_unread_time": "NOT has_own_time AND inner_one.event_time IS NULL"
    " AND (own.has_unread_time OR coalesce(inner_one.has_unread_time, false))",
}
NOT_TAKEN = ("id", "received_time", "namespace", "message", "event")


@dataclass(frozen=True, slots=True)
class Source:
    """A SELECT like that of `columns.converted`, and the Arrow tables that it reads by these names."""

    sql: str
    tables: Mapping[str, pa.Table]


def source_of(execute: Execute, events: pa.Table, *, unwraps: bool) -> Source:
    """Return what converts events that `execute` can read; `unwraps` is their dataset's `unwrap_message`."""
    return shaped_source(execute, shape_of(execute, events), {"events": events}, unwraps=unwraps)


def shaped_source(execute: Execute, shape: Shape, tables: Mapping[str, pa.Table], *, unwraps: bool) -> Source:
    """Return what converts events of this shape: `tables` has them, or they are the rows of a view."""
    if unwraps and len(messages := _messages(execute, shape, tables)):
        return Source(_joined(execute, shape, messages), {**tables, "messages": messages})
    return Source(conversion(shape), tables)


def _messages(execute: Execute, shape: Shape, tables: Mapping[str, pa.Table]) -> pa.Table:
    """Return the messages that are JSON objects, like arrow.event_table, with their events' ids and no other origin."""
    rows = execute(MESSAGES.format(own=conversion(shape)), **tables)
    ids = pa.array([event_id.bytes for event_id, _ in rows], pa.binary(16))
    return pa.table(
        {
            "id": pa.ExtensionArray.from_storage(pa.uuid(), ids),
            "received_us": pa.nulls(len(rows), pa.int64()),
            "key_id": pa.nulls(len(rows), pa.string()),
            "namespace": pa.nulls(len(rows), pa.string()),
            "service": pa.nulls(len(rows), pa.string()),
            "event": pa.array([text for _, text in rows], pa.large_string()),
        }
    )


def _joined(execute: Execute, shape: Shape, messages: pa.Table) -> str:
    known = "WITH events AS (SELECT * FROM messages)"

    def look(sql: str, **tables: Any) -> list[tuple[Any, ...]]:
        return execute(f"{known} SELECT * FROM ({sql})", messages=messages)

    columns = [f"own.{name}" if name in NOT_TAKEN else f"{sql} AS {name}" for name, sql in TAKEN.items()]
    return f"""
        SELECT {", ".join(columns)}
        FROM ({conversion(shape, tells_own=True)}) AS own
        LEFT JOIN ({known} {conversion(shape_of_view(look))}) AS inner_one ON inner_one.id = own.id"""
