"""The page Explore: what a search finds, every other state, and an address that holds the whole question."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django.test import Client

from events.lake.slots import TooManyQueries, slots
from events.models import Dataset
from projects.models import Project
from tests.console import logged_in
from tests.events.lake.conftest import Node
from tests.events.lake.test_damage import DAMAGES, DamagedLake
from tests.factories import make_account, make_house

PATH = "/console/explore/"


def look(client: Client, status: int = 200, **parameters: str) -> Any:
    """Return the page of a question in its usual form."""
    parameters = {{"from_": "from"}.get(name, name): value for name, value in parameters.items()}
    response = client.get(f"{PATH}?{urlencode(parameters)}")
    assert response.status_code == status, response.content
    return response


def ask(client: Client, node: Node, status: int = 200, from_: str = "1h", **parameters: str) -> Any:
    """Return the page that leads from the question to the node's dataset."""
    ordered = {"dataset": node.dataset.pk, "q": parameters.pop("q", ""), "from": from_, **parameters}
    return look(client, status, **{name: value for name, value in ordered.items() if value})


def text_of(response: Any) -> str:
    return html.unescape(response.content.decode())


def opened(client: Client, line: Any) -> Any:
    """Return what the page loads when an event is opened."""
    response = client.get(line.address)
    assert response.status_code == 200
    return response.context["event"]


def messages(response: Any) -> list[str]:
    return [line.message for line in response.context["lines"]]


def test_newest_events_are_listed_and_counted_by_level(node: Node, alice: Client) -> None:
    node.write('{"level":"error","service":"api","message":"lost"}', '{"level":"ERR","message":"again"}')
    node.seal()
    node.write('{"level":30,"message":"fine"}', '{"n":1}')
    response = ask(alice, node)
    assert messages(response) == ['{"n":1}', "fine", "again", "lost"]
    assert [(line.level, line.kind, line.service) for line in response.context["lines"]] == [
        ("-", "none", "web"), ("info", "info", "web"), ("error", "error", "web"), ("error", "error", "api"),
    ]  # fmt: skip
    assert (response.context["total"], response.context["state"]) == ("4", "events")
    legend = {one.kind: one.count for one in response.context["chart"].legend}
    assert legend == {"error": "2", "info": "1", "none": "1"}
    bars = [bar for bar in response.context["chart"].bars if bar.segments]
    assert sum(len(bar.segments) for bar in bars) >= 3
    assert re.search(r'<rect class="ev-level-error" x="\d+" y="[\d.]+" width="8" height="[\d.]+"/>', text_of(response))


def test_search_finds(node: Node, alice: Client) -> None:
    node.write('{"level":"error","message":"lost"}', '{"level":"info","message":"fine"}')
    response = ask(alice, node, q="level:error")
    assert messages(response) == ["lost"]
    assert (response.context["total"], response.context["scanned"]) == ("1", "2")
    assert 'value="level:error"' in response.content.decode()


def test_event_is_shown_digit_for_digit_and_harmless(node: Node, alice: Client) -> None:
    strange = (
        '{"big":12345678901234567890.1230,"html":"<script>alert(1)</script>","twice":1,"twice":2,"a":[],"b":[1,{}],'
    )
    node.write(strange + '"turned":"x\u202ey","bell":"\\u0007","message":"<b>\\u001b[31mred</b>"}')
    response = ask(alice, node)
    [line] = response.context["lines"]
    page = response.content.decode() + alice.get(line.address).content.decode()
    assert "<script>alert" not in page and "<b>" not in page and "\u202e" not in page and "\x1b" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    event = opened(alice, line)
    assert event.json.startswith('{\n  "big": 12345678901234567890.1230,\n')
    assert '"twice": 1,\n  "twice": 2,\n  "a": [],\n  "b": [\n    1,\n    {}\n  ],\n' in event.json
    assert '"turned": "x\\u202ey"' in event.json


def test_line_has_the_error_where_the_message_says_another_thing(node: Node, alice: Client) -> None:
    node.write(
        '{"message":"order failed","error":{"message":"card\\u001b declined"}}',
        '{"message":"lost: timeout","error":"timeout"}',
        '{"error":"alone"}',
        r'{"message":"failed","error":"Traceback\n  File \"a.py\", line 1\nOSError: gone"}',
    )
    lines = ask(alice, node).context["lines"]
    assert [(line.message, line.reason) for line in lines] == [
        ("failed", "OSError: gone"), ('{"error":"alone"}', ""), ("lost: timeout", ""),
        ("order failed", "card\\x1b declined"),
    ]  # fmt: skip
    assert "card\\x1b declined" in text_of(ask(alice, node))


