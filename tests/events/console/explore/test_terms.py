"""Terms made of an event's values: each finds the event, whatever stands in it."""

import json

import pytest

from events.console.explore.event_text import leaves
from events.console.explore.terms import open_to_more, term_of, with_term
from tests.events.query.conftest import table  # noqa: F401  (fixture)
from tests.events.query.table import Table

OTHER = 100
MEMBERS = [
    '"level":50', '"level":"error"', '"message":"two words"', '"service":5', '"no":-5', '"no":1.50', '"no":1e3',
    '"yes":true', '"a.b":"c"', '"odd key":"x"', '"/a/ b":"/x/ y"', '"-x":"-y"', '"OR":"OR"', '"":"empty"',
    '"q":"say \\"hi\\" \\\\ back"', '"star":"a*b"', '"p":"(a) OR b"', '"é":"ü"', '"id":"mine"', '"dataset":"mine"',
    '"tags":["a b"]', '"http":{"status":500}', '"http":{"a.b":{"c d":1}}', '"list":[{"k":"v"}]',
    '"big":123456789012345678901234567890', '"a.b.c.d.e.f.g":1', '"t":""', '"event_time":"later"', '"AND":"AND"',
]  # fmt: skip


@pytest.mark.parametrize("member", MEMBERS)
def test_term_finds_events_with_the_value_and_its_negation_the_others(member: str, table: Table) -> None:  # noqa: F811
    table.fill([f'{{{member},"n":1}}', f'{{"n":{OTHER}}}', '{"n":2}'])
    row = next(row for _, row in table.ask().events if json.loads(row.event)["n"] == 1)
    term = term_of(*next(leaves(row.event)), row)
    assert term is not None
    q = open_to_more(f"n:1 OR n:{OTHER}")
    assert table.found(q=with_term(q, term)) == [1]
    assert table.found(q=with_term(q, f"-{term}")) == [OTHER]
    assert table.found(q=with_term("", term)) == [1]
    assert with_term(f"n:1 {term}", term) == f"n:1 {term}"


def test_value_that_a_search_line_cannot_say_has_no_term(table: Table) -> None:  # noqa: F811
    table.fill(['{"n":null,"o":{},"l":[1],"deep":[["x"]],"s":"a\\nb","long":"' + "x" * 300 + '","x":1}'])
    [(_, row)] = table.ask().events
    assert [keys for keys, value in leaves(row.event) if term_of(keys, value, row)] == [('"l"', 0), ('"x"',)]


def test_leaves_are_what_stands_in_an_event() -> None:
    event = '{"a":{"b":[1.50,{"c":"},["},[]],"d":{}},"a":null,"e":true , "f":[[]]}'
    assert list(leaves(event)) == [
        (('"a"', '"b"', 0), "1.50"), (('"a"', '"b"', 1, '"c"'), '"},["'), (('"a"', '"b"', 2), "[]"),
        (('"a"', '"d"'), "{}"), (('"a"',), "null"), (('"e"',), "true"), (('"f"', 0), "[]"),
    ]  # fmt: skip
    assert list(leaves("{}")) == []
