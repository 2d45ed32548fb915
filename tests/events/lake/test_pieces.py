"""Texts are stored in pieces, without what columns hold, and come back to the last byte."""

import json
from typing import Any

import pytest
from django.utils import timezone

from events.lake.connection import Lake, event_table_name
from events.lake.files import unknown_files
from events.lake.maintain import maintain
from events.lake.orphans import adopt
from events.lake.pieces import MOST, PIECES, WHOLE
from tests.events.lake.conftest import Node

MESSAGE, REQUEST, TRACE, SPAN = (
    "paid by card",
    "3f7c2a9e-request",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "00f067aa0ba902b7",
)
IDS = f'"requestId":"{REQUEST}","traceId":"{TRACE}","spanId":"{SPAN}"'
TEXTS = {
    "message first": f'{{"n":1,"message":"{MESSAGE}",{IDS},"z":"é {{}} %1$s"}}',
    "message last": f'{{"n":1,{IDS},"msg":"{MESSAGE}"}}',
    "message between ids": f'{{"requestId":"{REQUEST}","message":"{MESSAGE}","traceId":"{TRACE}"}}',
    "other order": f'{{"spanId":"{SPAN}","traceId":"{TRACE}","requestId":"{REQUEST}","message":"{MESSAGE}"}}',
    "twice": f'{{"message":"{TRACE} of {REQUEST}","trace":{{"id":"{TRACE}"}},{IDS}}}',
    "one id for all": '{"requestId":"0123456789","traceId":"0123456789","spanId":"0123456789","message":"0123456789"}',
    "overlapping": '{"requestId":"aaaaaaaaaa","traceId":"aaaaaaaaaaaa","message":"aaaaaaaa"}',
    "escaped": '{"message":"two\\nlines \\u00e9","requestId":"\\/a\\/b\\/c\\/d"}',
    "a number": '{"requestId":1234567890123,"message":12345678.50}',
    "guarded": f'{{"message":"{{DATA_PATH}} {{DATA_PATH}}","traceId":"{TRACE}"}}',
    "key like a value": f'{{"{TRACE}":1,"traceId":"{TRACE}"}}',
    "doubled key": f'{{"traceId":"{SPAN}{SPAN}","traceId":"{TRACE}"}}',
    "short": '{"message":"ok","requestId":"r-1"}',
    "large": f'{{"message":"{MESSAGE}","padding":"{"x" * MOST}",{IDS}}}',
    "nothing": "{}",
}
# Where all four values leave gaps, and which; and where none does.
CUT = {"message first": list(PIECES)[:4], "message last": list(PIECES)[1:]}
WHOLE_TEXTS = {"large", "nothing"}


def stored(node: Node) -> list[tuple[Any, ...]]:
    """Return text and pieces of the sealed events, as they are stored."""
    with Lake(read_only=True) as lake:
        table = event_table_name(node.dataset.table_name)
        return lake.execute(f"SELECT event, {', '.join(PIECES)} FROM {table} ORDER BY id")


@pytest.mark.parametrize("copies", [1, 20], ids=["in PostgreSQL", "in a file"])
def test_every_text_comes_back(node: Node, copies: int) -> None:
    texts = [*TEXTS.values()] * copies
    node.write(*texts)
    before = node.rows()
    assert [row.event for row in before] == texts
    node.seal()
    assert node.rows() == before
    for name, (text, *pieces) in zip(TEXTS, stored(node), strict=False):
        there = [piece for piece, found in zip(PIECES, pieces, strict=True) if found is not None]
        assert there == ([] if name in WHOLE_TEXTS else CUT.get(name, there))
        if name in CUT:
            assert not any(value in "".join([text, *filter(None, pieces)]) for value in (MESSAGE, REQUEST, TRACE, SPAN))


def make_whole(node: Node) -> None:
    """Have the node's sealed events as an earlier version stored them."""
    nothing = ", ".join(f"{piece} = NULL" for piece in PIECES)
    with Lake() as lake:
        lake.execute(f"UPDATE {event_table_name(node.dataset.table_name)} SET event = {WHOLE}, {nothing}, reading = 2")


def test_files_of_an_earlier_version_are_read_merged_and_taken_apart(node: Node) -> None:
    texts = [*TEXTS.values()] * 8
    node.write(*texts)
    node.seal()
    before = node.rows()
    make_whole(node)
    assert all(piece is None for _, *pieces in stored(node) for piece in pieces)
    assert node.rows() == before
    node.write(*texts)
    node.seal()
    before = node.rows()
    found = {"search": TRACE, "filters": (("trace_id", TRACE),)}
    matching = node.rows(**found)
    assert len(matching) > len(texts) // 2
    with Lake() as lake:
        assert [step for step in maintain(lake, timezone.now()) if step.failed] == []
    assert node.rows() == before
    assert node.rows(**found) == matching
    new = stored(node)
    assert new[: len(texts)] == new[len(texts) :]


def test_a_file_that_is_put_back_has_all_pieces(node: Node) -> None:
    node.write(*[*TEXTS.values()] * 20)
    node.seal()
    before = node.rows()
    with Lake() as lake:
        table = event_table_name(node.dataset.table_name)
        [file] = (node.lake_path / "main" / node.dataset.table_name).glob("*.parquet")
        copy = file.with_name("ducklake-01a21f39-bfef-7fc4-adee-9b564571a5ed.parquet")
        copy.write_bytes(file.read_bytes())
        lake.execute(f"DELETE FROM {table}")
        assert node.rows() == []
        [unknown] = [one for one in unknown_files(node.lake_path) if one.path.endswith(copy.name)]
        assert adopt(lake, node.lake_path, unknown).added == len(before)
    assert node.rows() == before
    assert json.loads(before[0].event)["n"] == 1