def test_value_leads_to_events_with_it_and_without_it(node: Node, alice: Client) -> None:
    node.write('{"odd key":"a b","message":"with"}', '{"message":"without"}', '{"message":"another"}')
    line = ask(alice, node, q="message:with OR message:without").context["lines"][1]
    [odd, *_] = opened(alice, line).values
    assert messages(alice.get(odd.with_address)) == ["with"]
    assert messages(alice.get(odd.without_address)) == ["without"]


def test_value_in_objects_and_lists_leads_to_events_with_it(node: Node, alice: Client) -> None:
    node.write(
        '{"http":{"status":500},"tags":["a","b"],"message":"with"}', '{"http":{"status":200},"message":"without"}'
    )
    values = {one.path: one for one in opened(alice, ask(alice, node).context["lines"][1]).values}
    assert list(values) == ["http.status", "tags.0", "tags.1", "message"]
    for path in ("http.status", "tags.1"):
        assert messages(alice.get(values[path].with_address)) == ["with"]
        assert messages(alice.get(values[path].without_address)) == ["without"]


def test_event_is_found_by_its_address_alone(node: Node, alice: Client) -> None:
    node.write('{"message":"it"}', '{"message":"another"}', age=timedelta(hours=5))
    node.seal()
    address = ask(alice, node, q="message:it", from_="6h").context["lines"][0].address
    assert '"message": "it"' in text_of(alice.get(address))
    charlie = logged_in(make_house("umbrella", "charlie").admin)
    assert charlie.get(address).status_code == 404
    for wrong in (
        f"{address}{'9' * 30}",
        f"{address.partition('&at=')[0]}&at=-{'9' * 30}",
        address + "1",
        address.replace("id=", "id=x"),
        address.partition("&id=")[0],
    ):
        assert alice.get(wrong).status_code == 404


def test_older_events_follow_page_by_page(node: Node, alice: Client) -> None:
    node.write(*(f'{{"message":"m{n}"}}' for n in range(250)))
    response, seen = ask(alice, node), []
    while True:
        seen += messages(response)
        address = response.context["older_address"]
        if not address:
            break
        response = alice.get(PATH + address)
        assert response.context["total"] == "250" and response.context["newest_address"]
    assert seen == [f"m{n}" for n in reversed(range(250))]


# The address


def test_page_without_a_question_asks_for_the_last_hour_of_the_busiest_dataset(node: Node, alice: Client) -> None:
    Dataset.objects.create(project=node.dataset.project, name="a-quiet-one")
    node.write("{}")
    response = alice.get(PATH)
    assert (response.status_code, response["Location"]) == (302, f"{PATH}?dataset={node.dataset.pk}&from=1h")


def test_page_of_a_project_asks_a_dataset_of_it(node: Node, alice: Client) -> None:
    other = Project.objects.create(organization=node.dataset.project.organization, name="shop")
    orders = Dataset.objects.create(project=other, name="orders")
    response = alice.get(f"{PATH}?project={other.pk}&from=6h")
    assert response["Location"] == f"{PATH}?dataset={orders.pk}&from=6h"
    assert f"dataset={node.dataset.pk}" in alice.get(f"{PATH}?project=unknown")["Location"]


@pytest.mark.parametrize(
    ("sent", "usual"),
    [
        ("q=&from=1h&to=now", "from=1h"),
        ("q=+level:error+&from=6h&to=now", "q=level%3Aerror&from=6h"),
        ("q=x&from=2026-11-01&to=2026-11-02&last=7d", "q=x&from=7d"),
        ("from=1h&utm=spam&from=2h", "from=2h"),
    ],
)
def test_form_leads_to_the_usual_address(sent: str, usual: str, node: Node, alice: Client) -> None:
    response = alice.get(f"{PATH}?dataset={node.dataset.pk}&{sent}")
    assert (response.status_code, response["Location"]) == (302, f"{PATH}?dataset={node.dataset.pk}&{usual}")
    assert alice.get(response["Location"]).status_code == 200


def test_dataset_can_be_asked_for_by_its_name(node: Node, alice: Client) -> None:
    response = alice.get(f"{PATH}?dataset={node.dataset.name}&q=level:error&from=6h")
    assert response["Location"] == f"{PATH}?dataset={node.dataset.pk}&q=level%3Aerror&from=6h"


def test_form_says_what_the_address_says(node: Node, alice: Client) -> None:
    q = "a \"b\" 'c' <d> &amp; ü %20"
    page = ask(alice, node, q=q, from_="2026-11-01", to="2026-11-02T00:00:00+02:00").content.decode()
    values = {
        name: html.unescape(value) for name, value in re.findall(r'name="(q|from|to)"[^>]* value="([^"]*)"', page)
    }
    assert values == {"q": q, "from": "2026-11-01", "to": "2026-11-02T00:00:00+02:00"}
    assert f'<option value="{node.dataset.pk}" selected>' in page


