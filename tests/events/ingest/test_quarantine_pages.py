"""The console's pages for requests in quarantine."""

import gzip
import html
import json
from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from events.ingest.resends import resends
from events.models import Dataset, QuarantinedRequest
from projects.directory import directory
from projects.models import ApiKey
from tests.console import count_queries, logged_in
from tests.events.ingest.conftest import Entrance
from tests.factories import make_account, make_house

LIST = "/console/events/quarantinedrequest/"


@pytest.fixture
def row(entrance: Entrance) -> QuarantinedRequest:
    """A request that was sent once to a dataset that isn't there, and given up."""
    ApiKey.objects.filter(name="sender").update(quarantine_after=1)
    resends._times.clear()
    body = gzip.compress(json.dumps([{"message": "<b>" + "x" * 9000}]).encode())
    assert entrance.post("/v1/nowhere/web", body, content_encoding="gzip").status == 202
    return QuarantinedRequest.objects.get()


@pytest.fixture
def alice(entrance: Entrance) -> Client:
    return logged_in(entrance.house.admin)


def page(client: Client, path: str) -> str:
    response = client.get(path, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_request_is_shown_with_its_reason_and_the_beginning_of_its_body(alice: Client, row: QuarantinedRequest) -> None:
    assert f"{LIST}{row.pk}/change/" in page(alice, LIST) and "whole request" in page(alice, LIST)
    raw = page(alice, f"{LIST}{row.pk}/change/")
    assert "<b>x" not in raw and "x" * 8100 in raw and "x" * 8200 not in raw and "The rest isn't shown" in raw
    shown = html.unescape(raw)
    assert "there is no dataset 'nowhere' in the project of this key" in shown and "sender (evl_" in shown
    assert "1 request in quarantine" in page(alice, "/console/system/")


def test_retry_says_why_it_is_still_refused_and_then_stores(
    entrance: Entrance, alice: Client, row: QuarantinedRequest
) -> None:
    address = f"{LIST}{row.pk}/retry/"
    assert alice.get(address).status_code == 405
    assert "stays in quarantine: there is no dataset" in html.unescape(
        alice.post(address, follow=True).content.decode()
    )
    Dataset.objects.create(project=entrance.house.project, name="nowhere")
    directory.forget_missing()  # a check of the directory would do it in a moment
    answer = alice.post(address, follow=True)
    assert (answer.status_code, answer.redirect_chain[-1][0]) == (200, LIST)
    assert "/v1/nowhere/web: 1 event stored." in answer.content.decode()
    assert len(entrance.events()) == 1 and not QuarantinedRequest.objects.exists()
    assert LogEntry.objects.latest("pk").get_change_message() == "Retried: 1 event stored."


def test_retry_says_that_the_disk_refuses(
    entrance: Entrance, alice: Client, row: QuarantinedRequest, failing_journal: Callable[[], None]
) -> None:
    Dataset.objects.create(project=entrance.house.project, name="nowhere")
    directory.forget_missing()
    failing_journal()
    answer = alice.post(f"{LIST}{row.pk}/retry/", follow=True)
    assert "stays in quarantine: the events could not be written." in html.unescape(answer.content.decode())
    assert QuarantinedRequest.objects.exists()


def test_only_admins_drop_and_only_their_own(entrance: Entrance, alice: Client, row: QuarantinedRequest) -> None:
    charlie = logged_in(make_house("umbrella", "charlie").admin)
    bob = logged_in(make_account(entrance.house.organization, "bob"))
    assert "nowhere" not in page(charlie, LIST) and "request in quarantine" not in page(charlie, "/console/system/")
    assert "Drop" not in page(bob, f"{LIST}{row.pk}/change/")
    selected = {"_selected_action": [row.pk], "index": "0"}
    for one in ("retry", "drop"):
        address = f"{LIST}{row.pk}/{one}/"
        assert (charlie.post(address).status_code, bob.post(address).status_code) == (404, 403)
        for client in (charlie, bob):
            client.post(LIST, selected | {"action": f"{one}_selected"})
    assert QuarantinedRequest.objects.exists()
    assert (
        "1 request dropped." in alice.post(LIST, selected | {"action": "drop_selected"}, follow=True).content.decode()
    )
    assert not QuarantinedRequest.objects.exists()


def test_list_costs_the_same_for_many(entrance: Entrance, alice: Client, row: QuarantinedRequest) -> None:
    few = count_queries(alice, LIST)
    for number in range(10):
        assert entrance.post(f"/v1/nowhere/{number}", [{}]).status == 202
    assert count_queries(alice, LIST) == few
