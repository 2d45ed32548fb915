"""Gram files: what can't be in a row group isn't read, and never is an event hidden."""

import json
import os
import string
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from events.lake import gram_builder
from events.lake.conditions import Conditions
from events.lake.connection import Lake
from events.lake.files import KnownFile, known_files
from events.lake.gram_builder import make_grams
from events.lake.gram_files import BlockBuilder, Damaged, grams_path, times_that_may_hold, write_grams
from events.lake.grams import grams_of
from events.lake.maintain import maintain
from events.lake.narrow import Narrower
from events.lake.snapshot import open_snapshot
from events.lake.unsealed import Span, within
from tests.events.lake.conftest import Node
from tests.examples import examples

EVER = Span(None, None)
REQUEST = "0b9e21f4-77aa-4c1d-9c3e-5d0f6a7b8c9d"
# Characters that tell: of ids, of words, between them; letters with two cases, with one, and with a strange one.
LETTERS = st.text('abf019-xyz "\\/.:ÉéßİıKkſΣςσǅ日😀', max_size=30) | st.text(max_size=12)


def lowered(*texts: str) -> list[str]:
    return [text for (text,) in duckdb.execute("SELECT lower(unnest(?::VARCHAR[]))", [list(texts)]).fetchall()]


def may_hold(path: Path, *texts: str) -> bool:
    clauses = [[grams_of(text.encode()) for text in lowered(*texts)]]
    return bool(times_that_may_hold(path, 1, 1, clauses))


def write(path: Path, *texts: str) -> Path:
    """Write a gram file with one block that holds the texts."""
    builder = BlockBuilder(sum(map(len, texts)))
    builder.add(pa.array(lowered(*texts), pa.string()))
    write_grams(path, 1, 1, [builder.block(0, 0)])
    return path


@given(texts=st.lists(LETTERS, min_size=1, max_size=4), data=st.data())
@settings(max_examples=examples(60), deadline=None)
def test_no_part_of_a_text_is_ever_denied(tmp_path_factory: Any, texts: list[str], data: st.DataObject) -> None:
    path = write(tmp_path_factory.mktemp("grams") / "file", *texts)
    text = data.draw(st.sampled_from(texts))
    start = data.draw(st.integers(0, len(text)))
    part = text[start : data.draw(st.integers(start, len(text)))]
    assert may_hold(path, part)
    assert may_hold(path, part.swapcase()) or lowered(part) != lowered(part.swapcase())


@pytest.mark.parametrize("absent", ["Xylophone", "connection lost", "0b9e21f4-77aa-4c1d-9c3e-5d0f6a7b8c9e", "日本語"])
def test_what_is_not_there_is_denied(tmp_path: Path, absent: str) -> None:
    path = write(tmp_path / "file", f'{{"message":"Connection reset by peer","id":"{REQUEST}"}}')
    assert may_hold(path, "CONNECTION reset")
    assert may_hold(path, "nection re")  # words are not what counts
    assert may_hold(path, REQUEST[3:30])
    assert may_hold(path, absent, "reset")
    assert not may_hold(path, absent)
    assert may_hold(path, "xyz")  # too short to tell


def test_words_across_the_pieces_in_which_a_text_is_read(tmp_path: Path) -> None:
    text = "".join(string.ascii_lowercase[number % 26] + str(number) + "-." for number in range(40_000))
    path = write(tmp_path / "file", text)
    for start in range(64 * 1024 - 40, 64 * 1024 + 40):
        assert may_hold(path, text[start : start + 12])


@pytest.mark.parametrize("damage", ["cut off", "emptied", "a bit", "the beginning", "of another file"])
def test_a_file_that_is_not_whole_is_not_believed(tmp_path: Path, damage: str) -> None:
    path = write(tmp_path / "file", "some text")
    grams = grams_path(path)
    data = bytearray(grams.read_bytes())
    match damage:
        case "cut off":
            data = data[:-8000]
        case "emptied":
            data = bytearray(len(data))
        case "a bit":
            data[-5000] ^= 1
        case "the beginning":
            data[30] ^= 1
    grams.write_bytes(data)
    with pytest.raises(Damaged):
        times_that_may_hold(path, 2 if damage == "of another file" else 1, 1, [[grams_of(b"some text")]])


def test_each_row_group_has_its_own_block(node: Node) -> None:
    words = ["marmalade", "piccalilli", "chutneys", "gherkins", "relishes"]
    events = [json.dumps({"n": number, "m": f"{words[number // 2048]} éé"}) for number in range(9000)]
    times = pa.array([1_000_000 * number for number in range(9000)], pa.timestamp("us", "UTC"))
    ids = pa.array([None if number != 5000 else "Elsewhere" for number in range(9000)], pa.string())
    with Lake() as lake:
        file = node.lake_path / "ducklake-test.parquet"
        pq.write_table(pa.table({"received_time": times, "event": events, "trace_id": ids}), file, row_group_size=2048)
        known = KnownFile(file.name, "data", 1, 1, "events_1", 9000, file.stat().st_size, True)
        make_grams(lake, node.lake_path, known)

    def found(text: str) -> list[int]:
        [part] = lowered(text)
        times = times_that_may_hold(file, known.bytes, 9000, [[grams_of(part.encode())]])
        return [first // 1_000_000 for first, _ in times]

    assert [found(word) for word in words] == [[0], [2048], [4096], [6144], [8192]]
    assert found("capersauce") == []
    assert found("s ÉÉ") == [4096, 6144, 8192]
    assert found("elsewhere") == [4096]


@pytest.fixture
def small_files_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram_builder, "MIN_BYTES", 0)


