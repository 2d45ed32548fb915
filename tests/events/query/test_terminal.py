"""Answers in a terminal."""

from typing import Any

from events.query.answer import Answer
from events.query.terminal import chart, csv_lines, table_of, text_table
from tests.events.query.table import Table

COUNT = {"calculations": [{"op": "count"}, {"op": "avg", "path": "v"}]}


def lines(answer: Answer, numbers_from: int) -> list[str]:
    return list(text_table(*table_of(answer), numbers_from))


def test_table_of_groups(table: Table) -> None:
    table.fill([{"g": "api", "v": 1}] * 12 + [{"g": "web\x1b[2J", "v": 2.5}, {"v": 1}, {"v": 2}])
    answer = table.ask(group_by=["g"], **COUNT)
    assert lines(answer, 1) == [
        "g           count  avg(v)",
        "api            12       1",
        "-               2     1.5",
        "web\\x1b[2J      1     2.5",
    ]
    assert list(csv_lines(*table_of(answer))) == ["g,count,avg(v)", "api,12,1", ",2,1.5", "web\x1b[2J,1,2.5"]
    assert list(csv_lines(*table_of(answer), safe=True))[-1] == r"web\x1b[2J,1,2.5"
    assert list(chart(answer)) == [
        "api         " + "█" * 40 + " 12",
        "-           " + "█" * 6 + "▋ 2",
        "web\\x1b[2J  " + "█" * 3 + "▍ 1",
    ]


def test_table_and_curve_of_a_series(table: Table) -> None:
    table.fill(
        [{"g": g, "timestamp": 1_795_773_600 + 60 * minute} for g, minute in (("a", 0), ("a", 0), ("a", 2), ("b", 1))]
    )
    asked: dict[str, Any] = {"from_": "2026-11-27T10:00:00Z", "to": "2026-11-27T10:03:00Z", "granularity": "1m"}
    answer = table.ask(**asked, calculations=[{"op": "count"}], group_by=["g"])
    assert lines(answer, 2)[:4] == [
        "time                  g  count",
        "2026-11-27T10:00:00Z  a      2",
        "2026-11-27T10:00:00Z  b      0",
        "2026-11-27T10:01:00Z  a      0",
    ]
    assert list(chart(answer)) == [
        "a  █ ▄  up to 2",
        "b   ▄   up to 1",
        "   2026-11-27T10:00:00Z to 2026-11-27T10:02:00Z",
    ]


def test_nothing_found(table: Table) -> None:
    table.fill([{"v": 1}])
    answer = table.ask(q="nothing", group_by=["g"], **COUNT)
    assert lines(answer, 1) == ["g  count  avg(v)"]
    assert list(chart(answer)) == []
