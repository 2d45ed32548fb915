"""The console's pages for alerts: their list, what happened, and the buttons."""

import html
import re
from datetime import datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from events.alerts.due import claim
from events.alerts.evaluate import Finding
from events.alerts.record import record
from events.models import Alert, AlertMessage
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from tests.console import count_queries, logged_in
from tests.factories import House, make_account, make_house
from tests.pipelines.resources.samples import alert, channel, pipeline, task

LIST = "/console/events/alert/"
BEYOND = {"kind": "firing", "group": {"service": "<api>"}, "value": 12}


@pytest.fixture
def house(db: None) -> House:
    return make_house("acme", "alice")


@pytest.fixture
def alice(house: House) -> Client:
    return logged_in(house.admin)


@pytest.fixture
def errors(house: House) -> str:
    """Return the address of an alert's page: it is firing, and its channel failed."""
    asked = {"datasets": ["acme-logs"], "q": "level:error", "group_by": ["service"]}
    many = alert(query=asked, channels=["on-call"], pipelines=["greetings"])
    deploy(house.project, [task(), pipeline(), channel(), many])
    find(Finding([BEYOND], 12))
    AlertMessage.objects.update(state="failed", error="the mail server <b>")
    return f"{LIST}{Alert.objects.get().pk}/change/"


def find(finding: Finding, now: datetime | None = None) -> None:
    """Let an evaluation have found this."""
    Alert.objects.update(next_time=timezone.now() - timedelta(minutes=1))
    claimed = claim(now or timezone.now())
    assert claimed is not None and record(claimed, finding, timezone.now())


def page(client: Client, path: str) -> str:
    response = client.get(path, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def text(client: Client, path: str) -> str:
    return html.unescape(page(client, path))


def test_page_shows_what_is_wrong_and_what_happened(house: House, alice: Client, errors: str) -> None:
    raw = page(alice, errors)
    assert "<api>" not in raw and "server <b>" not in raw
    shown = html.unescape(raw)
    assert "Alert many-errors" in shown and "Firing" in shown.replace("firing", "Firing")
    assert "service <api>: 12" in shown and "the mail server <b>" in shown and "Failed" in shown
    assert 'href="/console/explore/?dataset=' in raw
    assert ">on-call</a>" in shown and ">greetings</a>" in shown
    find(Finding([BEYOND | {"value": 5587.4800000000005}], 5587.4800000000005))
    assert "service <api>: 5587.48" in text(alice, errors) and "5587.480" not in text(alice, errors)
    assert "5587.48" in text(alice, LIST) and "5587.480" not in text(alice, LIST)
    deploy(
        house.project, [alert(query={"datasets": ["acme-logs"], "calculations": [{"op": "p95", "path": "duration"}]})]
    )
    assert "service <api>: p95(duration) 5.59 s" in text(alice, errors)
    find(Finding([], 0))
    assert "Wrong now" not in page(alice, errors) and "Ended" in page(alice, errors)


def test_what_is_wrong_leads_to_its_events_and_times_are_in_the_chosen_zone(alice: Client, errors: str) -> None:
    shown = text(alice, errors)
    [address] = re.findall(r'href="([^"]+)" title="Show the events">service <api>: 12<', shown)
    asked = parse_qs(urlsplit(address).query)
    assert asked["q"] == ['level:error service:"<api>"'] and "by" not in asked
    since = Alert.objects.get().state_time
    assert f"<dt>Since</dt><dd>{since:%Y-%m-%d %H:%M:%S} UTC</dd>" in shown
    alice.cookies["eventlane_zone"] = "Asia/Kolkata"
    in_kolkata = since.astimezone(ZoneInfo("Asia/Kolkata"))
    shown = text(alice, errors)
    assert f"<dt>Since</dt><dd>{in_kolkata:%Y-%m-%d %H:%M:%S} IST</dd>" in shown and " UTC<" not in shown
    assert '<th scope="col">Time, Asia/Kolkata</th>' in shown


def test_list_begins_with_what_is_wrong(house: House, alice: Client, errors: str) -> None:
    quiet, many = alert("a-quiet"), alert(channels=[], pipelines=[])
    deploy(house.project, [quiet, many])
    Alert.objects.filter(resource__name="many-errors").update(state="firing")
    shown = page(alice, LIST)
    assert shown.index(">many-errors<") < shown.index(">a-quiet<")


def test_silence_is_shown_as_such(house: House, alice: Client) -> None:
    asked = {"datasets": ["acme-logs"]}
    deploy(
        house.project,
        [alert("silent", query=asked, threshold=None, no_data="2h"), alert("both", query=asked, no_data="1h")],
    )
    shown = page(alice, LIST)
    assert ">no data for 2h<" in shown and html.escape("> 2 or no data for 1h") in shown
    address = f"{LIST}{Alert.objects.get(resource__name='silent').pk}/change/"
    shown = text(alice, address)
    assert "<dt>Evaluated</dt><dd>every 7d</dd>" in shown and "Looks at" not in shown
    [explore] = re.findall(r'href="([^"]+)">Open in Explore<', shown)
    asked_for = parse_qs(urlsplit(explore).query)
    [start], [end] = asked_for["from"], asked_for["to"]
    assert datetime.fromisoformat(end) - datetime.fromisoformat(start) == timedelta(hours=2)


def test_list_shows_states_and_costs_the_same_for_many(house: House, alice: Client, errors: str) -> None:
    assert f'href="{errors}' in page(alice, LIST) and "firing" in page(alice, LIST)
    few = count_queries(alice, LIST)
    deploy(house.project, [alert(f"a{number}") for number in range(30)])
    assert count_queries(alice, LIST) == few


def test_everybody_snoozes_and_tests_and_only_admins_disable(house: House, alice: Client, errors: str) -> None:
    bob = logged_in(make_account(house.organization, "bob"))

    def press(client: Client, button: str, **form: str) -> str:
        response = client.post(errors.replace("change", button), form, follow=True)
        return html.unescape(response.content.decode()) if response.status_code == 200 else str(response.status_code)

    assert "Snoozed for 4 hours." in press(bob, "snooze", **{"for": "4h"})
    assert Alert.objects.get().is_snoozed and "by bob@example.com" in text(alice, errors)
    assert press(bob, "snooze", **{"for": "100y"}) == "404"
    assert "Snooze ended." in press(bob, "unsnooze") and not Alert.objects.get().is_snoozed
    assert "Test messages are being sent." in press(bob, "test") and AlertMessage.objects.count() == 2
    assert press(bob, "disable") == "403" and "Disabled." in press(alice, "disable")
    assert Resource.objects.get(type="alert").disabled and "disabled" in text(alice, LIST)
    assert bob.get(errors.replace("change", "test")).status_code == 405
    charlie = logged_in(make_house("umbrella", "charlie").admin)
    assert press(charlie, "test") == "404" and AlertMessage.objects.count() == 2


def test_resource_and_event_lead_to_the_alert(alice: Client, errors: str) -> None:
    resource = Resource.objects.get(type="alert")
    assert f'href="{errors}"' in page(alice, f"/console/pipelines/resource/{resource.pk}/change/")
    assert "many-errors" in text(alice, "/console/pipelines/platformevent/")
