"""The body of a query: everything is checked, and every problem is reported at once with its place."""

from typing import Any

import pytest

from eventlane.wire.errors import InvalidRequestBody
from events.query.body import InvalidSearchLine, read_query
from events.query.model import All, Calculation, Compare, Not, Op, Order
from tests.events.query.table import NOW_US

MINUTE = 60_000_000


def read(**body: Any) -> Any:
    return read_query({"datasets": ["logs"]} | body, now_us=NOW_US)


def problems(body: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequestBody) as raised:
        read_query(body, now_us=NOW_US)
    return {problem["pointer"]: problem["reason"] for problem in raised.value.data["jsv_errors"]}


def test_defaults() -> None:
    query = read()
    assert query.datasets == ("logs",)
    assert (query.from_us, query.to_us) == (NOW_US - 60 * MINUTE, NOW_US)
    assert not query.by_receipt and query.others
    assert (query.calculations, query.group_by, query.order_by) == ((), (), ())
    assert (query.limit, read(calculations=[{"op": "count"}]).limit) == (100, 10)
    assert query.granularity_us is None and query.zone.key == "UTC" and query.before is None


def test_null_is_absent() -> None:
    names = ("from", "to", "time", "q", "filters", "calculations", "group_by", "having", "order_by", "limit", "others")
    assert read(**dict.fromkeys((*names, "granularity", "time_zone", "before"))) == read()


def test_everything_is_read() -> None:
    query = read(
        **{"from": "2026-11-27", "to": "now", "time": "received", "time_zone": "Europe/Berlin"},
        q="level:error",
        filters=[{"path": "n", "op": "!=", "value": 5}],
        calculations=[{"op": "COUNT"}, {"op": "P95", "path": "duration", "alias": "slow"}],
        group_by=["service", {"path": "level"}],
        having=[{"path": "slow", "op": ">", "value": 5}],
        order_by=[{"by": "slow", "order": "asc"}, {"by": "service"}],
        limit=5.0,
        others=False,
        granularity="5m",
    )
    assert query.from_us == NOW_US - 13 * 60 * MINUTE
    assert query.filter == All((Compare("level", Op.EQUALS, ("error",)), Not(Compare("n", Op.EQUALS, (5,)))))
    assert query.calculations == (Calculation("count", None, "count"), Calculation("p95", "duration", "slow"))
    assert query.group_by == ("service", "level")
    assert query.order_by == (Order("slow", False), Order("service", False))
    assert (query.limit, query.others, query.granularity_us, query.by_receipt) == (5, False, 5 * MINUTE, True)


