"""Requests that are sent again, because a reply got lost: one copy is there, whoever reads, whenever it is sealed."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.journal import JournalWriter
from events.lake import seal
from events.lake.connection import Lake
from events.lake.follow import EventFollower
from events.lake.maintain import prune_sealed_requests
from events.lake.pages import event_pages
from events.lake.query import EventQuery, EventRow
from tests.events.lake.conftest import Node

TOKEN = b"0123456789abcdef"


class Process:
    """A web process of the node, with a journal file of its own."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.writer = JournalWriter(node.journal, f"node-{node.home.name}", 32 << 20, 3600)

    def write(self, *texts: str, **options: Any) -> None:
        self._node.writer, usual = self.writer, self._node.writer
        self._node.write(*texts, **options)
        self._node.writer = usual


@pytest.fixture
def process(node: Node) -> Iterator[Process]:
    process = Process(node)
    yield process
    process.writer.close()


def paged(node: Node) -> list[EventRow]:
    """Return all events, page by page."""
    found: list[EventRow] = []
    with Lake(read_only=True) as lake:
        while True:
            with event_pages(lake, EventQuery(node.dataset)) as pages:
                page = pages.fetch(descending=False, after=found[-1].id if found else None, limit=1)
            if not page:
                return found
            found += page


def seen(node: Node) -> list[tuple[str, str]]:
    """Return id and text of each event, as all ways of reading agree."""
    rows = node.rows()
    assert paged(node) == rows
    return [(str(row.id), row.event) for row in rows]


@pytest.mark.quick
def test_request_sent_again_is_there_once_under_one_id(node: Node, process: Process) -> None:
    """Unsealed in the files of two processes, when either is sealed, when both are, and when one more comes."""
    process.write('{"n":0}', '{"n":1}', token=TOKEN)
    node.write('{"n":2}')
    expected = seen(node)
    assert [json.loads(text)["n"] for _, text in expected] == [0, 1, 2]
    node.write('{"n":0}', '{"n":1}', token=TOKEN)
    assert seen(node) == expected
    sealed = node.seal()
    assert (sealed.events, sealed.repeated) == (3, 0)
    assert seen(node) == expected, "the copy is sealed with the ids of the first"
    process.writer.close()
    sealed = node.seal()
    assert (sealed.events, sealed.repeated) == (0, 2)
    node.write('{"n":0}', '{"n":1}', token=TOKEN)
    assert seen(node) == expected
    assert node.seal().repeated == 2
    assert seen(node) == expected


def test_copies_in_one_file_and_in_files_sealed_together(node: Node) -> None:
    """The first counts, also if another body comes under the same name."""
    for _ in range(2):
        node.write('{"n":0}', token=TOKEN)
        node.write('{"n":7}', token=TOKEN)
        node.writer.close()
    node.write('{"n":1}', token=TOKEN[::-1])
    node.write('{"n":2}')
    expected = seen(node)
    assert [text for _, text in expected] == ['{"n":0}', '{"n":1}', '{"n":2}']
    assert node.seal().repeated == 3
    assert seen(node) == expected


def test_token_is_forgotten_after_a_day(node: Node) -> None:
    node.write('{"n":0}', token=TOKEN, age=timedelta(hours=25))
    node.write('{"n":0}', token=TOKEN, age=timedelta(hours=23))
    node.write('{"n":0}', token=TOKEN)
    assert len(seen(node)) == 2, "25 h and 23 h ago are copies, and today is more than a day after the first"
    expected = seen(node)
    node.seal()
    assert seen(node) == expected
    node.write('{"n":0}', token=TOKEN)
    with Lake() as lake:
        assert prune_sealed_requests(lake, timezone.now()) == "0 tokens forgotten", "a copy may be sealed a day late"
        late = timezone.now() + timedelta(days=3)
        assert prune_sealed_requests(lake, late) == "1 tokens forgotten", "the journal has a copy of the other"
    assert seen(node) == expected
    assert node.seal().repeated == 1
    with Lake() as lake:
        assert prune_sealed_requests(lake, late) == "1 tokens forgotten"


