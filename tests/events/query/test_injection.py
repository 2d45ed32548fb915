"""What users write never becomes SQL: hostile paths, names and values are data."""

from typing import Any

import pytest

from events.query.body import read_query
from events.query.compiled import events_statement, groups_statement
from tests.events.query.table import NOW_US, Table

HOSTILE = [
    "'; DROP TABLE known; --",
    '"; DROP TABLE known; --',
    "x') OR true --",
    "$1",
    "$99",
    "?",
    "{DATA_PATH}",
    "event",
    "p0",
    "k0",
    "(SELECT 1)",
    "read_text('/etc/passwd')",
    "a\\'b",
    "%' OR '%'='",
    "\x00",
    "plain(event)",
    "name\nnext",
    "/'",
    "~",
    "é'é",
    "$.a",
    "$[*]",
    "$..*",
    "*",
]


@pytest.fixture(scope="module", autouse=True)
def filled(table: Table) -> None:
    table.fill([{"n": 1} | {text: text for text in HOSTILE if text != "event"}, {"n": 2}])


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_data(table: Table, text: str) -> None:
    there = [] if text in ("event", "/'") else [1]
    for op in ("=", "contains", "starts_with", "ends_with", "in", ">="):
        value: Any = [text] if op == "in" else text
        assert table.found(filters=[{"path": text, "op": op, "value": value}]) == there
    assert table.found(filters=[{"path": "n", "op": "=", "value": text}]) == []
    table.found(filters=[{"path": text, "op": "like", "value": text}])
    calculations = [{"op": "count", "path": text, "alias": text + "!"}, {"op": "max", "path": text}]
    answer = table.ask(
        calculations=calculations,
        group_by=[text],
        having=[{"path": text + "!", "op": ">=", "value": 0}],
        order_by=[{"by": text + "!"}, {"by": text}],
    )
    expected = [[None, 0, None], [text, 1, text]] if there else [[None, 0, None]]
    assert answer.rows == expected
    assert table.found() == [1, 2]


@pytest.mark.parametrize("text", [text for text in HOSTILE if len(text) > 5 and text != "event"])
def test_hostile_text_is_nowhere_in_the_sql(table: Table, text: str) -> None:
    body = {
        "datasets": ["logs"],
        "q": '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"',
        "filters": [{"path": text, "op": "like", "value": text}],
    }
    calculations = {"calculations": [{"op": "sum", "path": text, "alias": text + "!"}], "group_by": [text]}
    for statement in (
        events_statement(read_query(body, now_us=NOW_US), table),
        groups_statement(read_query(body | calculations, now_us=NOW_US), table),
    ):
        assert text not in statement.sql.replace("plain(event)", "")


def test_largest_query_stays_small(table: Table) -> None:
    """DuckDB sets up each part of an expression, which took minutes where comparisons repeated what they compare."""
    values = ["x", 1, 2.5, 2**60, "7"]
    body: dict[str, Any] = {"filters": [{"or": [{"path": f"a.b{n}", "op": "in", "value": values} for n in range(99)]}]}
    calculations = [{"op": op, "path": f"p{n}.q"} for n, op in enumerate(["max", "min", "sum", "p95", "last"] * 10)]
    statement = events_statement(read_query({"datasets": ["logs"]} | body, now_us=NOW_US), table)
    assert len(statement.sql) < 2000 * 99
    assert table.ask(**body, calculations=calculations, group_by=list("abcde")).rows == []
