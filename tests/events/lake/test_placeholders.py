"""Text that looks like what DuckLake replaces in its own SQL: sealed, found and shown like any other."""

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.utils import timezone

from events.lake.conditions import TEXT_COLUMNS
from events.lake.connection import Lake
from events.lake.follow import EventFollower
from events.lake.maintain import maintain
from events.lake.pages import event_pages
from events.lake.query import EventQuery, EventRow
from events.lake.sealer import Sealer
from events.models import Dataset, Namespace
from tests.events.lake.conftest import Node

FIELDS = ("service", "level", "message", "requestId", "traceId", "spanId", "error")
CUT = 256  # DuckDB cuts what it keeps of a column's least and greatest text here, and counts the last character up


def words_of_ducklake() -> list[str]:
    """Return every word in braces that DuckLake's program holds, whatever it does with it."""
    folder = Path(str(importlib.import_module("duckdb_extension_ducklake").__file__)).parent
    [file] = folder.glob(f"extensions/v{duckdb.__version__}/ducklake.duckdb_extension")
    return sorted({word.decode() for word in re.findall(rb"\{[A-Z_]{3,}\}", file.read_bytes())})


WORDS = words_of_ducklake()


def test_list_of_words_holds_those_that_ducklake_is_known_to_replace() -> None:
    known = ("DATA_PATH", "METADATA_PATH", "METADATA_CATALOG", "METADATA_SCHEMA_ESCAPED", "SNAPSHOT_ID", "AUTHOR")
    assert {f"{{{name}}}" for name in known} <= set(WORDS)


class Reader:
    """Reads as a web process does: on one lake that stays attached."""

    def __init__(self, node: Node, lake: Lake) -> None:
        self.node, self.lake = node, lake

    def rows(self, **query: Any) -> list[EventRow]:
        if not self.lake.attached:
            self.lake.attach_if_there()
        with event_pages(self.lake, EventQuery(**{"dataset": self.node.dataset} | query)) as pages:
            return pages.fetch(descending=False, after=None, limit=1000)

    def numbers(self, **query: Any) -> list[int]:
        return [json.loads(row.event)["n"] for row in self.rows(**query)]


@pytest.fixture
def reader(node: Node) -> Iterator[Reader]:
    with Lake(read_only=True) as lake:
        yield Reader(node, lake)


@pytest.fixture
def sealer(node: Node) -> Iterator[Sealer]:
    sealer = Sealer(node.journal)
    yield sealer
    sealer.close()


def event(number: int, text: str) -> str:
    return json.dumps({"n": number, "note": text, **dict.fromkeys(FIELDS, text)}, ensure_ascii=False)


def seal(node: Node, sealer: Sealer) -> None:
    node.writer.close()
    assert sum(sealed.quarantined for sealed in sealer.seal_available()) == 0
    assert node.files() == []


def check(reader: Reader, number: int, text: str) -> None:
    """Find the one event by each of its fields, its namespace and its text; read it as it was sent."""
    everywhere = tuple((key, text) for key in (*FIELDS, "note"))
    [row] = reader.rows(namespace=text[:200], filters=everywhere, search=text)
    assert row.event == event(number, text)
    assert {row.service, row.message, row.request_id, row.trace_id, row.span_id, row.error} == {text}
    assert row.level == text.lower()


def test_every_word_is_sealed_and_found(node: Node, sealer: Sealer, reader: Reader) -> None:
    """In small inserts, which are in the catalog, and in larger ones, which are files."""
    large = Dataset.objects.create(project=node.dataset.project, name="large")
    for number, word in enumerate(WORDS):
        node.write(event(number, word), namespace=word)
        node.write(event(number, word), *['{"n":-1}'] * 120, namespace=word, dataset=large)
        seal(node, sealer)
    with Lake() as lake:
        assert [step for step in maintain(lake, timezone.now()) if step.failed] == []
    for number, word in enumerate(WORDS):
        assert reader.numbers(namespace=word, filters=(("level", word),)) == [number]
        assert reader.numbers(namespace=word, dataset=large) == [number] + [-1] * 120
    assert set(Namespace.objects.values_list("name", flat=True)) == set(WORDS)


