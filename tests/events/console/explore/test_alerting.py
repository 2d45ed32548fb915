"""From a question in Explore to an alert."""

import html
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from events.models import Alert, Dataset
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from tests.console import logged_in
from tests.factories import House, make_account, make_house
from tests.pipelines.resources.samples import channel

QUESTION = {"q": "level:error", "calculate": "count, p95(duration) as slow", "by": "service", "from": "6h"}


@pytest.fixture
def house(db: None) -> House:
    return make_house("acme", "alice")


@pytest.fixture
def address(house: House) -> str:
    return f"/console/explore/alert/?dataset={Dataset.objects.get().pk}&"


def text_in(page: bytes) -> str:
    return html.unescape(page.decode()).partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]


def test_admin_saves_the_alert_of_a_question(house: House, address: str, settings: Any) -> None:
    deploy(house.project, [channel("ops")])
    alice = logged_in(house.admin)
    address += urlencode(QUESTION)
    shown = alice.get(address)
    text = text_in(shown.content)
    assert "from" not in text and "threshold: '> 10'" in text and "channels: [ops]" in text
    wrong = alice.post(address, {"text": text.replace("> 10", "lots")})
    assert wrong.status_code == 400 and "threshold: must be one of &gt;" in wrong.content.decode()
    assert text_in(wrong.content).strip() == text.replace("> 10", "lots").strip()
    assert "must be alert" in alice.post(address, {"text": text.replace("type: alert", "type: query")}).content.decode()

    saved = alice.post(address, {"text": text.replace("new-alert", "errors")})
    alert = Alert.objects.get()
    assert saved.url == f"/console/events/alert/{alert.pk}/change/"
    query = alert.resource.data["query"]
    assert (query["q"], query["group_by"], len(query["calculations"])) == ("level:error", ["service"], 2)
    assert alert.resource.made_by == Resource.Maker.PERSON
    settings.EVENTLANE_MAX_ALERTS = 1
    assert "a project may have 1 alerts" in alice.post(address, {"text": text}).content.decode()
    again = alice.post(address, {"text": text.replace("new-alert", "errors")})
    assert "There is already an alert errors" in again.content.decode()


def test_user_sees_the_yaml_and_cannot_save_it(house: House, address: str) -> None:
    bob = logged_in(make_account(house.organization, "bob"))
    assert "name: new-alert" in text_in(bob.get(address).content)
    assert bob.post(address, {"text": "x"}).status_code == 403 and not Alert.objects.exists()
    assert bob.post(address.replace("dataset=", "dataset=x")).status_code == 404


def test_others_find_nothing(address: str) -> None:
    charlie: Client = logged_in(make_house("umbrella", "charlie").admin)
    assert charlie.get(address).status_code == 404
