"""Filters of a query as terms of a search line, where a line asks for exactly the same."""

from typing import Any

import pytest

from events.console.explore.filter_terms import with_filters
from events.query.body import read_query


def line(*filters: Any, q: str = "") -> str | None:
    return with_filters(q, read_query({"datasets": ["logs"], "filters": [*filters]}, now_us=0).filter)


def one(path: str, op: str, value: Any = None) -> dict[str, Any]:
    return {"path": path, "op": op} | ({} if value is None else {"value": value})


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (one("level", "=", "error"), 'level:"error"'),
        (one("http.status", ">=", 500), "http.status>=500"),
        (one("n", "!=", -1.5), "-n:-1.5"),
        (one("odd key", "<", 'a "b" \\'), '"odd key"<"a \\"b\\" \\\\"'),
        (one("ok", "=", True), 'ok:"true"'),
        (one("n", "=", "404"), 'n:"404"'),
        (one("n", "in", [1, "a b"]), '(n:1 OR n:"a b")'),
        (one("n", "not_in", [1]), "-n:1"),
        (one("n", "not_exists"), "-n:*"),
        (one("message", "contains", "time"), "message:*time*"),
        (one("message", "starts_with", "time"), "message:time*"),
        (one("message", "ends_with", "out"), "message:*out"),
        (one("path", "matches", "^/a/.*"), r"path:/^\/a\/.*/"),
        ({"or": [one("a", "=", 1), {"and": [one("b", "=", 2), {"not": one("c", "exists")}]}]}, "(a:1 OR (b:2 -c:*))"),
    ],
)
def test_filter_is_said_as_a_term(found: Any, expected: str) -> None:
    assert line(found) == expected
    assert line(found, one("z", "=", 1), q="x OR y") == f"(x OR y) {expected} z:1"
    assert line(found, found, q="x OR y") == f"(x OR y) {expected}"  # it has to hold once


@pytest.mark.parametrize(
    "found",
    [
        one("n", "like", "a_b"),
        one("n", "contains", "a b"),
        one("n", "contains", "a*b"),
        one("n", "starts_with", '"'),
        one("n", ">", True),
        one("n", "contains", ""),
        {"or": []},
        one("n", "in", [*range(101)]),
    ],
)
def test_filter_that_no_line_says_is_left_out(found: Any) -> None:
    assert line(found) is None


def test_without_filters_it_is_the_search_itself() -> None:
    assert line(q="level:error") == "level:error"
