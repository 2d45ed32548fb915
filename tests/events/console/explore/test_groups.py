"""Groups in Explore: a table of them, the first calculation over time, and what each of them leads to."""

import csv
import html
import io
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from django.test import Client

from events.console.explore.groups import Value, group_text, shown_value, value_text
from events.query.model import Calculation
from tests.console import logged_in
from tests.events.console.explore.test_page import PATH, ask, messages, text_of
from tests.events.lake.conftest import Node
from tests.factories import make_house


@pytest.fixture
def filled(node: Node) -> Node:
    node.write(
        '{"service":"api","duration":10,"http":{"status":500},"message":"a1"}',
        '{"service":"api","duration":30,"http":{"status":200},"message":"a2"}',
        age=timedelta(minutes=20),
    )
    node.seal()
    node.write('{"service":"web \\"x\\"","duration":5,"http":{"status":"200"},"message":"w"}', '{"message":"none"}')
    return node


def table(response: Any) -> list[list[str]]:
    return [
        [*(cell.text for cell in row.groups), *(value.text for value in row.values)]
        for row in response.context["groups"]
    ]


def test_groups_have_their_values_and_lead_to_their_events(filled: Node, alice: Client) -> None:
    response = ask(alice, filled, calculate="count, max(duration) as worst", by="service")
    assert table(response) == [["api", "2", "30 ms"], ['web "x"', "1", "5 ms"], ["(none)", "1", "–"]]
    assert [messages(alice.get(PATH + row.events_address)) for row in response.context["groups"]] == [
        ["a2", "a1"], ["w"], ["none"],
    ]  # fmt: skip
    [cell] = response.context["groups"][0].groups
    assert table(alice.get(PATH + cell.address)) == [["api", "2", "30 ms"]]
    assert messages(alice.get(PATH + response.context["events_address"])) == ["none", "w", "a2", "a1"]


def test_numbers_and_their_text_are_one_group(filled: Node, alice: Client) -> None:
    response = ask(alice, filled, by="http.status", calculate="count")
    assert table(response) == [["200", "2"], ["500", "1"], ["(none)", "1"]]
    assert messages(alice.get(PATH + response.context["groups"][0].events_address)) == ["w", "a2"]


def test_paths_alone_count(filled: Node, alice: Client) -> None:
    assert table(ask(alice, filled, by="service, http.status"))[0] == ["api", "200", "1"]


def test_calculation_without_groups_is_one_row(filled: Node, alice: Client) -> None:
    response = ask(alice, filled, calculate="avg(duration), count")
    assert table(response) == [["15 ms", "4"]]
    assert [line.title for line in response.context["line_chart"].lines] == ["avg(duration)"]
    assert table(ask(alice, filled, q="nothing-has-this", calculate="count")) == [["0"]]


@pytest.mark.parametrize(
    ("milliseconds", "text", "exact"),
    [
        (0, "0 ms", ""), (0.12345, "0.123 ms", "0.12345 ms"), (845, "845 ms", ""), (1234.567, "1.23 s", "1234.567 ms"),
        (119_000, "119 s", "119000 ms"), (150_000, "2.5 min", "150000 ms"), (-10_800_000, "-3 h", "-10800000 ms"),
        (259_200_000, "3 d", "259200000 ms"), (1.5e12, "17,361 d", "1500000000000 ms"),
    ],
)  # fmt: skip
def test_duration_has_a_unit_and_all_digits(milliseconds: float, text: str, exact: str) -> None:
    assert shown_value(milliseconds, Calculation("p95", "duration", "slow")) == Value(text, exact)
    assert shown_value(milliseconds, Calculation("count_distinct", "duration", "kinds")).text == value_text(
        milliseconds
    )
    assert shown_value(milliseconds, Calculation("max", "/duration", "own")).text == value_text(milliseconds)


def test_stack_trace_is_named_by_its_telling_line() -> None:
    assert (
        group_text('Traceback (most recent call last):\n  File "a.py", line 3, in pay\nGatewayError: no')
        == "GatewayError: no"
    )


def test_rest_is_in_others(filled: Node, alice: Client) -> None:
    response = ask(alice, filled, by="service", limit="1")
    assert (table(response), response.context["others"]) == ([["api", "2"]], [Value("2")])


def test_heading_orders_and_turns_the_order_round(filled: Node, alice: Client) -> None:
    response = ask(alice, filled, calculate="count", by="service")
    service, count = response.context["headings"]
    assert (service.sorted, count.sorted) == ("", "descending")
    by_name = alice.get(PATH + service.address)
    assert [row[0] for row in table(by_name)][:2] == ["api", 'web "x"']
    turned = alice.get(PATH + by_name.context["headings"][0].address)
    assert [row[0] for row in table(turned) if row[0] != "(none)"] == ['web "x"', "api"]
    assert [row[1] for row in table(alice.get(PATH + count.address))] == ["1", "1", "2"]


def test_chart_shows_what_the_table_is_in_order_of(filled: Node, alice: Client) -> None:
    asked = {"calculate": "count, max(duration)", "by": "service"}
    assert ask(alice, filled, **asked).context["line_chart"].name == "count"
    chart = ask(alice, filled, **asked, order="max(duration) desc").context["line_chart"]
    assert (chart.name, chart.top) == ("max(duration)", "30 ms")
    assert ask(alice, filled, **asked, order="service").context["line_chart"].name == "count"


