"""The conditions of a question as chips, and what the page says when nothing is found."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from events.lake.deadline import QueryTimeout
from events.query import run
from events.query.answer import Answer
from events.query.search import InvalidSearch, parse_search, split_search
from tests.events.console.explore.test_page import PATH, ask, messages, text_of
from tests.events.lake.conftest import Node


@pytest.mark.parametrize(
    ("line", "terms"),
    [
        ("", []),
        ("level:error  -service:web ", ["level:error", "-service:web"]),
        ('a AND NOT b "c d"', ["a", "NOT b", '"c d"']),
        ("level:(a OR b) -(c d)", ["level:(a OR b)", "-(c d)"]),
        ("(a OR b) http.status>=500 /x y/", ["(a OR b)", "http.status>=500", "/x y/"]),
        (" a b OR c ", ["a b OR c"]),
        ('"odd key":"a \\" b" x', ['"odd key":"a \\" b"', "x"]),
        ("ORder ANDy -NOT x", ["ORder", "ANDy", "-NOT x"]),
    ],
)
def test_search_line_is_split_into_terms_that_ask_the_same(line: str, terms: list[str]) -> None:
    assert split_search(line) == terms
    assert parse_search(" ".join(terms)) == parse_search(line)


def test_line_that_makes_no_sense_has_no_terms() -> None:
    with pytest.raises(InvalidSearch):
        split_search("a )")


def test_each_condition_is_a_chip_that_can_be_removed(node: Node, alice: Client) -> None:
    node.write('{"level":"error","message":"a b"}', '{"level":"error","message":"c"}')
    response = ask(alice, node, q='level:error message:"a b"')
    assert [chip.text for chip in response.context["chips"]] == ["level:error", 'message:"a b"']
    assert messages(response) == ["a b"]
    assert messages(alice.get(PATH + response.context["chips"][1].address)) == ["c", "a b"]
    assert 'aria-label="Remove level:error"' in text_of(response)
    assert "chips" not in ask(alice, node, 400, q="a )").context


def reasons(response: Any) -> list[tuple[str, int]]:
    return [(one.chip.text, one.found) for one in response.context["reasons"].without]


def test_empty_answer_says_so_for_groups_too(node: Node, alice: Client) -> None:
    node.write('{"level":"error"}')
    for groups in ({}, {"by": "level"}, {"by": "level", "calculate": "count"}):
        page = re.sub(r"<[^>]+>|\s+", " ", text_of(ask(alice, node, q="level:eror", **groups)))
        assert re.search(r"\b0 +events match +of 1\b", page), groups


def test_empty_answer_says_which_condition_empties_it(node: Node, alice: Client) -> None:
    node.write('{"level":"error","service":"api"}', '{"level":"info","service":"api"}', '{"level":"error"}')
    response = ask(alice, node, q="level:error service:api missing")
    assert reasons(response) == [("level:error", 0), ("service:api", 0), ("missing", 1)]
    page = text_of(response)
    assert "<strong>1 event</strong>" in page and page.count("still nothing") == 2
    assert len(messages(alice.get(PATH + response.context["reasons"].without[2].chip.address))) == 1
    grouped = ask(alice, node, q="level:error missing", calculate="count", by="service")
    assert reasons(grouped) == [("level:error", 0), ("missing", 2)]


def test_misspelt_name_leads_to_the_nearest_ones(node: Node, alice: Client) -> None:
    node.write('{"service":"checkout","message":"it"}', namespace="shop-eu")
    node.write('{"message":"old"}', namespace="shop-us", age=timedelta(hours=5))
    node.seal()
    response = ask(alice, node, q="namespace:shop-eus")
    [only] = response.context["reasons"].without
    assert {name for name, _ in only.nearest} == {"shop-eu", "shop-us"}
    assert messages(alice.get(PATH + dict(only.nearest)["shop-eu"])) == ["it"]
    response = ask(alice, node, q="service:Chekout message:it")
    first = response.context["reasons"].without[0]
    assert [name for name, _ in first.nearest] == ["checkout"] and "Did you mean" in text_of(response)
    assert messages(alice.get(PATH + first.nearest[0][1])) == ["it"]


def test_empty_time_frame_leads_to_the_last_event(node: Node, alice: Client) -> None:
    node.write('{"message":"old","timestamp":"2026-01-05T10:00:00Z"}', '{"timestamp":"2026-01-04T10:00:00Z"}')
    response = ask(alice, node, q="old", from_="2026-02-01", to="2026-02-02")
    page = text_of(response)
    assert "is in this time frame." in page and "2026-01-05 10:00:00 UTC" in page and "still nothing" not in page
    assert messages(alice.get(PATH + response.context["reasons"].last_address)) == ["old"]


def test_time_out_says_how_much_there_was_to_look_at(
    node: Node, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_too_long(*arguments: Any) -> Answer:
        raise QueryTimeout(arguments[-1].events)

    node.write("{}", "{}")
    monkeypatch.setattr(run, "answer_query", take_too_long)
    page = text_of(ask(alice, node, 400, from_="24h"))
    assert "There were 2 events to look at. Ask for less of the past." in page and "Ask for the last 6 h" in page
