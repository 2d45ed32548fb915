"""The tabs of an opened event that lead on: its trace as a waterfall or a list, and the events around it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.test import Client

from tests.console import logged_in
from tests.events.console.explore.test_page import ask, opened, text_of
from tests.events.lake.conftest import Node
from tests.factories import make_house

START = datetime(2026, 1, 5, 10, tzinfo=UTC)


def event(message: str, ms: int = 0, **members: Any) -> str:
    """Return an event that happened so many milliseconds after the start."""
    time = (START + timedelta(milliseconds=ms)).isoformat()
    return json.dumps({"traceId": "t-1", "message": message, "timestamp": time, **members})


def newest(client: Client, node: Node, q: str = "") -> Any:
    """Return the newest event of that day."""
    return opened(client, ask(client, node, q=q, from_="2026-01-05", to="2026-01-06").context["lines"][0])


def trace_of(client: Client, node: Node, q: str = "") -> Any:
    """Return the response with the trace of the newest event."""
    return client.get(newest(client, node, q).trace_address)


def shown(response: Any) -> list[tuple[int, str]]:
    return [(row.depth, row.name) for row in response.context["trace"].rows]


def test_spans_are_a_waterfall_with_their_logs_between(node: Node, alice: Client) -> None:
    node.write(
        event("db", 70, spanId="d", parentSpanId="c", duration=24, level="error"),
        event("all", 0, spanId="a", duration=400, name="POST /checkout"),
        event("card", 60, spanId="c", parentSpanId="a", duration=300),
        event("slow bank", 100, spanId="c"),
        event("auth", 8, spanId="b", parentSpanId="a", duration=40),
        event("3 items", 50),
        event("later", 900),
        event("another trace", 10, traceId="t-2", spanId="x", parentSpanId="a", duration=1),
    )
    node.seal()
    response = trace_of(alice, node, q='message:"slow bank"')
    assert shown(response) == [
        (0, "POST /checkout"), (1, "auth"), (1, "3 items"), (1, "card"), (2, "db"), (2, "slow bank"), (0, "later"),
    ]  # fmt: skip
    trace = response.context["trace"]
    assert (trace.spans, trace.logs, trace.duration) == (4, 3, "900 ms")
    rows = {row.name: row for row in trace.rows}
    assert (rows["card"].offset, rows["card"].duration, rows["db"].kind) == ("+60 ms", "300 ms", "error")
    assert (rows["POST /checkout"].x, rows["POST /checkout"].width) == (0, 444.4)
    assert [row.name for row in trace.rows if row.is_this] == ["slow bank"]
    page = text_of(response)
    assert page.count("<rect") == 7 and "style=" not in page.split('class="ev-waterfall')[1].split("</ol>")[0]
    assert "another trace" not in page


def test_events_of_a_trace_without_spans_are_listed_in_order(node: Node, alice: Client) -> None:
    node.write(event("second", 20), event("first", 10, spanId="a"), event("third", 30, duration=5))
    response = trace_of(alice, node)
    assert shown(response) == [(0, "first"), (0, "second"), (0, "third")]
    assert response.context["trace"].spans == 0 and "<rect" not in text_of(response)


def test_span_says_its_start_and_end_in_the_ways_of_opentelemetry(node: Node, alice: Client) -> None:
    start_ns = int(START.timestamp()) * 10**9
    spans = [
        event(
            "x", 500, spanId="a", name="root", startTimeUnixNano=str(start_ns), endTimeUnixNano=str(start_ns + 10**9)
        ),
        event("x", 500, spanId="b", parent_id="a", name="child", start_time=(start_ns + 5 * 10**8) / 1e9, duration=2.5),
    ]
    node.write(*spans)
    rows = trace_of(alice, node).context["trace"].rows
    assert [(row.name, row.offset, row.duration) for row in rows] == [
        ("root", "+0 ms", "1 s"), ("child", "+500 ms", "2.5 ms"),
    ]  # fmt: skip


def test_strange_traces_are_shown_whole(node: Node, alice: Client) -> None:
    node.write(
        event("own parent", 1, spanId="a", parentSpanId="a", duration=1),
        event("circle 1", 2, spanId="b", parentSpanId="c", duration=1),
        event("circle 2", 3, spanId="c", parentSpanId="b", duration=1),
        event("twice", 4, spanId="a", duration=1),
        event("lost parent", 5, spanId="d", parentSpanId="gone", duration=1),
        event("far away", 6, spanId="e", duration=1, startTime="1999-01-01T00:00:00Z"),
        *(event(f"deep {n}", 7 + n, spanId=f"n{n}", parentSpanId=f"n{n - 1}", duration=1) for n in range(500)),
    )
    response = trace_of(alice, node)
    names = {row.name for row in response.context["trace"].rows}
    assert len(response.context["trace"].rows) == 506 == len(names)
    assert all(0 <= row.x < 1000 and row.x + row.width <= 1000.1 for row in response.context["trace"].rows)
    assert max(row.depth for row in response.context["trace"].rows) == 10


def test_events_around_one_are_listed_with_it(node: Node, alice: Client) -> None:
    node.write(*(event(f"m{n}", n) for n in range(60)))
    node.write(event("elsewhere", 30), namespace="other")
    node.write(event("long ago", -61_000))
    address = newest(alice, node, "m30").around_address
    response = alice.get(address)
    lines = response.context["lines"]
    assert [line.message for line, _ in lines] == [f"m{n}" for n in range(6, 56)]
    assert [line.message for line, is_this in lines if is_this] == ["m30"]
    assert "Same trace" in text_of(response) and "Events around it" in text_of(response)


def test_traces_and_events_around_of_others_are_unknown(node: Node, alice: Client) -> None:
    node.write(event("mine"))
    opened_one = newest(alice, node)
    charlie = logged_in(make_house("umbrella", "charlie").admin)
    for address in (opened_one.trace_address, opened_one.around_address):
        assert alice.get(address).status_code == 200
        assert charlie.get(address).status_code == 404
        assert alice.get(address.replace("at=", "at=x")).status_code == 404
