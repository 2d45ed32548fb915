"""How far a question is: told to whom asks it, and to nobody else."""

from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory

from events.console.explore.asking import COOKIE, FOLDER, told
from projects.models import Account
from tests.console import logged_in
from tests.events.lake.conftest import Node
from tests.factories import make_account

PATH = "/console/explore/progress/"


def request_of(account: Account, token: str) -> Any:
    request = RequestFactory().get("/console/explore/")
    request.user, request.COOKIES[COOKIE] = account, token
    return request


def test_progress_is_known_to_who_asks_while_the_question_runs(node: Node) -> None:
    organization = node.dataset.project.organization
    alice, bob = make_account(organization, "alice"), make_account(organization, "bob")
    with told(request_of(alice, "ab12")) as tell:
        assert tell
        tell(1_000, 4_000)
        far = logged_in(alice).get(PATH, {"token": "ab12"}).json()
        assert far == {"looked_at": 1_000, "events": 4_000}
        assert logged_in(alice).get(PATH, {"token": "ab13"}).json() == {}
        assert logged_in(bob).get(PATH, {"token": "ab12"}).json() == {}
        assert Client().get(PATH, {"token": "ab12"}).status_code == 302
    assert logged_in(alice).get(PATH, {"token": "ab12"}).json() == {}


@pytest.mark.parametrize("token", ["", "../../x", "AB", "1" * 33])
def test_nothing_is_written_without_a_token(token: str, node: Node) -> None:
    with told(request_of(make_account(node.dataset.project.organization, "alice"), token)) as tell:
        assert tell is None


def test_page_leaves_no_progress_behind(node: Node, alice: Client) -> None:
    node.write('{"a":1}')
    alice.cookies[COOKIE] = "ab12"
    response = alice.get(f"/console/explore/?dataset={node.dataset.pk}&from=1h")
    assert response.context["total"] == "1"
    assert f'data-progress="{PATH}" data-seconds="60"' in response.content.decode()
    folder = settings.EVENTLANE_HOME / FOLDER
    assert folder.is_dir() and not [*folder.iterdir()]  # it was written, and removed
