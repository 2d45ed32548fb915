"""What is looked for in gram files: whatever a query finds has it."""

from typing import Any
from uuid import UUID

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.lake.conditions import SEARCHED_COLUMNS
from events.lake.gram_builder import searched_text
from events.lake.query import EventQuery
from events.lake.unsealed import times_of_ids
from events.models import Dataset
from events.query.body import read_query
from events.query.literals import literals
from events.query.needles import clauses_of, ids_of, where_of
from events.query.search import expression_problem, parse_search
from events.query.where import search_conditions
from tests.events.query import evaluate, test_property
from tests.events.query.evaluate import Event
from tests.events.query.table import KNOWN, NOW_US, Table
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
        ("/one/", [("one",)]),
        ("trace_id:4bf9", [("4bf9", "4bf9")]),
        ("trace_id:(4bf9 OR 12)", []),
        ("user.id:u-17", [("u-17", "u-17")]),
        ("user.id:17", []),
        ("level:error", []),
        ("region:eu*", [("eu", "eu")]),
        ("message:*reset*", [("reset", "reset")]),
        ('message:"reset by"', [("reset by", "reset by")]),
        ("error:/(a|b)/", []),
        ("error:/a.b/", [("a", "a"), ("b", "b")]),
        ("duration:*40*", []),
        ("user.id:40*", []),
        ("user.id:/4[a-z]0/", []),
        ("service:we*", []),
        ("con*peer", [("con",), ("peer",)]),
        ("/con.peer?/", [("con",), ("pee",)]),
    ],
)
def test_what_a_line_looks_for(line: str, expected: list[tuple[str, ...]]) -> None:
    assert clauses_of(parse_search(line)) == expected


def test_of_many_parts_the_longest_are_looked_for() -> None:
    line = "message:" + "*".join("a" * (1 + n % 50) for n in range(1000))
    assert clauses_of(parse_search(line)) == [("a" * n, "a" * n) for n in range(50, 30, -1)]


def test_ids_that_a_line_looks_for() -> None:
    first, second = UUID(int=1 << 80), UUID(int=5 << 80)
    assert ids_of(parse_search(f"one id:{first}")) == [first]
    assert ids_of(parse_search(f"id:{first} level:error")) == [first]
    filters = [{"path": "id", "op": "in", "value": [str(first), str(second), "other"]}]
    query = read_query({"datasets": ["logs"], "filters": filters}, now_us=NOW_US)
    assert where_of(query).ids == [first, second]
    assert times_of_ids([first, second]) == (1000, 6000)
    for line in (f"id:{first} OR one", f"-id:{first}", "id:4bf9", f"id:{first}*"):
        assert ids_of(parse_search(line)) == []


def test_pages_and_tails_look_for_it_too() -> None:
    query = EventQuery(Dataset(), search="one", where=search_conditions("two message:*three*"))
    assert query.conditions().clauses == [("one", "one"), ("two", "two"), ("three", "three")]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("connection", ["connection"]),
        (r"a\.b+cd?e*f{2,3}g", ["a.b", "c", "g"]),
        (r"x[^a\]b]y\d+z[]a]w", ["x", "y", "z", "w"]),
        (r"^ab$|c", []),
        ("(ab)c", []),
        ("(?s)^eu\\-.*1$", ["eu-", "1"]),
        ("(?is)task.*é", ["ta"]),
        ("(?i:a)b", []),
        (r"\Qa*b\E", []),
        (r"a\x41b", []),
        ("[[:alpha:]]b", []),
        ("a{b", []),
        ("", []),
    ],
)
def test_texts_that_whatever_matches_has_in_it(expression: str, expected: list[str]) -> None:
    assert literals(expression) == expected


@settings(max_examples=examples(300), deadline=None)
@given(
    st.text("abkS.*+?|()[]{}\\^$1,dé\n", max_size=12),
    st.text("abkKsſSé1.d", max_size=8),
    st.sampled_from(["", "(?is)", "(?s)"]),
)
def test_no_text_is_missing_from_what_matches(expression: str, text: str, flags: str) -> None:
    found = literals(flags + expression)
    if found and expression_problem(flags + expression) is None:
        [[matches, lowered, *parts]] = duckdb.execute(
            f"SELECT regexp_matches(?, ?), lower(?){', lower(?)' * len(found)}",
            [text, flags + expression, text, *found],
        ).fetchall()
        assert not matches or all(part in lowered for part in parts)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(found=test_property.events, body=test_property.bodies)
def test_whatever_matches_has_it(table: Table, found: list[Any], body: dict[str, Any]) -> None:
    texts = [test_property.written(event) for event in found]
    table.fill(texts, received_us=NOW_US - 1)
    events = [Event(text, place) for place, text in enumerate(texts)]
    asked = {"datasets": ["logs"], "filters": body["filters"], "q": body["word"] and f'"{body["word"]}"'}
    query = read_query(asked, now_us=NOW_US)
    text = searched_text(SEARCHED_COLUMNS)
    for clause in clauses_of(query.filter):
        held = " OR ".join(["contains(text, lower(?))"] * len(clause))
        rows = table.execute(
            f"SELECT {held} FROM (SELECT id, {text} AS text FROM (SELECT {KNOWN} FROM known)) ORDER BY id", clause
        )
        for event, (holds,) in zip(events, rows, strict=True):
            assert holds or not matches(event, body), (event.text, clause)


def matches(event: Event, body: dict[str, Any]) -> bool:
    word = body["word"]
    return all(evaluate.holds(event, one) for one in body["filters"]) and (
        word is None or evaluate.holds_text(event, word)
    )
