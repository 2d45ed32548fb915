"""What would take too much memory is approximate, within the limits that docs/query.md names, and says so."""

from typing import Any

from events.lake.columns import EVENT_COLUMNS
from events.lake.connection import Lake, event_table_name
from events.query.body import read_query
from events.query.run import answer_query, ask
from tests.events.lake.conftest import Node, node, project  # noqa: F401  (fixtures)
from tests.events.query.table import NOW_US, Table

VALUES = 300_000


def numbered(count: int) -> str:
    """Return a SELECT of so many events, each with another duration."""
    given = {
        "id": "uuid()",
        "received_time": f"make_timestamptz({NOW_US - 5})",
        "event_time": f"make_timestamptz({NOW_US - 5})",
        "namespace": "'web'",
        "duration": f"(i * 7919 % {count})::DOUBLE",
        "event": "'{}'",
    }
    columns = ", ".join(f"{given.get(name, f'NULL::{kind}')} AS {name}" for name, kind in EVENT_COLUMNS.items())
    return f"SELECT {columns} FROM range({count}) AS t(i)"


def question(*ops: str) -> Any:
    calculations = [{"op": op, "path": "duration"} for op in ops]
    return read_query({"datasets": ["logs"], "calculations": calculations}, now_us=NOW_US)


def test_approximate_values_are_close(table: Table) -> None:
    table.fill([{}])
    table.database.execute("DELETE FROM known")
    table.database.execute(f"INSERT INTO known BY NAME SELECT 'logs' AS dataset, * FROM ({numbered(VALUES)})")
    query = question("count_distinct", "median", "p99", "p001", "max")
    assert answer_query(query, table).rows == [[VALUES, 149999.5, 296999.01, 299.999, VALUES - 1]]
    answer = answer_query(query, table, frozenset({"count_distinct", "median", "p99", "p001"}))
    [[distinct, median, p99, p001, greatest]] = answer.rows
    assert abs(distinct - VALUES) < 0.02 * VALUES
    for got, share in ((median, 0.5), (p99, 0.99), (p001, 0.001)):
        assert abs(got / VALUES - share) < 0.01
    assert greatest == VALUES - 1
    assert answer.statistics.warnings == [
        "count_distinct(duration), median(duration), p99(duration), p001(duration): "
        "approximate, exact values would take too much memory"
    ]


def test_it_falls_back_by_itself(node: Node, settings: Any) -> None:  # noqa: F811
    with Lake() as lake:
        lake.create_event_table(node.dataset.table_name)
        lake.execute(f"INSERT INTO {event_table_name(node.dataset.table_name)} BY NAME {numbered(2000)}")
    with Lake(read_only=True) as lake:
        query = question("p50", "count_distinct")
        assert ask(lake, [node.dataset], query).statistics.warnings == []
        settings.EVENTLANE_QUERY_EXACT_VALUES = 1999
        answer = ask(lake, [node.dataset], query)
    assert [warning.split(":")[0] for warning in answer.statistics.warnings] == ["p50(duration)"]
    assert abs(answer.rows[0][0] - 1000) < 20 and answer.rows[0][1] == 2000
