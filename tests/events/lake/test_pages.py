"""Pages of events by id: every event exactly once, whatever is written, sealed and merged meanwhile."""

import json
import random
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from events.lake.connection import Lake
from events.lake.deadline import QueryTimeout
from events.lake.maintain import maintain
from events.lake.pages import event_pages
from events.lake.query import EventQuery, EventRow
from events.lake.snapshot import Snapshot
from events.lake.unsealed import JournalIndex, Span
from tests.events.lake.conftest import Node


class Reader:
    """Reads pages as a web process does: on one lake that stays attached."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.lake = Lake(read_only=True)

    def page(self, size: int, *, after: UUID | None = None, descending: bool = False, **query: Any) -> list[EventRow]:
        if not self.lake.attached:
            self.lake.attach_if_there()
        with event_pages(self.lake, EventQuery(**{"dataset": self.node.dataset} | query)) as pages:
            return pages.fetch(descending=descending, after=after, limit=size)

    def walk(self, size: int = 30, **options: Any) -> list[int]:
        """Return the numbers of all events, page by page."""
        found: list[int] = []
        after = None
        while rows := self.page(size, after=after, **options):
            found += [number(row) for row in rows]
            after = rows[-1].id
        return found


@pytest.fixture
def reader(node: Node) -> Any:
    reader = Reader(node)
    yield reader
    reader.lake.close()


def number(row: EventRow) -> int:
    return json.loads(row.event)["n"]


def write(node: Node, start: int, count: int, batch: int = 5, **options: Any) -> None:
    for first in range(start, start + count, batch):
        node.write(*(json.dumps({"n": n}) for n in range(first, min(first + batch, start + count))), **options)


def test_lake_that_was_never_made_has_no_events(reader: Reader) -> None:
    assert reader.page(10) == reader.page(10, descending=True) == []


@pytest.mark.quick
@pytest.mark.parametrize("sealed", [0, 37, 150, 200], ids=lambda count: f"{count} of 200 sealed")
def test_walks_in_both_directions(node: Node, reader: Reader, sealed: int) -> None:
    """Fewer than 100 events sealed together are in PostgreSQL, more are in a Parquet file."""
    write(node, 0, sealed)
    node.seal()
    write(node, sealed, 200 - sealed)
    assert reader.walk() == list(range(200))
    assert reader.walk(descending=True) == list(reversed(range(200)))


@pytest.mark.slow
def test_walk_forwards_while_events_are_written_and_sealed(node: Node, reader: Reader) -> None:
    chance = random.Random(3)
    write(node, 0, 120)
    written = 120
    found: list[int] = []
    after = None
    while rows := reader.page(chance.randint(1, 40), after=after):
        found += [number(row) for row in rows]
        after = rows[-1].id
        if written < 600:
            write(node, written, 30)
            written += 30
        chance.choice([node.seal, node.writer.close, int])()
    assert found == list(range(written)) and written == 600


@pytest.mark.slow
def test_walk_backwards_while_events_are_sealed_and_merged(node: Node, reader: Reader) -> None:
    for start in range(0, 600, 120):
        write(node, start, 120)
        node.writer.close()
    found: list[int] = []
    after = None
    while rows := reader.page(100, after=after, descending=True):
        found += [number(row) for row in rows]
        after = rows[-1].id
        node.seal()
        with Lake() as lake:
            steps = {step.name: step for step in maintain(lake, timezone.now())}
            assert not steps["merge"].failed
        write(node, 1000, 5)  # newer than where the walk began
    assert found == list(reversed(range(600)))


def test_pages_of_two_nodes_interleave(node: Node, other_node: Node, reader: Reader) -> None:
    for start in range(0, 100, 10):
        write([node, other_node][start // 10 % 2], start, 10)
    other_node.seal()
    assert reader.walk() == list(range(100))
    assert reader.walk(descending=True) == list(reversed(range(100)))


def test_conditions(node: Node, reader: Reader) -> None:
    for half in range(2):
        write(node, half * 50, 25, namespace="web")
        write(node, half * 50 + 25, 25, namespace="shop")
        if half == 0:
            node.seal()
    shop = [*range(25, 50), *range(75, 100)]
    assert reader.walk(namespace="shop") == shop
    assert reader.walk(namespace="shop", descending=True) == shop[::-1]
    assert reader.walk(search='"n": 4') == [4, *range(40, 50)]
    assert reader.walk(filters=(("n", "77"),)) == [77]
    rows = reader.page(100)
    start, end = rows[30].received_time, rows[80].received_time
    between = [number(row) for row in rows if start <= row.received_time < end]
    assert len(between) == 50
    assert reader.walk(from_time=start, to_time=end) == between
    assert reader.walk(from_time=start, to_time=end, descending=True) == between[::-1]


def test_one_event_by_its_id(node: Node, reader: Reader) -> None:
    def find(event_id: UUID) -> EventRow | None:
        with event_pages(reader.lake, EventQuery(node.dataset)) as pages:
            return pages.find(event_id)

    write(node, 0, 200)
    rows = reader.page(200)
    assert find(rows[77].id) == rows[77]
    node.seal()
    reader.page(1)
    assert find(rows[77].id) == rows[77]
    assert find(UUID(int=rows[77].id.int ^ (1 << 40))) is None
    assert find(UUID(int=0)) is find(UUID(int=2**128 - 1)) is None


def test_place_of_a_key_that_no_event_has(node: Node, reader: Reader) -> None:
    write(node, 0, 50)
    assert reader.page(100, after=UUID(int=2**128 - 1)) == reader.page(100, after=UUID(int=0), descending=True) == []
    assert len(reader.page(100, after=UUID(int=0))) == 50
    assert len(reader.page(100, after=UUID(int=2**128 - 1), descending=True)) == 50


def test_only_the_stretches_that_a_page_reaches_are_read(
    node: Node, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.lake.unsealed.STRETCH_BYTES", 1000)
    monkeypatch.setattr("events.lake.snapshot._index", JournalIndex())
    write(node, 0, 500)
    staged: list[int] = []
    stage = Snapshot._stage

    def counting(snapshot: Snapshot, span: Span) -> None:
        stage(snapshot, span)
        staged.append(len(snapshot._staged))

    monkeypatch.setattr(Snapshot, "_stage", counting)
    first, last = reader.page(10), reader.page(10, descending=True)
    assert [number(row) for row in first] == list(range(10))
    assert [number(row) for row in last] == list(range(499, 489, -1))
    assert max(staged) <= 2
    reader.walk(search="nowhere")
    assert max(staged) == 17


def test_index_reads_what_is_new_and_forgets_what_is_gone(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    from events.journal import JournalFile, open_files

    monkeypatch.setattr("events.lake.unsealed.STRETCH_BYTES", 500)
    write(node, 0, 50)
    index = JournalIndex()
    offsets: list[int] = []
    read = JournalFile.read

    def noted(file: JournalFile, offset: int = 0, max_bytes: int | None = None) -> Any:
        offsets.append(offset)
        return read(file, offset, max_bytes)

    monkeypatch.setattr(JournalFile, "read", noted)
    [file] = open_files(node.journal)
    with file:
        before = index.stretches([file], node.dataset.id)
        assert sum(stretch.count for _, stretch in before) == 50 and len(before) > 1
        offsets.clear()
        write(node, 50, 10)
        after = index.stretches([file], node.dataset.id)
        assert after[: len(before)] == before
        assert sum(stretch.count for _, stretch in after) == 60
        assert min(offsets) == before[-1][1].end
        assert index.stretches([file], "0" * 27) == []
        assert index.stretches([], node.dataset.id) == []
        assert index._known == {}


def test_page_that_takes_too_long(node: Node, reader: Reader, settings: Any) -> None:
    write(node, 0, 200)
    settings.EVENTLANE_QUERY_SECONDS = 1e-9
    with pytest.raises(QueryTimeout):
        reader.page(10)
    settings.EVENTLANE_QUERY_SECONDS = 60
    assert reader.walk() == list(range(200))
