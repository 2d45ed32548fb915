"""From a question in Explore to an alert."""

import html
import json
import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from events.lake.slots import slots
from events.models import Alert, Dataset
from pipelines.models import Resource
from pipelines.resources.deploy import deploy
from tests.console import logged_in
from tests.events.lake.conftest import Node
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


def test_what_the_alert_would_find_is_shown_before_it_is_saved(node: Node) -> None:
    slots.close()
    node.write(*(json.dumps({"level": "error", "service": name}) for name in ["<api>"] * 4 + ["web"] * 2 + ["db"]))
    bob = logged_in(make_account(node.dataset.project.organization, "bob"))
    path = f"/console/explore/alert/?dataset={node.dataset.pk}&" + urlencode({"q": "level:error", "by": "service"})
    text = text_in(bob.get(path).content)

    def tried(text: str) -> str:
        page = bob.post(path, {"text": text, "try": "1"}).content.decode()
        return re.sub(r"\s+", " ", page.partition('id="tried"')[2])

    rows = re.compile(r'<td class="ev-value">(.*?)</td><td>(.*?)</td>')
    found = tried(text.replace("> 10", "> 2"))
    assert rows.findall(found) == [("service &lt;api&gt;: 4", "yes"), ("service web: 2", "no"), ("service db: 1", "no")]
    assert "Firing" in found and not Alert.objects.exists()
    nearest = [line for line, _ in rows.findall(tried(text.replace("> 10", "= 2")))]
    assert nearest == ["service web: 2", "service db: 1", "service &lt;api&gt;: 4"]
    assert rows.findall(tried(text.replace("level:error", "level:none"))) == []
    assert "There is no saved query gone" in tried(
        "type: alert\nversion: 1\nname: a\ndata: {query: gone, threshold: '> 1'}"
    )
    wrong = bob.post(path, {"text": text.replace("> 10", "lots"), "try": "1"})
    assert wrong.status_code == 400 and "threshold: must be one of" in wrong.content.decode()
    slots.close()  # its DuckDB is attached to this test's lake
