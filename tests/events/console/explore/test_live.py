"""The stream behind the switch Live of Explore, and for how long a session may have it."""

import json

import pytest
from django.test import Client

from eventlane.sessions import SessionStore
from eventlane.wire.errors import AuthenticationRequired, UnknownObject
from events.console.explore.live import SessionAccess, _lines
from events.console.explore.question import Question
from events.tails.hub import Hub
from tests.events.lake.conftest import Node
from tests.events.own_hub import own_hub  # noqa: F401  (fixture)
from tests.factories import make_house


def test_it_is_for_those_who_see_the_dataset(node: Node, alice: Client, own_hub: Hub):  # noqa: F811
    path = f"/console/explore/live/?dataset={node.dataset.pk}"
    response = alice.get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (200, "text/event-stream")
    assert list(response) == []  # the door sends it

    assert Client().get(path).status_code == 302
    stranger = Client()
    stranger.force_login(make_house("others", "eve").admin)
    assert stranger.get(path).status_code == 404


def test_error_says_what_is_wrong(node: Node, alice: Client):
    response = alice.get(f"/console/explore/live/?dataset={node.dataset.pk}&q=level:")
    assert response.status_code == 400
    assert "at character 7" in json.loads(response.content)["error"]


def test_session_that_ends_no_longer_has_access(node: Node, alice: Client):
    access = SessionAccess(alice.session.session_key, node.dataset.pk)
    access.check()
    with pytest.raises(UnknownObject):
        SessionAccess(access.session_key, "0" * 27).check()
    SessionStore(access.session_key).delete()
    with pytest.raises(AuthenticationRequired):
        access.check()


def test_line_is_that_of_the_list_with_its_columns(node: Node, alice: Client):
    node.write('{"message": "<b>hello</b>", "user": {"id": 12345678901234567890}}')
    question = Question(node.dataset.pk, columns="user.id")
    [row] = node.rows()
    line = _lines(question, node.dataset).data_of(row).decode()
    page = alice.get(f"/console/explore/{question.address()}").content.decode()

    assert "&lt;b&gt;hello&lt;/b&gt;" in line and "12345678901234567890" in line
    assert line.split() == page[page.index('<details class="ev-event"') :].split()[: len(line.split())]
