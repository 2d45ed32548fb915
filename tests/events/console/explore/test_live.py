"""The stream behind the switch Live of Explore, and for how long a session may have it."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from typing import Any, cast

import pytest
from django.test import Client

from eventlane.sessions import SessionStore
from eventlane.wire.errors import AuthenticationRequired, UnknownObject
from eventlane.wire.stream import StreamResponse
from events.console.explore.live import SessionAccess, _lines
from events.console.explore.question import Question
from events.tails import newest as newest_module
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


# Going on from what the page shows

FRAME = re.compile(r"(?:id: (?P<id>\S+)\n)?(?:event: (?P<event>\w+)\n)?data: (?P<data>.*?)\n\n", re.DOTALL)


@dataclass
class Page:
    """A page of Explore as a browser has it, that puts new events into its list."""

    client: Client
    dataset_id: str
    ids: set[str] = field(default_factory=set)
    address: str = ""
    last: str = ""
    new: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def load(self, q: str = "n:*") -> str:
        """Ask for the list."""
        text = self.client.get("/console/explore/", {"dataset": self.dataset_id, "q": q, "from": "1h"}).content.decode()
        self.ids = set(re.findall(r'data-load="[^"]*[?&;]id=([0-9a-f-]{36})', text))
        [self.address] = map(unescape, re.findall(r'data-tail="([^"]*)"', text))
        return text

    def live(self, wait_for: Callable[[], object], meanwhile: Callable[[], None] = lambda: None) -> None:
        """Switch Live on until a condition holds."""
        headers = {"Last-Event-ID": self.last} if self.last else {}
        response = cast(StreamResponse, self.client.get(self.address, headers=headers))
        assert response.status_code == 200
        asyncio.run(asyncio.wait_for(self._read(response.detach(), wait_for, meanwhile), 30))

    async def _read(self, tail: Any, wait_for: Callable[[], object], meanwhile: Callable[[], None]) -> None:
        began = False
        async for part in tail.parts():
            for match in FRAME.finditer(part.decode()):
                self._take(**match.groupdict())
            if not began and len(part) > 1 and b"retry:" not in part:
                began = True
                await asyncio.to_thread(meanwhile)
            if wait_for():
                break
        tail.close()

    def _take(self, id: str | None, event: str | None, data: str) -> None:
        if event == "gap":
            self.gaps.append(json.loads(data)["html"])
        if id:
            self.last = id
        if id and id not in self.ids:
            self.ids.add(id)
            self.new += re.findall(r"text-important\">(\w+)<", data)


def test_live_shows_what_the_list_lacks_and_nothing_twice(node: Node, alice: Client, own_hub: Hub):  # noqa: F811
    node.write(*[f'{{"message": "old", "n": {number}}}' for number in range(150)], age=timedelta(seconds=6))
    page = Page(alice, node.dataset.pk)
    page.load()
    assert len(page.ids) == 100
    node.write('{"message": "late", "n": 1}', age=timedelta(seconds=3))
    node.write('{"message": "between", "n": 1}', '{"message": "other"}')
    node.write('{"message": "past", "n": 1, "timestamp": "2020-01-01T00:00:00Z"}')
    page.live(lambda: len(page.new) == 4, lambda: node.write('{"message": "after", "n": 1}'))
    assert sorted(page.new) == ["after", "between", "late", "past"]
    assert not page.gaps


def test_live_goes_on_after_its_last_event(node: Node, alice: Client, own_hub: Hub):  # noqa: F811
    page = Page(alice, node.dataset.pk)
    page.load()
    node.write('{"message": "one", "n": 1}')
    page.live(lambda: page.new, lambda: node.write('{"message": "two", "n": 2}'))
    assert page.new == ["one"]
    page.live(lambda: len(page.new) == 2)
    node.write('{"message": "three", "n": 3}')
    node.seal()
    page.live(lambda: len(page.new) == 4, lambda: node.write('{"message": "four", "n": 4}'))
    assert page.new == ["one", "two", "three", "four"]


def test_line_stands_for_what_there_is_no_room_for_and_leads_to_it(
    node: Node,
    alice: Client,
    own_hub: Hub,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(newest_module, "MOST_EVENTS", 3)
    node.write('{"message": "old", "n": 1}', age=timedelta(seconds=20))
    page = Page(alice, node.dataset.pk)
    page.load("n:1 OR n:2")
    for number in range(8):
        node.write(f'{{"message": "new{number}", "n": 2}}')
    page.live(lambda: len(page.new) == 3)
    assert page.new == ["new5", "new6", "new7"]
    [gap] = page.gaps
    [address] = re.findall(r'href="([^"]*)"', gap)
    shown = alice.get(unescape(address)).content.decode()
    assert re.findall(r"text-important\">(\w+)</span>\s*</summary>", shown) == [f"new{n}" for n in (5, 4, 3, 2, 1, 0)]


def test_line_stands_for_what_takes_too_long_to_read(node: Node, alice: Client, own_hub: Hub, settings: Any):  # noqa: F811
    page = Page(alice, node.dataset.pk)
    page.load()
    node.write('{"message": "missed", "n": 1}')
    settings.EVENTLANE_QUERY_SECONDS = 0

    def read_on() -> None:
        node.write('{"message": "new", "n": 1}')

    page.live(lambda: "new" in page.new, read_on)
    assert len(page.gaps) == 1