def test_many_files_and_many_copies(node: Node) -> None:
    """More tokens than DuckLake keeps in PostgreSQL by itself, sealed in parts, with events that have none between."""
    for number in range(300):
        node.write(json.dumps({"n": number}), token=number.to_bytes(16, "big"))
        node.write(json.dumps({"n": number + 1000}))
    node.writer.close()
    for number in range(0, 300, 2):
        node.write(json.dumps({"n": number}), token=number.to_bytes(16, "big"))
    expected = [json.loads(text)["n"] for text in node.events()]
    assert Counter(expected) == Counter([*range(300), *range(1000, 1300)])
    assert node.seal().repeated == 150
    assert [json.loads(text)["n"] for text in node.events()] == expected


def test_bad_event_beside_a_copy_goes_into_quarantine_once(node: Node) -> None:
    for _ in range(2):
        node.write('{"n":0}', "nonsense", token=TOKEN)
        node.writer.close()
    node.seal()
    assert node.events() == ['{"n":0}']
    assert [event for _, event in node.quarantine()] == [b"nonsense"]


def test_another_node_seals_a_copy_at_the_same_moment(
    node: Node, other_node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its commit comes between our look at the tokens and our commit: ours doesn't hold, and we look again."""
    node.write('{"n":0}')
    node.seal()  # makes the table: two who make it would collide anyway
    for one in (node, other_node):
        one.write('{"n":1}', token=TOKEN)
    note, due = seal.note_sealed_copies, [True]

    def note_while_the_other_seals(*arguments: Any) -> None:
        if due:
            due.pop()
            other_node.seal()
        note(*arguments)

    monkeypatch.setattr(seal, "note_sealed_copies", note_while_the_other_seals)
    assert node.seal().repeated == 1
    assert node.events() == other_node.events() == ['{"n":0}', '{"n":1}']


def test_follower_shows_a_copy_once(node: Node, process: Process, other_node: Node) -> None:
    """Before it is sealed, when it is, when another process writes it, and when another node has sealed it."""
    shown: list[str] = []

    def look(follower: EventFollower) -> Counter[str]:
        shown.extend(row.event for row in follower.news())
        return Counter(shown)

    node.write('{"n":0}', token=b"a" * 16)
    with EventFollower(EventQuery(node.dataset, limit=None)) as follower:
        shown.extend(row.event for row in follower.history())
        process.write('{"n":0}', token=b"a" * 16)
        node.write('{"n":1}', token=b"b" * 16)
        assert look(follower) == Counter(['{"n":0}', '{"n":1}'])
        node.seal()
        process.write('{"n":1}', token=b"b" * 16)
        assert look(follower) == Counter(['{"n":0}', '{"n":1}'])
        process.writer.close()
        node.write('{"n":1}', token=b"b" * 16)
        node.seal()
        assert look(follower) == Counter(['{"n":0}', '{"n":1}'])
        node.write('{"n":2}', token=b"c" * 16)
        assert look(follower)['{"n":2}'] == 1
        other_node.write('{"n":2}', token=b"c" * 16)
        other_node.write('{"n":3}', token=b"d" * 16)
        other_node.seal()
        assert look(follower) == Counter(['{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}'])
        node.write('{"n":3}', token=b"d" * 16)
        assert look(follower)['{"n":3}'] == 1
        node.seal()
        assert look(follower) == Counter(['{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}'])
        process.write('{"n":4}', token=b"e" * 16)
        node.write('{"n":4}', token=b"e" * 16)
        node.seal()  # with the ids of the first, which the follower finds in the other file
        assert look(follower)['{"n":4}'] == 1
        process.writer.close()
        node.seal()
        assert look(follower) == Counter(node.events())
