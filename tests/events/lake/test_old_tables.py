"""Tables that an earlier version made lack columns: they are read, get the columns, and are written to."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from events.lake.columns import ADDED_COLUMNS
from events.lake.connection import Lake, event_table_name
from events.lake.maintain import maintain
from events.lake.query import EventRow
from tests.events.lake.conftest import Node

JULY = datetime(2026, 7, 1, 12, 30, 15, tzinfo=UTC)
SENT = '{"spanId":"s-1","level":"WARN","time":"2026-07-01T12:30:15Z","service":{"name":"own"},"error":{"message":"e"}}'
# By the columns of the first release: it kept levels as they were sent, and an object as its JSON.
EARLIER = {"level": "WARN", "service": '{"name":"own"}', "error": '{"message":"e"}'}


def make_old(node: Node) -> None:
    """Turn the node's tables into those of an earlier version."""
    with Lake() as lake:
        table = event_table_name(node.dataset.table_name)
        lake.execute(f"UPDATE {table} SET {', '.join(f'{name} = ?' for name in EARLIER)}", [*EARLIER.values()])
        for name in ADDED_COLUMNS:
            lake.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
        lake.execute("ALTER TABLE lake.main.quarantine DROP COLUMN key_id")
        lake.execute("DROP TABLE lake.main.ledger")
        assert lake.lacking_tables() == {node.dataset.table_name: set(ADDED_COLUMNS)}


def columns_of(rows: list[EventRow]) -> list[tuple[Any, ...]]:
    return [(row.level, row.service, row.error, row.span_id, row.event_time) for row in rows]


OLD = (*EARLIER.values(), None, JULY)
NEW = ("warn", "own", "e", "s-1", JULY)


@pytest.mark.parametrize("copies", [1, 200], ids=["in PostgreSQL", "in a file"])
def test_old_table_is_read_and_written(node: Node, copies: int) -> None:
    node.write(*[SENT] * copies)
    node.seal()
    make_old(node)
    assert columns_of(node.rows()) == [OLD] * copies  # before any writer
    node.write(*[SENT] * copies)
    assert columns_of(node.rows()) == [OLD] * copies + [NEW] * copies
    node.seal()
    assert columns_of(node.rows()) == [OLD] * copies + [NEW] * copies
    node.write(b"\xff", key="1" * 27)
    node.seal()
    with Lake() as lake:
        assert lake.lacking_tables() == {}
        assert lake.execute("SELECT key_id FROM lake.main.quarantine") == [("1" * 27,)]


def test_maintenance_gives_old_files_the_columns_of_today(node: Node) -> None:
    node.write(*[SENT] * 200)
    node.seal()
    make_old(node)
    node.write(*[SENT] * 150)
    node.seal()
    with Lake() as lake:
        before = lake.execute(f"SELECT id, rowid FROM {event_table_name(node.dataset.table_name)} ORDER BY id")
        steps = list(maintain(lake, timezone.now()))
        assert [step for step in steps if step.failed] == []
        assert {step.name: step.result for step in steps}["reread"] == "200 events in 1 files read anew"
        after = lake.execute(f"SELECT id, rowid FROM {event_table_name(node.dataset.table_name)} ORDER BY id")
        assert after == before  # a follower takes rows with other ids for new
        assert {step.name: step.result for step in maintain(lake, timezone.now())}["reread"].startswith("0 events")
    rows = node.rows()
    assert columns_of(rows) == [NEW] * 350
    assert {row.event for row in rows} == {SENT}
    assert len(node.rows(filters=(("span_id", "s-1"), ("level", "warning")))) == 350
