"""The opened event: a tree with what each value leads to, its JSON to the byte, and columns of the list."""

import html
import json
from typing import Any

import pytest
from django.test import Client

from events.console.explore.stack_traces import read_stack_trace
from tests.events.console.explore.test_page import PATH, ask, messages, opened, text_of
from tests.events.lake.conftest import Node

PYTHON = 'Traceback (most recent call last):\n  File "a.py", line 3, in pay\n    post(card)\nGatewayError: no'
JAVASCRIPT = "TypeError: boom\n    at load (/srv/cart.js:10:15)\n    at async run (/srv/main.js:3:1)"
JAVA = "java.lang.Error: late\n\tat a.B.c(B.java:7)\nCaused by: java.io.IOException: no\n\tat d.E.f(E:9)\n\t... 3 more"


def row(event: Any, path: str) -> Any:
    return next(one for one in event.tree if one.path == path)


def test_tree_has_the_types_of_all_values(node: Node, alice: Client) -> None:
    node.write('{"a":{"b":[1,{"c":"x"}],"d":{}},"n":null,"t":true,"price":1.50}')
    event = opened(alice, ask(alice, node).context["lines"][0])
    shown = [(one.name, one.kind, one.text) for one in event.tree if not one.closes]
    assert shown == [
        ("a", "object", "2 keys"), ("b", "list", "2 elements"), ("0", "number", "1"), ("1", "object", "1 key"),
        ("c", "text", '"x"'), ("d", "object", "{}"), ("n", "null", "null"), ("t", "boolean", "true"),
        ("price", "number", "1.50"),
    ]  # fmt: skip
    assert sum(one.opens for one in event.tree) == sum(one.closes for one in event.tree) == 3


def test_value_and_path_are_copied_as_they_were_sent(node: Node, alice: Client) -> None:
    sent = (
        '{"big":12345678901234567890.1230,"s":"a \\"b\\"\\n\\u0000","o":{"k": [1.0]},"odd key":1,"level":"x","a,b":1}'
    )
    node.write(sent)
    event = opened(alice, ask(alice, node).context["lines"][0])
    copied = {one.path: json.loads(one.copied) for one in event.tree if not one.closes}
    assert copied["big"] == "12345678901234567890.1230" and copied["s"] == 'a "b"\n\x00'
    assert copied["o"] == '{"k": [1.0]}' and json.loads(event.copied) == sent
    paths = {one.path: one.column_path for one in event.tree if not one.closes}
    assert paths == {
        "big": "big", "s": "s", "o": "o", "o.k": "o.k", "o.k.0": "o.k.0", "odd key": "/odd key", "level": "level",
        "a,b": "",
    }  # fmt: skip


def test_raw_event_is_downloaded_to_the_byte(node: Node, alice: Client) -> None:
    sent = '{ "b" : 1.50,\t"turned":"x\u202ey", "twice":1, "twice":2 }'
    node.write(sent)
    line = ask(alice, node).context["lines"][0]
    response = alice.get(alice.get(line.address).context["file_address"])
    assert response.content.decode() == sent and response["Content-Type"] == "application/json"
    assert "attachment" in response["Content-Disposition"]


def test_event_is_a_page_of_its_own_without_the_script(node: Node, alice: Client) -> None:
    node.write('{"message":"it"}')
    line = ask(alice, node, q="it").context["lines"][0]
    page, part = text_of(alice.get(line.address)), text_of(alice.get(line.address, headers={"X-Background": "1"}))
    assert "<html" in page and "<html" not in part and "Back to the events" in page
    assert all('class="ev-tree"' in one for one in (page, part))


def test_event_of_very_many_and_very_deep_values_is_cut(node: Node, alice: Client) -> None:
    node.write('{"deep":' + '{"a":' * 500 + "1" + "}" * 500 + ',"l":[' + ",".join(["[0]"] * 300) + "]}")
    line = ask(alice, node).context["lines"][0]
    event = opened(alice, line)
    assert len(event.values) == 200 and event.more == 101
    assert sum(one.opens for one in event.tree) == sum(one.closes for one in event.tree)
    assert event.values[0].name.startswith("a.a.a")
    assert text_of(alice.get(line.address)).count("<details open>") == sum(one.opens for one in event.tree)