TEXTS = [
    "volume ${DATA_PATH}/pg mounted",
    "{METADATA_SCHEMA_ESCAPED} and {SNAPSHOT_ID}",
    "{DATA{SNAPSHOT_ID}_PATH}",
    "x" * (CUT - 11) + "{DATA_PATH|and more",
    "x" * (CUT - 5) + "{DATA_PATH}",
    "é" * CUT,
    "\U0010ffff" * CUT,
    "'; DROP TABLE x; --",
    "%s %d {} {0} $1 $$ \\' \\",
]


def test_texts_that_ducklake_would_spoil(node: Node, sealer: Sealer, reader: Reader) -> None:
    for number, text in enumerate(TEXTS):
        node.write(event(number, text), namespace=text[:200])
        check(reader, number, text)  # in the journal
        seal(node, sealer)
        check(reader, number, text)
    with Lake() as lake:
        list(maintain(lake, timezone.now()))
    for number, text in enumerate(TEXTS):
        check(reader, number, text)


@pytest.mark.parametrize("text", ["\0", "a\0b", "\0{DATA_PATH}", "\0\0", "{DATA_PATH}\0"])
def test_texts_with_the_character_0(node: Node, sealer: Sealer, reader: Reader, text: str) -> None:
    node.write(json.dumps({"n": 1, "level": text, "note": text}), '{"n":2}')
    for _ in range(2):
        for key in ("level", "note"):
            assert reader.numbers(filters=((key, text),)) == [1]
        assert [row.level for row in reader.rows()] == [text.lower(), None]
        assert reader.numbers(namespace=text) == reader.numbers(filters=(("namespace", text),)) == []
        assert reader.numbers(filters=((text, "x"),)) == reader.numbers(filters=(("duration", text),)) == []
        assert reader.numbers(filters=(("id", text),)) == []
        seal(node, sealer)


def test_word_that_is_only_there_once_its_escapes_are_read(node: Node, sealer: Sealer, reader: Reader) -> None:
    sent = '{"n":1,"level":"\\u007bDATA_PATH\\u007D"}'
    node.write(sent)
    seal(node, sealer)
    [row] = reader.rows(filters=(("level", "{DATA_PATH}"),))
    assert (row.event, row.level) == (sent, "{data_path}")


def test_word_in_quarantine(node: Node) -> None:
    node.write("{DATA_PATH}", "no JSON {METADATA_PATH}", namespace="{METADATA_PATH}", service="{DATA_PATH}")
    assert node.seal().quarantined == 2
    assert [text for _, text in node.quarantine()] == [b"{DATA_PATH}", b"no JSON {METADATA_PATH}"]


def test_words_of_the_report(node: Node, sealer: Sealer, reader: Reader) -> None:
    sent = [
        '{"level":"{DATA_PATH}"}',
        '{"level":"{METADATA_PATH}","message":"m"}',
        '{"note":"volume ${DATA_PATH}/pg mounted"}',
        '{"service":"{METADATA_CATALOG}"}',
        '{"message":"{METADATA_SCHEMA_ESCAPED} and {SNAPSHOT_ID}"}',
    ]
    node.write(*sent)
    seal(node, sealer)
    node.write('{"n":1}')
    seal(node, sealer)
    assert [row.event for row in reader.rows()] == [*sent, '{"n":1}']
    assert [row.event for row in reader.rows(filters=(("level", "{DATA_PATH}"),))] == sent[:1]


def test_word_is_followed_and_tailed(node: Node) -> None:
    word = "{METADATA_CATALOG}"
    with EventFollower(EventQuery(node.dataset, namespace=word, filters=(("level", word),))) as follower:
        assert list(follower.history()) == []
        node.write(event(1, word), namespace=word)
        node.seal()
        [row] = follower.news()
    assert row.event == event(1, word)
    shown = node.manage("tail", "logs", "--namespace", word, "--filter", f"level={word}", "--json").stdout
    assert json.loads(shown)["event"]["message"] == word


def test_all_filters_are_tried_here() -> None:
    assert set(TEXT_COLUMNS) == {*FIELDS, "namespace", "request_id", "trace_id", "span_id"}
