"""Lines that are asked for together find what each finds by itself."""

import json
from collections.abc import Iterator

import pytest

from events.journal import Batch
from events.models import Dataset
from events.query.where import search_conditions
from events.tails import chunks, matching
from events.tails.frames import AS_JSON
from events.tails.matching import LINES_AT_ONCE, Matcher
from events.tails.news import JournalNews
from events.tails.tail import Line
from tests.events.lake.conftest import Node

EVENTS = [
    *({"level": level, "message": f"m{n}", "n": n} for n, level in enumerate(["info", "warn", "error"] * 5)),
    {"level": 50, "service": "api", "http": {"status": 404}, "tags": ["a", "b"], "text": "Connection \u00e9teint"},
    {"http.status": "500", "error": {"message": "boom"}, "duration": 12.5, "trace_id": "4bf92f3577b34da6"},
    {"empty": None, "flag": True, "big": 9007199254740993, "text": 'line\nend \\ " quote'},
    ["not", "an", "object"],
]
SEARCHES = [
    *("", "level:error", "-level:error", "level:(info OR warn)", "n>3", "n:>=3 n<9", "n!=3", "service:api"),
    *("http.status:404", "http.status>=500", "tags:a", "-tags:c", "empty:*", "flag:true", "big:9007199254740993"),
    *("message:m1*", "message:*4", "message:/^m[12]$/", "/quote/", '"connection \u00c9teint"', "boom OR m7"),
    *("error:boom", "duration:12.5", "trace_id:*", "(n:1 OR n:2) -level:info", "namespace:web", '"\\"" OR n:5', "end"),
]
ROOM = 1_000_000


@pytest.fixture
def matcher() -> Iterator[Matcher]:
    matcher = Matcher()
    yield matcher
    matcher.close()


def line(dataset: Dataset, q: str) -> Line:
    return Line(dataset, q, search_conditions(q), AS_JSON)


def batches(node: Node, *datasets: Dataset) -> list[Batch]:
    news = JournalNews(node.journal)
    found = list(news.read({dataset.pk for dataset in datasets}))
    news.close()
    return found


def ids(data: bytes) -> list[str]:
    """Return the ids of the events in a chunk, as they come."""
    return [text.partition("\n")[0] for text in data.decode().split("id: ")[1:]]


def test_lines_together_find_what_a_reader_finds_for_each(node: Node, matcher: Matcher):
    assert len(SEARCHES) > LINES_AT_ONCE
    other = Dataset.objects.create(project=node.dataset.project, name="other")
    node.write(*map(json.dumps, EVENTS))
    node.write(*map(json.dumps, EVENTS[::-1]), dataset=other)
    lines = {line(node.dataset, q): ROOM for q in SEARCHES}
    of_other = {line(other, q): ROOM for q in SEARCHES[:3]}

    found = matcher.find(batches(node, node.dataset, other), lines | of_other, set(), 0)

    expected = {one.q: sorted(str(row.id) for row in node.rows(where=one.where)) for one in lines}
    assert {one.q: ids(found[one].data) for one in lines} == expected
    assert len({tuple(of_line) for of_line in expected.values()}) > len(SEARCHES) / 2
    assert [found[one].events for one in of_other] == [len(EVENTS), 6, len(EVENTS) - 6]  # 50 is an error, too


@pytest.mark.parametrize("little", [chunks.LITTLE, 0])
def test_chunks_end_where_there_is_no_more_room(
    node: Node, matcher: Matcher, monkeypatch: pytest.MonkeyPatch, little: int
):
    monkeypatch.setattr(chunks, "LITTLE", little)
    node.write(*map(json.dumps, EVENTS))
    everything, errors = line(node.dataset, ""), line(node.dataset, "level:error")
    new = batches(node, node.dataset)
    whole = matcher.find(new, {everything: ROOM, errors: ROOM}, {errors}, 0)
    frames = whole[errors].frames
    assert b"".join(frame.data for frame in frames) == whole[errors].data
    assert [str(frame.id) for frame in frames] == ids(whole[errors].data)

    rooms = {everything: len(whole[everything].data) - 1, errors: len(frames[0].data)}
    cut = matcher.find(new, rooms, set(), 0)

    assert (cut[everything].events, cut[everything].missing) == (len(EVENTS) - 1, (1, 0))
    assert (cut[errors].data, cut[errors].missing) == (frames[0].data, (len(frames) - 1, 0))


def test_lines_that_come_and_go_find_the_same(node: Node, matcher: Matcher):
    node.write(*map(json.dumps, EVENTS))
    new = batches(node, node.dataset)
    lines = [line(node.dataset, q) for q in SEARCHES]
    expected = {one: matcher.find(new, {one: ROOM}, set(), 0)[one] for one in lines}
    for some in (lines, lines[::2], lines[1:], lines[:3], lines):
        assert matcher.find(new, dict.fromkeys(some, ROOM), set(), 0) == {one: expected[one] for one in some}


def test_line_that_takes_too_long_is_left_out_and_the_others_are_not(
    node: Node, matcher: Matcher, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(matching, "LINE_SECONDS", 0.3)
    node.write(*(json.dumps({"n": n, "text": "ab" * 100_000}) for n in range(20)))
    new = batches(node, node.dataset)
    slow = line(node.dataset, " OR ".join(f"/(a|b){{1,{n}}}c{{1,90}}d/" for n in range(500, 520)))
    quick = [line(node.dataset, f"n:{n}") for n in range(20)]
    lines = dict.fromkeys([*quick[:10], slow, *quick[10:]], ROOM)
    for _ in range(2):
        found = matcher.find(new, lines, set(), 0)
        assert [found[one].events for one in quick] == [1] * len(quick)
        assert (found[slow].events, found[slow].missing) == (0, (0, 20))
