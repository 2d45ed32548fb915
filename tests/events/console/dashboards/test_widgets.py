"""What the panels of a dashboard show, and where they lead."""

import html
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from events.console.explore.groups import Value
from events.lake.slots import LakeUnavailable, TooManyQueries, slots
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from tests.events.console.explore.conftest import alice  # noqa: F401  (fixture)
from tests.events.lake.conftest import Node, node, other_node, project  # noqa: F401  (fixtures)
from tests.pipelines.resources.samples import dashboard, query

COUNT = {"datasets": ["logs"], "calculations": [{"op": "count"}]}


@pytest.fixture
def filled(node: Node) -> Node:  # noqa: F811
    sent = [("error", "api", 10), ("error", "api", 30), ("info", "web", 1234.567), ("info", None, None)]
    events = [json.dumps({"level": level, "service": name, "duration": took}) for level, name, took in sent]
    node.write(*events, '{"level":"info","message":"<b>last</b>","service":"web"}', age=timedelta(minutes=20))
    return node


def panels(client: Client, node: Node, *widgets: Any, **address: str) -> list[Any]:  # noqa: F811
    deploy(node.dataset.project, [dashboard("shop", *widgets), query(), query("off")])
    row = Resource.objects.get(type="dashboard")
    paths = [reverse("console-dashboard-panel", args=[row.pk, place]) for place in range(len(widgets))]
    return [client.get(path, address, headers={"X-Background": "1"}) for path in paths]


def text(response: Any) -> str:
    assert response.status_code == 200
    return html.unescape(response.content.decode())


def test_every_kind_shows_its_answer(filled: Node, alice: Client) -> None:  # noqa: F811
    p95 = {"op": "p95", "path": "duration"}
    by_service = COUNT | {"group_by": ["service"]}
    levels, lines, several, bar, table, value, longest, events = panels(
        alice,
        filled,
        {"type": "timeseries", "query": COUNT | {"group_by": ["level"]}},
        {"type": "timeseries", "query": by_service},
        {"type": "timeseries", "query": COUNT | {"calculations": [{"op": "p50", "path": "duration"}, p95]}},
        {"type": "bar", "query": by_service},
        {"type": "table", "query": by_service | {"calculations": [{"op": "count"}, p95], "limit": 1}},
        {"type": "statistic", "query": COUNT},
        {"type": "statistic", "query": COUNT | {"calculations": [{"op": "max", "path": "duration"}]}},
        {"type": "events", "query": {"datasets": ["logs"], "q": "service:web"}},
    )
    assert {one.kind: one.count for one in levels.context["chart"].legend} == {"error": "2", "info": "3"}
    assert [line.title for line in lines.context["line_chart"].lines] == ["api", "web", "(none)"]
    assert [line.title for line in several.context["line_chart"].lines] == ["p50(duration)", "p95(duration)"]
    assert [(one.text, one.row.values[0].text, one.percent) for one in bar.context["bars"]] == [
        ("api", "2", "100.0"), ("web", "2", "100.0"), ("(none)", "1", "50.0"),
    ]  # fmt: skip
    assert table.context["groups"][0].values == [Value("2"), Value("29 ms")] and table.context["others"][0].text == "3"
    assert (value.context["value"], longest.context["value"]) == ("5", "1.23 s")
    assert events.context["lines"][0].message == "<b>last</b>"
    assert b"&lt;b&gt;last" in events.content
    for response in (levels, lines, bar, table, value, events):
        assert " style=" not in text(response) and "Nothing in this time frame" not in text(response)


def test_saved_query_is_shown_by_every_kind_in_the_time_frame_of_the_dashboard(
    filled: Node,
    alice: Client,  # noqa: F811
) -> None:
    kinds = [{"type": kind, "query": "errors"} for kind in ("statistic", "bar", "table", "timeseries", "events")]
    statistic, bar, table, lines, events = panels(alice, filled, *kinds)
    assert statistic.context["title"] == "errors" and statistic.context["value"] == "2"
    assert [one.text for one in bar.context["bars"]] == ["api"]
    assert [row.values for row in table.context["groups"]] == [[Value("2")]]
    assert [line.title for line in lines.context["line_chart"].lines] == ["api"]
    assert len(events.context["lines"]) == 2
    past = panels(alice, filled, *kinds, **{"from": "2d", "to": "1d"})
    assert past[0].context["value"] == "0"
    assert all("Nothing in this time frame" in text(response) for response in past[1:])


def test_panel_leads_to_its_question_in_explore(filled: Node, alice: Client) -> None:  # noqa: F811
    filters = [{"path": "n", "op": "like", "value": "a_b"}]
    bar, levels, left = panels(
        alice,
        filled,
        {"type": "bar", "query": COUNT | {"q": "level:error", "group_by": ["service"]}},
        {"type": "timeseries", "query": COUNT | {"group_by": ["level"]}},
        {"type": "bar", "query": COUNT | {"filters": filters}},
        **{"from": "6h"},
    )
    found = alice.get(bar.context["explore_address"])
    assert [[cell.text for cell in row.groups] for row in found.context["groups"]] == [["api"]]
    assert found.context["question"].from_time == "6h"
    assert alice.get(bar.context["bars"][0].row.events_address).context["total"] == "2"
    assert alice.get(levels.context["explore_address"]).context["total"] == "5"
    assert alice.get(levels.context["chart"].legend[0].address).context["total"] == "2"
    assert "which leaves out: filters" in text(left)


