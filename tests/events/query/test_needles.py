"""What is looked for in gram files: whatever a query finds has it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from events.lake.gram_builder import searched_text
from events.query.body import read_query
from events.query.needles import clauses_of
from events.query.search import parse_search
from tests.events.query import evaluate, test_property
from tests.events.query.evaluate import Event
from tests.events.query.table import NOW_US, Table
from tests.examples import examples


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("connection", [("connection", "connection")]),
        ('"a \\"b"', [('a "b', 'a \\"b')]),
        ("one two", [("one", "one"), ("two", "two")]),
        ("one OR (two three)", [("one", "one", "two", "two")]),
        ("one OR -two", []),
        ("-one", []),
        ("/one/", []),
        ("trace_id:4bf9", [("4bf9", "4bf9")]),
        ("trace_id:(4bf9 OR 12)", []),
        ("user.id:u-17", [("u-17", "u-17")]),
        ("user.id:17", []),
        ("level:error", []),
        ("region:eu*", []),
    ],
)
def test_what_a_line_looks_for(line: str, expected: list[tuple[str, ...]]) -> None:
    assert clauses_of(parse_search(line)) == expected


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(found=test_property.events, body=test_property.bodies)
def test_whatever_matches_has_it(table: Table, found: list[Any], body: dict[str, Any]) -> None:
    texts = [test_property.written(event) for event in found]
    table.fill(texts, received_us=NOW_US - 1)
    events = [Event(text, place) for place, text in enumerate(texts)]
    asked = {"datasets": ["logs"], "filters": body["filters"], "q": body["word"] and f'"{body["word"]}"'}
    query = read_query(asked, now_us=NOW_US)
    text = searched_text(["request_id", "trace_id"])
    for clause in clauses_of(query.filter):
        held = " OR ".join(["contains(text, lower(?))"] * len(clause))
        rows = table.execute(f"SELECT {held} FROM (SELECT id, {text} AS text FROM known) ORDER BY id", clause)
        for event, (holds,) in zip(events, rows, strict=True):
            assert holds or not matches(event, body), (event.text, clause)


def matches(event: Event, body: dict[str, Any]) -> bool:
    word = body["word"]
    return all(evaluate.holds(event, one) for one in body["filters"]) and (
        word is None or evaluate.holds_text(event, word)
    )
