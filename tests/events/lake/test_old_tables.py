"""Tables that an earlier version made lack columns: they are read, get the columns, and are written to."""

import pytest
from django.utils import timezone

from events.lake.columns import ADDED_COLUMNS
from events.lake.connection import Lake, event_table_name
from events.lake.maintain import maintain
from tests.events.lake.conftest import Node

SENT = '{"spanId":"s-1","level":"error"}'


def make_old(node: Node) -> None:
    """Turn the node's table into one of an earlier version."""
    with Lake() as lake:
        for name in ADDED_COLUMNS:
            lake.execute(f"ALTER TABLE {event_table_name(node.dataset.table_name)} DROP COLUMN {name}")
        assert lake.lacking_tables() == {node.dataset.table_name: set(ADDED_COLUMNS)}


@pytest.mark.parametrize("copies", [1, 200], ids=["in PostgreSQL", "in a file"])
def test_old_table_is_read_and_written(node: Node, copies: int) -> None:
    node.write(*[SENT] * copies)
    node.seal()
    make_old(node)
    assert [(row.level, row.span_id) for row in node.rows()] == [("error", None)] * copies  # before any writer
    node.write(*[SENT] * copies)
    assert [row.span_id for row in node.rows()] == [None] * copies + ["s-1"] * copies
    node.seal()
    with Lake() as lake:
        assert lake.lacking_tables() == {}
        assert [step for step in maintain(lake, timezone.now()) if step.failed] == []
    rows = node.rows()
    assert [row.span_id for row in rows] == [None] * copies + ["s-1"] * copies
    assert {row.event for row in rows} == {SENT}
    assert len(node.rows(filters=(("span_id", "s-1"),))) == copies
