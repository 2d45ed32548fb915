"""Queries over sealed and unsealed events: filters, search, times, order, limits."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from events.lake.connection import Lake
from events.lake.deadline import QueryTimeout
from events.models import Dataset
from tests.events.lake.conftest import Node

EVENTS = [
    '{"n":0,"level":"error","message":"Größe zu klein","user":{"id":42,"tags":["a","b"]}}',
    '{"n":1,"level":"info","user.id":42,"user":{"id":1}}',
    '{"n":2,"level":"info","user.id":null,"user":{"id":42}}',
    '{"n":3,"level":30,"message":"caf\\u00e9 \\ud83d\\ude00 a\\/b \\"quoted\\"","duration":12}',
    '{"n":4,"requestId":"r-1","traceId":"t-1","duration":12.5,"error":"boom","service":"api"}',
    '{"n":5,"a/b":"slash","c~d":"tilde","e\\"f":"quote","":"empty","f":true,"g":null,"h":[1, 2],"i":1.50}',
    '{"n":6,"message":"100% _wild_ \\\\ back","deep":{"a":{"b":{"c":"found"}}}}',
]

FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [0, 1, 2, 3, 4, 5, 6]),
    ({"filters": (("level", "error"),)}, [0]),
    ({"filters": (("level", "ERROR"),)}, [0]),
    ({"filters": (("level", "ERRO"),)}, []),
    ({"filters": (("level", "30"),)}, [1, 2, 3]),
    ({"filters": (("level", "info"), ("user.id", "42"))}, [1, 2]),
    ({"filters": (("user.id", "42"),)}, [0, 1, 2]),
    ({"filters": (("user.id", "1"),)}, []),
    ({"filters": (("user.tags.0", "a"),)}, [0]),
    ({"filters": (("user.tags", '["a","b"]'),)}, [0]),
    ({"filters": (("deep.a.b.c", "found"),)}, [6]),
    ({"filters": (("duration", "12"),)}, [3]),
    ({"filters": (("duration", "12.50"),)}, [4]),
    ({"filters": (("duration", "long"),)}, []),
    ({"filters": (("request_id", "r-1"), ("traceId", "t-1"))}, [4]),
    ({"filters": (("requestId", "r-1"), ("trace_id", "t-1"))}, [4]),
    ({"filters": (("error", "boom"),)}, [4]),
    ({"filters": (("service", "api"),)}, [4]),
    ({"filters": (("service", "route"),)}, [0, 1, 2, 3, 5, 6]),
    ({"filters": (("namespace", "web"), ("n", "5"))}, [5]),
    ({"filters": (("a/b", "slash"), ("c~d", "tilde"), ('e"f', "quote"))}, [5]),
    ({"filters": (("f", "true"),)}, [5]),
    ({"filters": (("g", "null"),)}, []),
    ({"filters": (("h", "[1,2]"),)}, [5]),
    ({"filters": (("i", "1.5"),)}, [5]),
    ({"filters": (("id", "no-uuid"),)}, []),
    ({"filters": (("n' OR '1'='1", "x"),)}, []),
    ({"filters": (("n", "1' OR '1'='1"),)}, []),
    ({"namespace": "web"}, [0, 1, 2, 3, 4, 5, 6]),
    ({"namespace": "WEB"}, []),
    ({"search": "GRÖSSE"}, []),
    ({"search": "größe ZU"}, [0]),
    ({"search": "CAFÉ"}, [3]),
    ({"search": "\\u00e9"}, [3]),
    ({"search": "😀 A/B"}, [3]),
    ({"search": '"quoted"'}, [3]),
    ({"search": "100% _wild_"}, [6]),
    ({"search": "100%"}, [6]),
    ({"search": "12.5"}, [4]),
    ({"search": "0%_"}, []),
    ({"search": "wild_ \\ back"}, [6]),
    ({"search": '"level":"info"'}, [1, 2]),
    ({"search": "info", "filters": (("n", "1"),)}, [1]),
    ({"limit": 2}, [5, 6]),
    ({"limit": 2, "filters": (("level", "info"),)}, [2, 3]),
]


def numbers(node: Node, **query: Any) -> list[int]:
    return [json.loads(event)["n"] for event in node.events(**query)]


def write_all(node: Node) -> None:
    for event in EVENTS:
        node.write(event, service="route")


def test_lower_case_turns_nothing_into_digits_or_signs() -> None:
    """So a text without letters may be searched for in the event as it is."""
    numbers = "SELECT unnest(range(1, 55296)) AS n UNION ALL SELECT unnest(range(57344, 1114112))"  # without surrogates
    rows = duckdb.execute(f"SELECT c, lower(c) FROM (SELECT chr(n::INTEGER) AS c FROM ({numbers}))").fetchall()
    assert len(rows) == 0x110000 - 0x800 - 1 and ("Ä", "ä") in rows
    assert [low for character, low in rows if low != character and low.isascii() and not low.isalpha()] == []


@pytest.mark.slow
@pytest.mark.parametrize("place", ["journal", "lake", "both"])
def test_filters_and_search(place: str, node: Node) -> None:
    if place == "both":
        for event in EVENTS[:4]:
            node.write(event, service="route")
        node.seal()
        for event in EVENTS[4:]:
            node.write(event, service="route")
    else:
        write_all(node)
    if place == "lake":
        node.seal()
    assert [(query, numbers(node, **query)) for query, _ in FILTERS] == FILTERS


@pytest.mark.quick
def test_event_is_found_by_its_id(node: Node) -> None:
    write_all(node)
    row = node.rows()[3]
    node.seal()
    assert node.rows(filters=(("id", str(row.id)),)) == [row]


def test_times_are_of_receipt(node: Node) -> None:
    for age in (50, 40, 30, 20, 10, 0):
        node.write(json.dumps({"n": age, "timestamp": 0}), age=timedelta(days=age))
    now = datetime.now(UTC)
    for _ in range(2):
        assert numbers(node, from_time=now - timedelta(days=35)) == [30, 20, 10, 0]
        assert numbers(node, to_time=now - timedelta(days=35)) == [50, 40]
        between = {"from_time": now - timedelta(days=45), "to_time": now - timedelta(days=15)}
        assert numbers(node, **between) == [40, 30, 20]
        assert numbers(node, **between, limit=2) == [30, 20]
        assert numbers(node, to_time=now - timedelta(days=15), limit=3) == [40, 30, 20]
        assert numbers(node, limit=3) == [20, 10, 0]
        assert numbers(node, limit=5) == [40, 30, 20, 10, 0]
        assert numbers(node, limit=100) == [50, 40, 30, 20, 10, 0]
        node.seal()


@pytest.mark.quick
def test_other_datasets_are_not_seen(node: Node) -> None:
    other = Dataset.objects.create(project=node.dataset.project, name="other")
    node.write('{"n":1}')
    node.write('{"n":2}', dataset=other)
    assert (node.events(), node.events(dataset=other)) == (['{"n":1}'], ['{"n":2}'])
    node.seal()
    assert (node.events(), node.events(dataset=other)) == (['{"n":1}'], ['{"n":2}'])


def test_nothing_was_ever_stored(node: Node) -> None:
    assert node.events() == []
    node.write("{}", dataset=Dataset.objects.create(project=node.dataset.project, name="other"))
    node.seal()
    assert node.events() == []


def test_event_that_will_be_quarantined_does_not_spoil_a_query(node: Node) -> None:
    node.write('{"n":1}', b'{"n":\xff}', '{"n":2}')
    assert numbers(node) == [1, 2]


def test_query_that_takes_too_long_is_stopped(node: Node, settings: Any) -> None:
    for start in range(0, 150_000, 1000):
        node.write(*[json.dumps({"n": number, "text": "x" * 200}) for number in range(start, start + 1000)])
    settings.EVENTLANE_QUERY_SECONDS = 0.05
    with pytest.raises(QueryTimeout, match=r"longer than 0\.05 seconds"):
        node.events(search="no such text")
    settings.EVENTLANE_QUERY_SECONDS = 60
    assert numbers(node, limit=1) == [149_999]


def test_large_result_is_streamed_in_order(node: Node) -> None:
    for start in range(0, 30_000, 1000):
        node.write(*[json.dumps({"n": number}) for number in range(start, start + 1000)])
        if start == 15_000:
            node.seal()
    assert numbers(node) == list(range(30_000))


def test_catalog_that_has_no_tables_yet_hides_nothing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lake's first writer creates the catalog in one commit and the tables in the next."""
    node.write('{"n": 1}')
    monkeypatch.setattr(Lake, "_create_tables", lambda lake: None)
    Lake().close()
    monkeypatch.undo()
    assert node.events() == ['{"n": 1}']
    node.seal()
    assert node.events() == ['{"n": 1}']