def test_every_problem_is_reported_at_once() -> None:
    found = problems(
        {
            "datasets": ["logs", "Not A Name", 5],
            "from": "yesterday",
            "time": "sent",
            "filter": [],
            "filters": [
                {"path": "a", "op": "~", "value": 1, "odd/key": 2},
                {"or": [{"path": "", "op": "=", "value": 1}, {"not": {"path": "b", "op": "=", "value": [1]}}]},
                {"path": "c", "op": "matches", "value": "("},
                {"path": "c", "op": "in", "value": []},
                {"path": "event_time", "op": ">", "value": "soon"},
                "level=error",
                {},
            ],
            "calculations": [{"op": "p42", "path": "x"}, {"op": "sum"}, {"op": "count"}, {"op": "count"}, {}],
            "group_by": ["service", "service", 5, {}],
            "having": [{"path": "max", "op": ">", "value": 1}],
            "order_by": [{"by": "nothing", "order": "up"}],
            "limit": 1001,
            "others": "yes",
            "granularity": "1ms",
            "time_zone": "Mars/Base",
            "before": "yesterday",
        }
    )
    assert list(found) == [
        *("/filter", "/time_zone", "/from"),
        *("/calculations/0/op", "/calculations/1", "/calculations/3", "/calculations/4"),
        *("/group_by/1", "/group_by/2", "/group_by/3", "/granularity", "/order_by/0/order", "/order_by/0/by"),
        *("/datasets/1", "/datasets/2", "/time"),
        *("/filters/0/odd~1key", "/filters/0/op", "/filters/1/or/0/path", "/filters/1/or/1/not/value"),
        *("/filters/2/value", "/filters/3/value", "/filters/4/value", "/filters/5", "/filters/6"),
        *("/having/0/path", "/limit", "/others", "/before"),
    ]
    assert found["/filters/2/value"].startswith("is no regular expression: missing )")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (None, ""),
        ([], ""),
        ({}, ""),
        ({"datasets": []}, "/datasets"),
        ({"datasets": "logs"}, "/datasets"),
        ({"datasets": ["x"] * 21}, "/datasets"),
        ({"from": "now", "to": "1h"}, "/from"),
        ({"from": "now", "to": "now"}, "/from"),
        ({"q": 5}, "/q"),
        ({"q": "event_time>soon"}, "/q"),
        ({"limit": 0}, "/limit"),
        ({"limit": True}, "/limit"),
        ({"limit": 1.5}, "/limit"),
        ({"group_by": ["service"]}, "/group_by"),
        ({"granularity": "1m"}, "/granularity"),
        ({"having": [{"path": "count", "op": ">", "value": 1}]}, "/having/0/path"),
        ({"calculations": [{"op": "count"}], "group_by": list("abcdef")}, "/group_by"),
        ({"calculations": [{"op": "count"}], "group_by": ["count"]}, "/group_by/0"),
        ({"calculations": [{"op": "count", "alias": ""}]}, "/calculations/0/alias"),
        ({"calculations": [{"op": "count"}], "granularity": "1s", "from": "2h"}, "/granularity"),
        ({"calculations": [{"op": "count"}], "granularity": "36h", "from": "9d"}, "/granularity"),
        ({"calculations": [{"op": "count"}], "before": "5.01234567-89ab-7cde-8000-0123456789ab"}, "/before"),
        ({"filters": [{"path": "a", "op": "exists", "value": 1}]}, "/filters/0/value"),
        ({"filters": [{"path": "a", "op": "="}]}, "/filters/0"),
        ({"filters": [{"path": "a", "op": "matches", "value": "(?<name>a)"}]}, "/filters/0/value"),
        ({"filters": [{"path": "a", "op": "=", "value": {}}]}, "/filters/0/value"),
        ({"filters": [{"path": "a", "op": "=", "value": "a" * 32_769}]}, "/filters/0/value"),
        ({"filters": [{"path": "a" * 1001, "op": "exists"}]}, "/filters/0/path"),
        ({"filters": [{"and": "a"}]}, "/filters/0/and"),
        ({"filters": [{"and": [{"path": "a", "op": "exists"}] * 100}] * 2}, "/filters"),
        ({"filters": [{"not": {"not": {"path": "a", "op": "exists"}}, "path": "b"}]}, "/filters/0/path"),
    ],
)
def test_refused(body: Any, pointer: str) -> None:
    whole = {"datasets": ["logs"]} | body if body and "datasets" not in body else body
    assert list(problems(whole)) == [pointer]


def test_filters_nest_ten_levels_deep() -> None:
    nested: dict[str, Any] = {"path": "a", "op": "exists"}
    for _ in range(9):
        nested = {"not": nested}
    read(filters=[nested])
    assert list(problems({"datasets": ["logs"], "filters": [{"not": nested}]})) == ["/filters/0" + "/not" * 10]


def test_search_line_has_an_error_of_its_own() -> None:
    with pytest.raises(InvalidSearchLine) as raised:
        read(q="level:error (a")
    assert (raised.value.status, raised.value.code) == (400, "invalid_search")
    assert raised.value.data == {"position": 15, "expected": "a ) for the ( at character 13"}
    assert set(problems({"datasets": ["logs"], "q": "(", "limit": 0})) == {"/q", "/limit"}