def fill(node: Node, word: str, count: int = 150) -> None:
    """Seal a file of events with a word."""
    node.write(
        *[json.dumps({"n": number, "message": f"{word} was here", "requestId": f"{word}-r"}) for number in range(count)]
    )
    node.seal()


def run() -> dict[str, str]:
    with Lake() as lake:
        steps = list(maintain(lake, timezone.now()))
    assert [step for step in steps if step.failed] == []
    return {step.name: step.result for step in steps}


def spans(node: Node, *texts: str) -> list[Span]:
    with Lake(read_only=True) as lake, lake.transaction():
        return Narrower(lake, lake.execute, node.dataset.table_name, [(text,) for text in texts]).spans(EVER)


def rows_left(node: Node, *texts: str) -> int | None:
    where = Conditions(clauses=[(text,) for text in texts])
    with Lake(read_only=True) as lake, open_snapshot(lake, [node.dataset], where) as snapshot:
        return snapshot.rows_left()


def gram_files(node: Node) -> list[Path]:
    return sorted(node.lake_path.rglob("*.grams*"))


def test_maintenance_makes_them_and_removes_those_of_removed_files(node: Node, small_files_too: None) -> None:
    fill(node, "marmalade")
    assert run()["grams"] == "1 gram files made, 0 removed"
    assert spans(node, "chutney") == []
    assert len(spans(node, "MARMALADE was")) == 1
    assert (rows_left(node, "chutney"), rows_left(node, "marmalade"), rows_left(node)) == (0, 150, None)
    fill(node, "piccalilli")
    assert rows_left(node, "chutney") == 150  # in the file that has none yet
    assert run()["grams"] == "1 gram files made, 0 removed"  # of the merged file; the old one is kept for readers
    assert len(spans(node, "piccalilli")) == len(spans(node, "marmalade")) == 1
    [merged] = [node.lake_path / file.path for file in known_files(node.dataset.table_name) if file.in_use]
    for path in merged.parent.glob("*.parquet"):
        if path != merged:
            path.unlink()
    assert run()["grams"] == "0 gram files made, 1 removed"
    assert run()["grams"] == "0 gram files made, 0 removed"
    assert len(node.events(search="Piccalilli")) == 150


def test_files_without_one_and_rows_outside_of_files_are_read(node: Node, small_files_too: None) -> None:
    fill(node, "marmalade")
    run()
    fill(node, "piccalilli")  # a file of its own, until the next maintenance
    fill(node, "chutneys", count=2)  # so few lie in PostgreSQL
    node.write('{"message":"gherkins"}')  # and this in the journal
    for word, count in (("marmalade", 150), ("piccalilli", 150), ("chutneys", 2), ("gherkins", 1), ("capers", 0)):
        assert len(node.events(search=word)) == count
        assert len(node.events(filters=(("message", f"{word} was here"),))) == count - (word == "gherkins")
        assert len(node.events(filters=(("request_id", f"{word}-r"),))) == count - (word == "gherkins")
    assert spans(node, "marmalade") != [EVER]


def test_a_damaged_one_is_replaced(node: Node, small_files_too: None) -> None:
    fill(node, "marmalade")
    run()
    [grams] = gram_files(node)
    grams.write_bytes(grams.read_bytes()[:-8000])
    assert len(node.events(search="marmalade")) == 150
    assert node.events(search="piccalilli") == []
    assert gram_files(node) == []
    assert run()["grams"] == "1 gram files made, 0 removed"


def test_what_a_killed_process_has_half_written_is_removed(node: Node, small_files_too: None) -> None:
    fill(node, "marmalade")
    half = next(node.lake_path.rglob("*.parquet")).with_suffix(".parquet.grams-writing-1")
    half.write_bytes(b"EVENT")
    assert run()["grams"] == "1 gram files made, 0 removed"
    os.utime(half, (0, 0))
    assert run()["grams"] == "0 gram files made, 1 removed"
    assert not half.exists()
    assert len(node.events(search="marmalade")) == 150


def test_files_are_written_as_of_now_and_no_row_group_is_large(node: Node) -> None:
    with Lake() as lake:  # a lake of an earlier version doesn't have the options
        lake.execute("CALL lake.set_option('parquet_row_group_size', 122880)")
        lake.execute("CALL lake.set_option('parquet_version', 1)")
    for word in ("marmalade", "piccalilli"):
        fill(node, word, 14_000)
    run()
    [merged] = [node.lake_path / file.path for file in known_files(node.dataset.table_name) if file.in_use]
    groups = pq.read_metadata(merged)
    assert max(groups.row_group(number).num_rows for number in range(groups.num_row_groups)) < 25_000
    assert groups.format_version.startswith("2.")


@given(cuts=st.lists(st.integers(0, 40), unique=True, min_size=1).map(sorted), open_ended=st.booleans())
def test_spans_as_one_condition(cuts: list[int], open_ended: bool) -> None:
    ends: list[int | None] = [*cuts, None] if open_ended else [*cuts]
    spans = [Span(start, end) for start, end in zip(cuts, ends[1:], strict=False)][::2] or [Span(None, cuts[0])]
    sql = (
        f"SELECT us FROM (SELECT us, make_timestamptz(us) AS received_time FROM range(45) t(us)) WHERE {within(spans)}"
    )
    found = [us for (us,) in duckdb.execute(sql).fetchall()]
    assert found == [us for us in range(45) if any(span.holds(us) for span in spans)]