def test_event_of_more_levels_than_python_reads_is_shown(node: Node, alice: Client) -> None:
    node.write('{"a":1,"traceId":"t","deep":' + "[" * 12_000 + "]" * 12_000 + "}")
    response = ask(alice, node, columns="a")
    event = opened(alice, response.context["lines"][0])
    assert [one.path for one in event.values][:2] == ["a", "traceId"]
    assert alice.get(event.trace_address).context["trace"].logs == 1


# Columns


def test_column_is_added_shown_digit_for_digit_and_removed(node: Node, alice: Client) -> None:
    node.write('{"message":"old","price":null}', '{"http":{"a.b":[1.50]},"price":1.50,"who":"é","message":"new"}')
    event = opened(alice, ask(alice, node).context["lines"][0])
    response = alice.get(row(event, "price").column_address)
    assert response.context["question"].columns == "price"
    assert [line.cells for line in response.context["lines"]] == [[("price", "1.50", "1.50")], [("price", "", "")]]
    [(path, without)] = response.context["columns"]
    assert path == "price" and not alice.get(PATH + without).context["columns"]
    assert not row(opened(alice, response.context["lines"][0]), "price").column_address  # it is one already

    node.write('{"latency_ms":1234.5}')
    assert ask(alice, node, columns="duration").context["lines"][0].cells == [("duration", "1.23 s", "1234.5 ms")]
    several = ask(alice, node, q="price:1.5", columns="who, http.a.b, http.a.b.0, level, nowhere, service, id")
    cells = {path: text for path, text, _ in several.context["lines"][0].cells}
    assert list(cells.values())[:6] == ["é", "[1.50]", "1.50", "", "", ""]
    assert cells["id"] == str(opened(alice, several.context["lines"][0]).row.id)


def test_columns_stay_when_something_else_is_asked(node: Node, alice: Client) -> None:
    node.write('{"a":1,"message":"x"}')
    response = ask(alice, node, columns="a")
    page = text_of(response)
    assert '<input type="hidden" name="columns" value="a">' in page and 'aria-label="Remove the column a"' in page
    [bar] = [bar for bar in response.context["chart"].bars if bar.segments]
    assert alice.get(PATH + bar.address).context["question"].columns == "a"


def test_no_more_columns_than_there_is_room_for(node: Node, alice: Client) -> None:
    node.write('{"a":1}')
    response = ask(alice, node, columns=",".join("bcdefghij"))
    assert len(response.context["columns"]) == 8
    assert not row(opened(alice, response.context["lines"][0]), "a").column_address


# Stack traces


@pytest.mark.parametrize(
    ("text", "line", "lines"),
    [
        (PYTHON, "GatewayError: no", 4),
        (JAVASCRIPT, "TypeError: boom", 3),
        (JAVA, "Caused by: java.io.IOException: no", 5),
    ],
)
def test_stack_trace_folds_to_the_line_that_says_what_went_wrong(text: str, line: str, lines: int) -> None:
    found = read_stack_trace(text)
    assert found and (found.line, found.lines) == (line, lines)


@pytest.mark.parametrize("text", ["", "one line", "two\nlines", "a list:\n  - at home\n  - on the way", "at\nall"])
def test_other_texts_are_no_stack_traces(text: str) -> None:
    assert read_stack_trace(text) is None


def test_stack_trace_is_folded_in_the_list_and_in_the_tree(node: Node, alice: Client) -> None:
    node.write(json.dumps({"message": PYTHON}))
    response = ask(alice, node)
    [line] = response.context["lines"]
    assert messages(response) == ["GatewayError: no"] and "stack trace, 4 lines" in text_of(response)
    page = html.unescape(alice.get(line.address).content.decode())
    assert 'File "a.py", line 3, in pay\n    post(card)\n' in page and "stack trace, 4 lines" in page