def test_panel_of_received_times_leads_to_the_same_events(filled: Node, alice: Client) -> None:  # noqa: F811
    filled.write('{"timestamp":"2020-01-01T00:00:00Z","level":"error","message":"late"}')
    statistic, events = panels(
        alice,
        filled,
        {"type": "statistic", "query": COUNT | {"time": "received"}},
        {"type": "events", "query": {"datasets": ["logs"], "time": "received", "q": "message:late"}},
    )
    assert statistic.context["value"] == "6"
    [row] = alice.get(statistic.context["explore_address"]).context["groups"]
    assert row.values == [Value("6")]
    assert alice.get(events.context["explore_address"]).context["total"] == "1"


def test_panel_without_a_lake_says_so_and_when_to_ask_again(filled: Node, alice: Client) -> None:  # noqa: F811
    filled.seal()
    slots.close()
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{filled.schema}".ducklake_data_file RENAME TO away')
    try:
        [failing] = panels(alice, filled, {"type": "statistic", "query": COUNT})
        assert failing.context["problem"] == LakeUnavailable().message and 'data-again="5"' in text(failing)
        assert "Retry-After" not in failing  # what was shown before doesn't stay
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{filled.schema}".away RENAME TO ducklake_data_file')


def test_panel_fails_alone_and_says_why(filled: Node, alice: Client) -> None:  # noqa: F811
    widgets = [
        {"type": "bar", "query": "no-such"},
        {"type": "bar", "query": "off"},
        {"type": "bar", "query": {"datasets": ["nowhere"], "calculations": [{"op": "count"}]}},
        {"type": "statistic", "query": COUNT},
    ]
    panels(alice, filled, *widgets)
    Resource.objects.filter(name="off").update(disabled=True)
    no_such, off, nowhere, fine = panels(alice, filled, *widgets)
    assert no_such.context["problem"] == "The project has no saved query 'no-such'."
    assert off.context["problem"] == "The query off is disabled."
    assert nowhere.context["problem"] == "The project has no dataset 'nowhere'."
    assert all("data-retry" in text(response) for response in (no_such, off, nowhere))
    assert fine.context["value"] == "5"


def test_panel_whose_turn_has_not_come_says_when_to_ask_again(
    filled: Node,
    alice: Client,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [free] = panels(alice, filled, {"type": "statistic", "query": COUNT})
    assert "Retry-After" not in free
    monkeypatch.setattr(slots, "_slots", 0)
    monkeypatch.setattr(slots, "_wait_seconds", 0.01)
    [waiting] = panels(alice, filled, {"type": "statistic", "query": COUNT})
    assert waiting["Retry-After"] == "1" and TooManyQueries().message in text(waiting)


def test_large_number_is_short_and_texts_are_not_aligned_like_numbers(filled: Node, alice: Client) -> None:  # noqa: F811
    filled.write('{"bytes":12067853395592496}', age=timedelta(minutes=20))
    of_bytes, of_texts = {"op": "max", "path": "bytes"}, {"op": "last", "path": "message"}
    number, table = panels(
        alice,
        filled,
        {"type": "statistic", "query": COUNT | {"calculations": [of_bytes]}},
        {"type": "table", "query": COUNT | {"calculations": [of_bytes, of_texts]}},
    )
    assert (number.context["value"], number.context["exact"]) == ("12,070 T", "12,067,853,395,592,496")
    assert [one.is_number for one in table.context["headings"]] == [True, False]
    assert '<td class="ev-text"><b>last</b></td>' in text(table)


def test_panel_is_a_page_of_its_own_without_the_script(filled: Node, alice: Client) -> None:  # noqa: F811
    panels(alice, filled, {"type": "statistic", "query": COUNT}, {"type": "bar", "query": "no-such"})
    page = f"/console/dashboards/{Resource.objects.get(type='dashboard').pk}/"
    response = alice.get(f"{page}panels/0/?from=2h")
    assert response.context["value"] == "5" and f'href="{page}?from=2h&to=now"' in text(response)
    failed = text(alice.get(f"{page}panels/1/?from=2h"))
    assert f'href="{page}panels/1/?from=2h">Try again' in failed and "data-retry" not in failed


def test_times_are_shown_in_the_zone_that_was_chosen(filled: Node, alice: Client) -> None:  # noqa: F811
    widget = {"type": "events", "query": {"datasets": ["logs"]}}
    times = []
    for zone in ("UTC", "Asia/Kolkata"):
        alice.cookies["eventlane_zone"] = zone
        [shown] = panels(alice, filled, widget)
        times.append(datetime.fromisoformat(shown.context["lines"][0].time))
    assert times[1] - times[0] == timedelta(hours=5, minutes=30)


def test_granularity_gives_way_where_the_time_frame_is_too_long_for_it(filled: Node, alice: Client) -> None:  # noqa: F811
    [lines] = panels(alice, filled, {"type": "timeseries", "query": COUNT | {"granularity": "2s"}}, **{"from": "7d"})
    assert len(lines.context["line_chart"].spans) < 100