def test_lines_show_values_over_time_and_lead_to_a_bucket(filled: Node, alice: Client) -> None:
    chart = ask(alice, filled, calculate="p50(duration)", by="service").context["line_chart"]
    api = next(line for line in chart.lines if line.title == "api")
    assert (api.pieces, len(api.dots), chart.top, chart.bottom) == ([], 1, "20 ms", "0 ms")
    [span] = [span for span in chart.spans if "api: 20" in span.title]
    asked = dict(parse_qsl(span.address[1:]))
    assert asked["by"] == "service" and asked["from"] < asked["to"]


def test_values_below_zero_and_texts(node: Node, alice: Client) -> None:
    node.write('{"t":-3,"word":"a"}', '{"t":-7,"word":"b"}')
    response = ask(alice, node, calculate="min(t)")
    assert (response.context["line_chart"].top, response.context["line_chart"].bottom) == ("0", "-8")
    response = ask(alice, node, calculate="max(word)")
    assert table(response) == [["b"]] and response.context["line_chart"] is None


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"calculate": "p95"}, "Calculate 'p95': member 'path' is missing: p95 needs one"),
        ({"calculate": "count, how many"}, "Calculate 'how many': must be one of count"),
        ({"by": "a, a"}, "Group by 'a': there is another column 'a'"),
        ({"by": "a", "limit": "many"}, "Groups: must be a whole number"),
        ({"by": "a", "limit": "9" * 5000}, "Groups: must be a whole number"),
        ({"by": "a", "order": "b"}, "Order: must be the name of a calculation"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_named(asked: dict[str, str], told: str, node: Node, alice: Client) -> None:
    ordered = {name: asked[name] for name in ("calculate", "by", "order", "limit") if name in asked}
    page = text_of(ask(alice, node, 400, **ordered))
    assert told in page and "granularity" not in page


def test_nothing_found_and_no_events(node: Node, alice: Client) -> None:
    assert ask(alice, node, by="service").context["state"] == "no events"
    node.write("{}", age=timedelta(hours=2))
    node.seal()
    assert "No event of logs is in this time frame." in text_of(ask(alice, node, by="service"))
    page = text_of(ask(alice, node, by="service", q="no-such-word", from_="6h"))
    assert "Events in this time frame: 1. None matches" in page


def test_names_from_events_are_harmless(node: Node, alice: Client) -> None:
    node.write('{"service":"<script>alert(1)</script>"}', '{"service":"x\\u202ey"}')
    page = ask(alice, node, by="service").content.decode()
    assert "<script>alert" not in page and "\u202e" not in page and html.escape("<script>alert(1)</script>") in page


def test_table_is_downloaded_as_csv(filled: Node, alice: Client) -> None:
    response = ask(alice, filled, calculate="count, avg(duration)", by="service")
    download = alice.get(response.context["csv_address"])
    assert download["Content-Disposition"] == 'attachment; filename="logs.csv"'
    rows = [*csv.reader(io.StringIO(download.content.decode()))]
    assert rows == [["service", "count", "avg(duration)"], ["api", "2", "20"], ['web "x"', "1", "5"], ["", "1", ""]]
    charlie = logged_in(make_house("umbrella", "charlie").admin)
    assert charlie.get(response.context["csv_address"]).status_code == 404
    assert alice.get(response.context["csv_address"] + "x").status_code == 200
    assert alice.get(f"{PATH}groups.csv?dataset={filled.dataset.pk}&calculate=nope").status_code == 400


def test_number_beyond_all_floats_is_shown_as_it_was_sent(node: Node, alice: Client) -> None:
    node.write('{"n":1e400,"list":[-1e400]}')
    assert table(ask(alice, node, calculate="count, max(n), first(n)", by="n, list")) == [
        ["1e400", "[-1e400]", "1", "–", "1e400"]
    ]
    fields = alice.get(ask(alice, node).context["fields_address"]).context["rows"]
    assert ["1e400"] in [[value.text for value in row.values] for row in fields]


def test_text_of_an_event_is_no_formula_in_a_downloaded_table(node: Node, alice: Client) -> None:
    node.write(*(json.dumps({"service": text, "n": -1}) for text in ("=1+1", "+1", "-1", "@x", "fine")))
    download = alice.get(ask(alice, node, calculate="min(n)", by="service").context["csv_address"])
    assert sorted(csv.reader(io.StringIO(download.content.decode()))) == sorted(
        [["service", "min(n)"], ["'=1+1", "-1"], ["'+1", "-1"], ["'-1", "-1"], ["'@x", "-1"], ["fine", "-1"]]
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (1234567, "1,234,567"),
        (0.1, "0.1"),
        (12.3456789, "12.3457"),
        (1000.0, "1,000"),
        (12345.678, "12,345.7"),
        (1e7 + 0.5, "10,000,000"),
        ("x", "x"),
    ],
)
def test_values_as_people_read_them(value: Any, text: str) -> None:
    assert value_text(value) == text