def test_bar_leads_to_its_own_time(node: Node, alice: Client) -> None:
    node.write('{"message":"now"}')
    node.write('{"message":"before"}', age=timedelta(minutes=30))
    chart = ask(alice, node).context["chart"]
    first, last = [bar for bar in chart.bars if bar.segments]
    asked = dict(parse_qsl(first.address[1:]))
    assert set(asked) == {"dataset", "from", "to"} and "1 event" in first.title
    assert messages(alice.get(PATH + first.address)) == ["before"]
    assert messages(alice.get(PATH + last.address)) == ["now"]


def test_chart_of_all_times(node: Node, alice: Client) -> None:
    node.write('{"message":"now"}', '{"message":"long ago","timestamp":"0001-01-02T00:00:00Z"}')
    response = ask(alice, node, from_="0001-01-01", to="9999-12-31T23:59:59Z")
    assert response.context["frame"] == "0001-01-01 00:00:00 to 9999-12-31 23:59:59 UTC"
    first, last = [bar for bar in response.context["chart"].bars if bar.segments]
    assert messages(alice.get(PATH + first.address)) == ["long ago"]
    assert messages(alice.get(PATH + last.address)) == ["now"]


def test_chart_without_rare_levels_says_so(node: Node, alice: Client) -> None:
    node.write(*(f'{{"level":"l{n}"}}' for n in range(1001)))
    response = ask(alice, node)
    assert response.context["total"] == "1,001"
    assert "the chart has only the 1,000 most frequent levels" in text_of(response)


# Other states


def test_organization_without_datasets_is_told_to_make_one(db: None) -> None:
    house = make_house("acme", "alice")
    house.dataset.delete()
    assert "/console/events/dataset/add/" in text_of(logged_in(house.admin).get(PATH))
    page = text_of(logged_in(make_account(house.organization, "bob")).get(PATH))
    assert "There is no dataset yet" in page and "/console/events/dataset/add/" not in page


def test_dataset_without_events_leads_to_how_to_send(node: Node, alice: Client) -> None:
    response = ask(alice, node)
    assert response.context["state"] == "no events"
    assert f"/console/events/dataset/{node.dataset.pk}/send/" in text_of(response)


def test_nothing_found_leads_to_more(node: Node, alice: Client) -> None:
    node.write('{"message":"old"}', age=timedelta(hours=3))
    node.write('{"message":"new"}')
    response = ask(alice, node, q="old")
    assert "Events in this time frame: 1. None matches" in text_of(response)
    name, address = response.context["wider"]
    assert (name, messages(alice.get(PATH + address))) == ("6 h", ["old"])
    assert messages(alice.get(PATH + response.context["without_search"])) == ["new"]


@pytest.mark.parametrize(
    ("q", "marked"), [("level:", " "), ("a )b", ")"), ('"open', " "), ("<b>:(", "("), ("ü OR", " ")]
)
def test_search_that_makes_no_sense_is_marked(q: str, marked: str, node: Node, alice: Client) -> None:
    response = ask(alice, node, 400, q=q)
    assert f"<mark>{marked}</mark>" in response.content.decode()
    assert "at character" in text_of(response) and html.escape(q) in response.content.decode()


def test_time_that_makes_no_sense_is_named(node: Node, alice: Client) -> None:
    page = text_of(ask(alice, node, 400, from_="yesterday", to="<i>"))
    assert "From: a time is" in page and "To: a time is" in page
    assert "The cursor in the address: must be" in text_of(ask(alice, node, 400, before="x"))


def test_question_that_takes_too_long_leads_to_a_shorter_time(node: Node, alice: Client, settings: Any) -> None:
    node.write("{}")
    settings.EVENTLANE_QUERY_SECONDS = 1e-9
    response = ask(alice, node, 400, from_="24h")
    assert "There is no answer" in text_of(response) and response.context["shorter"][0] == "the last 6 h"
    response = ask(alice, node, 400, from_="2026-11-26T12:00:00Z", to="2026-11-26T20:00:00Z")
    assert "Ask for 2026-11-26 18:00:00 to 20:00:00 UTC" in text_of(response)
    assert "from=2026-11-26T18%3A00%3A00Z&to=2026-11-26T20%3A00%3A00Z" in response.context["shorter"][1]


def test_too_many_questions_at_once_are_told(node: Node, alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "_slots", 0)
    monkeypatch.setattr(slots, "_wait_seconds", 0.01)
    response = ask(alice, node, 503)
    assert TooManyQueries().message in text_of(response) and response["Retry-After"] == "1"


