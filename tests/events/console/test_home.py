"""The home page: what is wrong, what comes in, which errors are new, and what a new installation does first."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from eventlane.patterns import expression_of, pattern_of
from events.console.home.checklist import Step
from events.lake.slots import LakeUnavailable, TooManyQueries, slots
from events.models import Alert, AlertChange, AlertMessage, Dataset
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from projects.models import Account, Organization, Project
from tests.console import logged_in
from tests.events.lake.conftest import Node
from tests.factories import make_account
from tests.pipelines.resources.samples import alert, channel

HOME = "/console/"
EVENTS, ERRORS, STANDING = (f"/console/home/{name}/" for name in ("events", "errors", "standing"))


@pytest.fixture
def alice(node: Node) -> Iterator[Client]:
    organization = node.dataset.project.organization
    yield logged_in(make_account(organization, "alice", role=Account.Role.ADMIN))
    slots.close()  # its DuckDB is attached to this test's lake


def get(client: Client, path: str) -> Any:
    response = client.get(path)
    assert response.status_code == 200
    return response


def text(client: Client, path: str) -> str:
    return re.sub(r"\s+", " ", get(client, path).content.decode())


def event(level: str, message: str, **others: Any) -> str:
    return json.dumps({"level": level, "message": message} | others)


def question_of(address: str) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}


@pytest.mark.parametrize(
    ("message", "pattern"),
    [
        ("user 4711 not found", "user * not found"),
        ("took 1.5 s, 12:30:01", "took * s, *"),
        ("cannot read \"a b.txt\" of 'x'", "cannot read * of *"),
        ("don't retry, can't connect", "don't retry, can't connect"),
        ("order 0197f3a2-1b2c-7d3e-8f4a-5b6c7d8e9f00 lost", "order * lost"),
        ("commit 4bf92f3 by 0xDEAD", "commit * by *"),
        ("connect 10.0.0.7:5432 refused", "connect * refused"),
        ("HTTP2 stream of s3 and utf8 deadbeef", "HTTP2 stream of s3 and utf8 deadbeef"),
        ("\n first\nsecond 2", "first"),
        ("", ""),
    ],
)
def test_pattern_leaves_out_what_differs(message: str, pattern: str) -> None:
    assert pattern_of(message) == pattern
    expression = expression_of(pattern)[1:-1].replace("\\/", "/")
    assert re.match(expression, message)


def test_bars_lead_to_the_busiest_dataset_and_errors_are_counted_by_dataset(node: Node, alice: Client) -> None:
    shop = Dataset.objects.create(
        project=Project.objects.create(name="shop", organization=node.dataset.project.organization), name="logs"
    )
    node.write(event("error", "broken"), event("fatal", "worse"), event("info", "fine"))
    node.seal()
    node.write(*[event("info", "fine")] * 5, dataset=shop)
    response = get(alice, EVENTS)
    levels = response.context["levels"]
    assert levels.total == 8 and {one.kind: one.count for one in levels.chart.legend} == {
        "fatal": "1",
        "error": "1",
        "info": "6",
    }
    [bar] = [bar for bar in levels.chart.bars if bar.segments]
    asked = question_of(bar.address)
    assert asked["dataset"] == shop.pk and {"from", "to"} <= asked.keys()
    assert get(alice, bar.address).context["total"] == "5"
    assert question_of(levels.chart.legend[0].address)["dataset"] == node.dataset.pk
    errors = {row.dataset.pk: (row.errors, row.errors_url) for row in response.context["table"].rows}
    assert errors[shop.pk][0] == "0" and errors[node.dataset.pk][0] == "2"
    assert get(alice, errors[node.dataset.pk][1]).context["total"] == "2"


def test_errors_are_grouped_by_pattern_and_open_in_explore(node: Node, alice: Client) -> None:
    node.write(event("error", "old (3) failed/stopped"), age=timedelta(minutes=30))
    node.write(*(event("error", f"user {n} has no '{n}'") for n in range(20)), event("info", "user 3 has no '3'"))
    node.seal()
    node.write(event("fatal", "user 99 has no 'x'"), event("error", "plain"), event("error", ""))
    node.write(*(event("error", f"a/b({n})\nand more") for n in range(2)))
    trace = 'Traceback (most recent call last):\n  File "a.py", line {}, in pay\n    post(card)\n{}'
    node.write(*(event("error", trace.format(n, f"KeyError: '{n}'")) for n in range(3)))
    node.write(event("error", trace.format(1, "GatewayError: no")))
    response = get(alice, ERRORS)
    rows = {row["pattern"].text: row for row in response.context["rows"]}
    assert {name: row["count"] for name, row in rows.items()} == {
        "user * has no *": "21",
        "KeyError: *": "3",
        "GatewayError: no": "1",
        "plain": "1",
        "": "1",
        "a/b(*)": "2",
        "old (3) failed/stopped": "1",
    }
    assert list(rows)[-1] == "old (3) failed/stopped" and not response.context["others"]
    for row in rows.values():
        assert get(alice, row["pattern"].address).context["total"] == row["count"]
    pattern = rows["user * has no *"]["pattern"]
    assert timedelta(0) <= pattern.last - pattern.first < timedelta(minutes=5)


def test_range_holds_for_all_parts(node: Node, alice: Client) -> None:
    node.write(event("error", "long ago"), age=timedelta(hours=3))
    node.seal()
    assert "No events in the last 1 h" in text(alice, EVENTS) and "No errors in the last 1 h" in text(alice, ERRORS)
    page = text(alice, f"{HOME}?last=6h")
    assert f"{EVENTS}?last=6h" in page and f"{ERRORS}?last=6h" in page
    assert get(alice, f"{EVENTS}?last=6h").context["levels"].total == 1
    assert "long ago" in text(alice, f"{ERRORS}?last=6h")
    assert get(alice, f"{HOME}?last=nonsense").context["last"] == "1h"


def test_dataset_that_went_silent_is_marked(node: Node, alice: Client) -> None:
    project = node.dataset.project
    silent, old, never = (Dataset.objects.create(project=project, name=name) for name in ("silent", "old", "never"))
    node.write(event("info", "a"), dataset=silent, age=timedelta(hours=2))
    node.write(event("info", "a"), dataset=old, age=timedelta(days=20))
    node.seal()
    node.write(event("info", "a"))
    rows = get(alice, HOME).context["table"].rows
    assert [row.dataset for row in rows] == [node.dataset, silent, old, never]
    assert [row.silent for row in rows] == [False, True, False, False]
    assert "2 hours ago" in re.sub("\xa0", " ", str(rows[1].last_time))
    assert text(alice, HOME).count("ev-silent") == 1 and "How to send" in text(alice, HOME)
    for number in range(12):
        busy = Dataset.objects.create(project=project, name=f"busy-{number}")
        node.write(event("info", "a"), event("info", "a"), dataset=busy)
    table = get(alice, HOME).context["table"]
    assert table.rows[-1].dataset == silent and (len(table.rows), table.more) == (12, 4)


def test_line_of_health_says_what_is_wrong_and_where_to_read_it(node: Node, alice: Client, settings: Any) -> None:
    node.write(event("info", "a"))
    assert "All is well" in text(alice, STANDING) and '<span id="last-hour">1</span> events in the last hour' in text(
        alice, HOME
    )
    node.write(b"nonsense")
    node.seal()
    settings.EVENTLANE_MIN_FREE_MB = 10**9
    found = get(alice, STANDING).context["standing"]
    assert found.title == "A disk is full: events are refused" and found.text == "and 1 other problem"
    system = text(alice, found.url)
    assert 'id="problems"' in system and found.title in system and "1 event of logs in quarantine" in system


def test_parts_that_fail_leave_the_others(node: Node, alice: Client, settings: Any) -> None:
    node.write(event("error", "broken"))
    node.seal()
    settings.EVENTLANE_QUERY_SECONDS = 0
    page = text(alice, EVENTS)
    assert "The events can’t be counted:" in page and ">logs</a>" in page
    assert "The errors can’t be read:" in text(alice, ERRORS)
    assert "Datasets" in text(alice, HOME)


def test_parts_whose_turn_has_not_come_say_when_to_ask_again(
    node: Node, alice: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    node.write(event("error", "broken"))
    node.seal()
    assert not [path for path in (EVENTS, ERRORS) if "Retry-After" in get(alice, path)]
    with monkeypatch.context() as taken:
        taken.setattr(slots, "_slots", 0)
        taken.setattr(slots, "_wait_seconds", 0.01)
        for path in (EVENTS, ERRORS):
            assert get(alice, path)["Retry-After"] == "1" and TooManyQueries().message in text(alice, path)
    settings.EVENTLANE_QUERY_SECONDS = 0
    for path in (EVENTS, ERRORS):
        assert "Retry-After" not in get(alice, path) and "data-again" not in text(alice, path)


def test_parts_without_a_lake_say_so_and_when_to_ask_again(node: Node, alice: Client) -> None:
    node.write(event("error", "broken"))
    node.seal()
    slots.close()
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{node.schema}".ducklake_data_file RENAME TO away')
    try:
        for path in (EVENTS, ERRORS):
            page = unescape(text(alice, path))
            assert 'data-again="5"' in page and LakeUnavailable().message in page
            assert "Retry-After" not in get(alice, path)  # what was shown before doesn't stay
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER TABLE "{node.schema}".away RENAME TO ducklake_data_file')
    assert "broken" in text(alice, ERRORS)


def test_new_installation_gets_steps_that_tick_themselves(node: Node, alice: Client) -> None:
    def done() -> list[bool]:
        return [step.done for step in get(alice, STANDING).context["steps"]]

    page = text(alice, HOME)
    assert "First steps" in page and "Events by level" not in page
    assert done() == [False] * 5
    node.write(event("info", "first"))
    assert done() == [True, False, False, False, False] and "Events by level" in text(alice, HOME)
    get(alice, f"/console/explore/?dataset={node.dataset.pk}&from=1h")
    assert done() == [True, True, False, False, False]
    project = node.dataset.project
    project.local_runtime = True
    project.save()
    assert done() == [True, True, True, False, False]
    Resource.objects.create(project=project, type="pipeline", name="greet", spec={"data": {}})
    assert done() == [True, True, True, True, False]
    Resource.objects.create(project=project, type="alert", name="errors", spec={"data": {}})
    assert done() == []


def test_step_to_be_told_leads_to_where_an_alert_is_made(node: Node, alice: Client) -> None:
    def step() -> Step:
        return next(step for step in get(alice, STANDING).context["steps"] if step.title == "Be told")

    assert step().url and "save it" in step().text and "let an admin" not in step().text
    page = text(alice, step().url)
    for part in (">Make an alert</h2>", "q: level:error", "Save the alert"):
        assert part in page
    Account.objects.update(role=Account.Role.USER)
    assert "let an admin save it" in step().text and "Save the alert" not in text(alice, step().url)
    node.dataset.delete()
    assert not step().url and "Once there is a dataset" in step().text


def test_firing_alerts_go_first(node: Node, alice: Client) -> None:
    project = node.dataset.project
    condition = {"kind": "firing", "group": {"service": "web"}, "value": 12}
    for name, state in (("many-errors", "firing"), ("quiet", "no_data"), ("fine", "ok")):
        resource = Resource.objects.create(project=project, type="alert", name=name, spec={"data": {"query": "saved"}})
        alert = Alert.objects.create(resource=resource, project=project, state=state, conditions=[condition])
        AlertChange.objects.create(alert=alert, kind="began", time=timezone.now(), link=f"/explore/{name}")
    response = get(alice, STANDING)
    assert [row.name for row in response.context["alerts"]] == ["many-errors", "quiet"]
    assert response.context["standing"].title == "1 alert firing"
    error = {"kind": "error", "text": "too much"}
    Alert.objects.filter(resource__name="many-errors").update(state="error", conditions=[condition, error])
    assert "error: too much" in text(alice, HOME) and "service web: 12" not in text(alice, HOME)
    assert get(alice, STANDING).context["standing"].title == "2 alerts: no data, error"
    Alert.objects.filter(resource__name="many-errors").update(state="firing")
    page = text(alice, HOME)
    assert "service web: 12" in page and 'href="/explore/many-errors"' in page
    Alert.objects.update(snoozed_until=timezone.now() + timedelta(hours=1))
    assert get(alice, STANDING).context["standing"].title == "All is well" and "snoozed" in text(alice, HOME)


def test_all_firing_alerts_are_counted_and_some_shown(node: Node, alice: Client) -> None:
    project = node.dataset.project
    for number in range(11):
        spec = {"data": {"query": "saved"}}
        resource = Resource.objects.create(project=project, type="alert", name=f"a{number}", spec=spec)
        Alert.objects.create(resource=resource, project=project, state="firing")
    response = get(alice, STANDING)
    assert response.context["standing"].title == "11 alerts firing" and len(response.context["alerts"]) == 8
    assert '<a class="text-link" href="/console/events/alert/">3 more</a>' in text(alice, STANDING)


def test_channels_that_messages_do_not_reach_are_told_of(node: Node, alice: Client) -> None:
    project = node.dataset.project
    deploy(project, [alert(channels=["people", "hook"]), channel("people"), channel("hook")])
    row = Alert.objects.get()
    began = AlertChange.objects.create(alert=row, kind="began", time=timezone.now(), state="firing")
    for name, error in (("people", "the mail server <b>"), ("hook", "")):
        state = "failed" if error else "sent"
        AlertMessage.objects.create(change=began, channel=name, tries=1, state=state, error=error)
    found = get(alice, STANDING).context["standing"]
    assert (found.state, found.title, found.url) == ("danger", "Messages to people don’t arrive", "#channels")
    page, alert_page = text(alice, HOME), f"/console/events/alert/{row.pk}/change/"
    assert "the mail server &lt;b&gt;" in page and f'href="{alert_page}">messages of many-errors<' in page
    resource = Resource.objects.get(type="channel", name="people")
    of_channel = text(alice, f"/console/pipelines/resource/{resource.pk}/change/")
    assert f'href="{alert_page}">Messages of many-errors<' in of_channel and ": failed: the mail server" in of_channel

    AlertMessage.objects.filter(channel="people").update(refused={"b@example.com": "550 no such user"})
    assert get(alice, STANDING).context["standing"].title == "Messages to people don’t reach everybody"
    Alert.objects.update(state="firing")
    assert get(alice, STANDING).context["standing"].text == "and 1 channel that messages don’t reach"
    Alert.objects.update(state="ok")
    people = channel("people", kind="email", to=["new@example.com"])
    deploy(project, [alert(channels=["people", "hook"]), people, channel("hook")])
    assert get(alice, STANDING).context["standing"].title == "All is well"  # it may be right now
    AlertMessage.objects.filter(channel="hook").update(state="waiting", error="refused")
    assert get(alice, STANDING).context["standing"].title == "Messages to hook don’t arrive"
    test = AlertChange.objects.create(alert=row, kind="test", time=timezone.now(), state="ok")
    message = AlertMessage.objects.create(change=test, channel="hook", tries=1)
    assert get(alice, STANDING).context["standing"].title == "Messages to hook don’t arrive"  # its try goes on
    AlertMessage.objects.filter(pk=message.pk).update(state="sent")
    assert get(alice, STANDING).context["standing"].title == "All is well"
    AlertMessage.objects.update(state="failed", error="secret")
    charlie = logged_in(make_account(Organization.objects.create(name="Umbrella"), "charlie"))
    assert "secret" not in text(charlie, HOME)


def test_old_installation_gets_no_steps(node: Node, alice: Client) -> None:
    Organization.objects.update(creation_time=timezone.now() - timedelta(days=8))
    assert "First steps" in text(alice, HOME)  # there are no events
    node.write(event("info", "first"))
    assert "First steps" not in text(alice, HOME)


def test_parts_are_of_ones_own_organization(node: Node, alice: Client) -> None:
    node.write(event("error", "secret failure"))
    umbrella = Organization.objects.create(name="Umbrella")
    charlie = logged_in(make_account(umbrella, "charlie", role=Account.Role.ADMIN))
    for path in (HOME, EVENTS, ERRORS, STANDING):
        page = text(charlie, path)
        assert "secret" not in page and ">logs<" not in page
    assert "secret failure" in text(alice, ERRORS)


def test_times_are_shown_in_the_chosen_zone(node: Node, alice: Client) -> None:
    node.write(event("error", "broken"))
    in_utc = text(alice, STANDING)
    assert re.search(r"As of <span data-as-of>[\d:]{8} UTC</span>", in_utc)
    alice.cookies["eventlane_zone"] = "Asia/Kolkata"
    assert re.search(r"As of <span data-as-of>[\d:]{8} IST</span>", text(alice, STANDING))
    home, parts = text(alice, HOME), [text(alice, part) for part in (EVENTS, ERRORS)]
    assert re.search(r"[\d:]{8} IST</span>", home) and 'data-zone="Asia/Kolkata"' in home
    assert all(" IST" in part and " UTC" not in part for part in parts)
