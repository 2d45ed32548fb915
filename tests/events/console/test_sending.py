"""The page about sending events: a key shown once, snippets for this dataset, and whether events arrive."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.test import Client

from events.console.sending import SNIPPETS, arrival
from events.models import Dataset, ReceivedCount
from projects.api_keys import digest_of
from projects.models import ApiKey
from tests.console import logged_in
from tests.events.lake.conftest import Node
from tests.factories import House, make_account, make_house

SECRET = re.compile(r"evl_\w{32}")
UNKNOWN = "0" * 27


@pytest.fixture
def acme(db: None) -> House:
    return make_house("acme", "alice")


@pytest.fixture
def alice(acme: House) -> Client:
    return logged_in(acme.admin)


@pytest.fixture
def bob(acme: House) -> Client:
    return logged_in(make_account(acme.organization, "bob"))


@pytest.fixture
def charlie(db: None) -> Client:
    return logged_in(make_house("umbrella", "charlie").admin)


def page_of(dataset_id: str, page: str = "send") -> str:
    return f"/console/events/dataset/{dataset_id}/{page}/"


def snippets(client: Client, dataset: Dataset) -> dict[str, str]:
    return {snippet.name: text for snippet, text in client.get(page_of(dataset.pk)).context["snippets"]}


def test_snippets_name_the_server_and_the_dataset(alice: Client, acme: House, settings: Any) -> None:
    settings.EVENTLANE_PUBLIC_URL = "https://events.example.com"
    found = snippets(alice, acme.dataset)
    assert set(found) == {snippet.name for snippet in SNIPPETS}
    for name, text in found.items():
        assert "acme-logs" in text and "my-service" in text and not text.endswith("\n")
        assert name == "send" or "https://events.example.com" in text
    assert "EVENTLANE_KEY" in alice.get(page_of(acme.dataset.pk)).content.decode()


@pytest.mark.parametrize("name", ["python", "requests"])
def test_python_snippets_are_python(name: str, alice: Client, acme: House) -> None:
    compile(snippets(alice, acme.dataset)[name], name, "exec")


@pytest.mark.parametrize(
    ("default", "shown"),
    [("", "my-service"), ("web-1.eu", "web-1.eu"), ("Größe/№ 1", "my-service"), ('";alert(1)//', "my-service")],
)
def test_default_namespace_stands_in_snippets_when_it_fits_all_of_them(
    default: str, shown: str, alice: Client, acme: House
) -> None:
    Dataset.objects.update(default_namespace=default)
    assert f"/v1/acme-logs/{shown} " in snippets(alice, Dataset.objects.get())["curl"]


def test_key_made_here_is_shown_once_and_kept_nowhere(alice: Client, acme: House) -> None:
    response = alice.post(page_of(acme.dataset.pk), {"name": "my laptop"})
    (secret,) = set(SECRET.findall(response.content.decode()))
    assert "no-store" in response["Cache-Control"] and response.status_code == 200
    api_key = ApiKey.objects.get(digest=digest_of(secret))
    assert (api_key.name, api_key.rights, api_key.project) == ("my laptop", ["ingest"], acme.project)
    assert (api_key.account, api_key.organization) == (acme.admin, acme.organization)
    texts = {snippet.name: text for snippet, text in response.context["snippets"]}
    assert secret in texts["curl"] and secret in texts["browser"] and secret not in texts["python"]
    for path in (page_of(acme.dataset.pk), "/console/projects/apikey/", "/console/"):
        assert secret not in alice.get(path).content.decode()
    kept = [*(str(session.get_decoded()) for session in Session.objects.all()), *map(str, LogEntry.objects.values())]
    assert not any(secret in text for text in [*kept, str(alice.cookies), str(ApiKey.objects.values())])
    history = alice.get(f"/console/projects/apikey/{api_key.pk}/history/").content.decode()
    assert "Created to send to acme-logs." in history


@pytest.mark.parametrize("name", ["", " ", "x" * 101])
def test_bad_name_makes_no_key(name: str, alice: Client, acme: House) -> None:
    response = alice.post(page_of(acme.dataset.pk), {"name": name})
    assert response.context["form"].errors and not SECRET.search(response.content.decode())
    assert ApiKey.objects.count() == 1


def test_user_looks_but_makes_no_key(bob: Client, acme: House) -> None:
    page = bob.get(page_of(acme.dataset.pk)).content.decode()
    assert "Ask an admin" in page and "Create ingest key" not in page and "curl " in page
    assert bob.post(page_of(acme.dataset.pk), {"name": "mine"}).status_code == 403
    assert bob.get(page_of(acme.dataset.pk, "arrived")).json()["state"] == "waiting"
    assert ApiKey.objects.count() == 1


def test_others_meet_an_unknown_dataset(charlie: Client, acme: House) -> None:
    for method in (charlie.get, charlie.post):
        foreign, unknown = (method(page_of(pk), {"name": "spy"}) for pk in (acme.dataset.pk, UNKNOWN))
        assert foreign.status_code == unknown.status_code == 302
        assert foreign["Location"] == unknown["Location"] == "/console/"
    foreign, unknown = (charlie.get(page_of(pk, "arrived")) for pk in (acme.dataset.pk, UNKNOWN))
    assert foreign.status_code == unknown.status_code == 404 and foreign.content == unknown.content
    assert not ApiKey.objects.filter(name="spy").exists()


@pytest.mark.parametrize("page", ["send", "arrived"])
def test_nobody_gets_in_without_login(page: str, client: Client, acme: House) -> None:
    for response in (client.get(page_of(acme.dataset.pk, page)), client.post(page_of(acme.dataset.pk, page))):
        assert response.status_code == 302 and response["Location"].startswith("/console/login/")


def test_page_is_linked_from_dataset_and_home(alice: Client, acme: House) -> None:
    for path in (page_of(acme.dataset.pk, "change"), "/console/"):
        assert page_of(acme.dataset.pk) in alice.get(path).content.decode()


def test_other_address_than_the_public_one_is_told(alice: Client, acme: House, settings: Any) -> None:
    settings.EVENTLANE_PUBLIC_URL = "http://testserver"
    assert "EVENTLANE_PUBLIC_URL" not in alice.get(page_of(acme.dataset.pk)).content.decode()
    settings.EVENTLANE_PUBLIC_URL = "http://127.0.0.1:8000"
    page = alice.get(page_of(acme.dataset.pk)).content.decode()
    assert "You opened this console at http://testserver, but this page shows http://127.0.0.1:8000" in page


def test_arrival_from_the_first_event_to_a_quiet_hour(node: Node) -> None:
    assert arrival(node.dataset)["state"] == "waiting"
    node.write("{}", "{}")
    assert arrival(node.dataset) == {"state": "arrived", "text": "Events arrive: 2 in the last hour."}
    node.seal()
    assert arrival(node.dataset)["state"] == "arrived"
    ReceivedCount.objects.all().delete()
    assert arrival(node.dataset)["text"] == "2 events stored, none in the last hour. Waiting…"