def test_answer_without_damaged_files_is_partial(node: Node, alice: Client) -> None:
    lake = DamagedLake(node, DAMAGES["truncated"])
    response = ask(alice, node)
    assert response.context["total"] == str(len(lake.good))
    assert "Some events may be missing." in text_of(response) and lake.damaged in text_of(response)


# Access


def test_datasets_of_others_are_unknown(node: Node, alice: Client) -> None:
    foreign = make_house("umbrella", "charlie")
    for dataset in (foreign.dataset.pk, foreign.dataset.name, "0" * 27, "x", "%"):
        look(alice, 404, dataset=dataset, **{"from": "1h"})
    assert foreign.dataset.pk not in text_of(ask(alice, node))
    assert logged_in(foreign.admin).get(f"{PATH}?dataset={node.dataset.pk}&from=1h").status_code == 404


def test_offered_datasets_follow_the_project_chosen(node: Node, alice: Client) -> None:
    other = Project.objects.create(organization=node.dataset.project.organization, name="shop")
    orders = Dataset.objects.create(project=other, name="orders")
    assert {one.pk for one in ask(alice, node).context["offered"]} == {node.dataset.pk, orders.pk}
    alice.post("/console/projects/project/switch/", {"project": other.pk})
    assert f"dataset={orders.pk}&" in alice.get(PATH)["Location"]
    assert [one.pk for one in look(alice, dataset=orders.pk, from_="1h").context["offered"]] == [orders.pk]


def test_page_takes_no_posts(alice: Client) -> None:
    assert alice.post(PATH).status_code == 405


# The time zone


def test_times_are_shown_in_the_zone_that_was_chosen(node: Node, alice: Client) -> None:
    sent = ('{"timestamp":"2026-07-01T22:30:00Z"}', '{"timestamp":"2026-07-01T10:00:00Z"}')
    node.write(*sent)
    frame = {"from_": "2026-06-30T22:00:00Z", "to": "2026-07-02T22:00:00Z"}
    assert ask(alice, node, **frame).context["lines"][0].time == "2026-07-01 22:30:00.000"
    alice.cookies["eventlane_zone"] = "Europe/Berlin"
    response = ask(alice, node, columns="event_time", **frame)
    assert response.context["frame"] == "2026-07-01 00:00:00 to 2026-07-03 00:00:00 CEST"
    line = response.context["lines"][0]
    assert (line.time, line.moment) == ("2026-07-02 00:30:00.000", "2026-07-01T22:30:00.000Z")
    assert line.cells == [("event_time", *["2026-07-02 00:30:00.000 CEST"] * 2)]
    day = ask(alice, node, from_="2026-07-02", to="2026-07-03")  # a date is midnight there
    assert day.context["total"] == "1" and day.context["chart"].times[0] == "00:00"
    assert 'data-zone="Europe/Berlin"' in text_of(day)
    far = ask(alice, node, from_="2026-01-01", to="2026-07-30")
    assert far.context["frame"] == "2026-01-01 00:00:00 CET to 2026-07-30 00:00:00 CEST"
    assert all(bar.title.split(":")[0].endswith(" 00") for bar in far.context["chart"].bars)


@pytest.mark.parametrize("zone", ["nowhere", "../../etc/passwd", "", "\u00e9"])
def test_zone_that_does_not_exist_is_utc(zone: str, node: Node, alice: Client) -> None:
    node.write("{}")
    alice.cookies["eventlane_zone"] = zone
    assert 'data-zone="UTC"' in text_of(ask(alice, node))


def test_all_times_are_shown_in_any_zone(node: Node, alice: Client) -> None:
    node.write("{}")
    for zone in ("America/Los_Angeles", "Asia/Tokyo"):
        alice.cookies["eventlane_zone"] = zone
        ask(alice, node, from_="0001-01-01T00:00:00Z", to="9999-12-31T23:59:59Z")


def test_time_frame_may_be_one_of_received_times(alice: Client, node: Node) -> None:
    """As alerts ask: an event whose own time is wrong is shown in the window in which it came."""
    node.write('{"message":"late","_time":"2026-01-02T03:04:05Z","level":"error"}', '{"message":"now"}')
    assert ">late<" not in text_of(ask(alice, node))
    page = text_of(ask(alice, node, time="received"))
    assert ">late<" in page and ">now<" in page and '<span id="total">2</span>' in page
    assert "by received time" in page and '<input type="hidden" name="time" value="received">' in page
    groups = text_of(ask(alice, node, time="received", calculate="count", by="level"))
    assert "by received time" in groups and "error" in groups
    assert ask(alice, node, 302, time="event").url == f"{PATH}?dataset={node.dataset.pk}&from=1h"
