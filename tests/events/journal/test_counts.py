"""Counting the journal for the eye: every frame once, and nothing strange holds it up."""

import os
import threading
import time
from pathlib import Path

import pytest

from eventlane.ids import new_id
from events.journal import JournalWriter, new_batch
from events.journal.counts import READ_BYTES, JournalCounter

DATASET, OTHER = new_id(), new_id()
PLENTY = 10.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def writer(folder: Path) -> JournalWriter:
    return JournalWriter(folder, "node", max_bytes=1 << 30, max_age_seconds=3600)


@pytest.fixture
def counter(folder: Path) -> JournalCounter:
    return JournalCounter(folder)


def write(writer: JournalWriter, count: int, dataset: str = DATASET, text: bytes = b"{}", key: str = "") -> None:
    writer.append(new_batch(dataset, "web", "", [text] * count, [len(text)] * count, key))


def total(counter: JournalCounter, dataset: str = DATASET, seconds: float = PLENTY) -> int:
    counts, _ = counter.count(0, seconds)
    return sum(events for file in counts.values() for (owner, *_), events in file.items() if owner == dataset)


def test_events_are_counted_by_file_dataset_and_minute(writer: JournalWriter, counter: JournalCounter) -> None:
    before = int(time.time()) // 60
    write(writer, 3)
    write(writer, 4, OTHER)
    writer.close()
    write(writer, 5)
    counts, complete = counter.count(0, PLENTY)
    minutes = {minute for file in counts.values() for _, minute, _ in file}
    assert complete and len(counts) == 2 and total(counter) == 8 and total(counter, OTHER) == 4
    assert minutes <= {before, int(time.time()) // 60}


@pytest.mark.parametrize("text", [b"{}", b'{"n":"%b"}' % (b"x" * READ_BYTES)])
def test_events_are_counted_by_key(writer: JournalWriter, counter: JournalCounter, text: bytes) -> None:
    for key, count in (("1" * 27, 2), ("", 3), ("2" * 27, 4)):
        write(writer, count, text=text, key=key)
    [counts] = counter.count(0, PLENTY)[0].values()
    assert {key: events for (_, _, key), events in counts.items()} == {"1" * 27: 2, "": 3, "2" * 27: 4}


def test_there_need_be_no_folder(counter: JournalCounter) -> None:
    assert counter.count(0, PLENTY) == ({}, True)


def test_growing_file_is_read_on(writer: JournalWriter, counter: JournalCounter) -> None:
    for number in range(1, 40):
        write(writer, 2)
        assert total(counter) == 2 * number


def test_frames_larger_than_what_is_read_at_once(writer: JournalWriter, counter: JournalCounter) -> None:
    for _ in range(5):
        write(writer, 3, text=b'{"a":"%b"}' % (b"x" * READ_BYTES))
        write(writer, 1)
    assert total(counter) == 20


def test_many_small_frames(writer: JournalWriter, counter: JournalCounter) -> None:
    for _ in range(3 * READ_BYTES // 100):
        write(writer, 1)
    assert total(counter) == 3 * READ_BYTES // 100


def test_frame_that_is_cut_off_is_not_counted(writer: JournalWriter, counter: JournalCounter, folder: Path) -> None:
    write(writer, 7)
    [path] = folder.glob("*.journal")
    size = path.stat().st_size
    write(writer, 9)
    data = path.read_bytes()
    for end in range(size, len(data)):
        path.write_bytes(data[:end])
        assert total(JournalCounter(folder)) == 7
    path.write_bytes(data)
    assert total(counter) == 16


def test_strange_file_holds_up_no_other(writer: JournalWriter, counter: JournalCounter, folder: Path) -> None:
    write(writer, 7)
    for name, data in {"f" * 32: b"EVLJRNL9" + bytes(100), "e" * 32: b"EVL", "d" * 32: b""}.items():
        (folder / f"node-{name}.journal").write_bytes(data)
    assert total(counter) == 7 and counter.count(0, PLENTY)[1]


def test_damaged_frame_ends_the_counting_of_its_file(
    writer: JournalWriter, counter: JournalCounter, folder: Path
) -> None:
    write(writer, 7)
    [path] = folder.glob("*.journal")
    size = path.stat().st_size
    write(writer, 9)
    writer.close()
    path.write_bytes(path.read_bytes()[:size] + os.urandom(500))
    write(writer, 1)
    assert total(counter) == 8


def test_old_and_sealed_files_are_left_out(writer: JournalWriter, counter: JournalCounter, folder: Path) -> None:
    write(writer, 7)
    writer.close()
    [old] = folder.glob("*.journal")
    os.utime(old, (time.time() - 4000, time.time() - 4000))
    write(writer, 9)
    assert [sum(counts.values()) for counts in counter.count(time.time() - 3600, PLENTY)[0].values()] == [9]
    assert total(counter) == 16
    old.unlink()
    assert total(counter) == 9


def test_what_there_was_no_time_for_is_counted_later(writer: JournalWriter, counter: JournalCounter) -> None:
    write(writer, 7)
    counts, complete = counter.count(0, -1.0)
    assert not complete and sum(len(file) for file in counts.values()) == 0
    assert total(counter) == 7


def test_unreadable_folder_is_an_error(counter: JournalCounter, folder: Path) -> None:
    folder.write_text("a file where the folder should be")
    with pytest.raises(OSError, match="Not a directory"):
        counter.count(0, PLENTY)


def test_counting_beside_writers(folder: Path, counter: JournalCounter) -> None:
    writer = JournalWriter(folder, "node", max_bytes=20_000, max_age_seconds=3600)
    written = [0] * 4

    def append(number: int) -> None:
        for _ in range(150):
            write(writer, 3)
            written[number] += 3

    threads = [threading.Thread(target=append, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        before = sum(written)
        assert before <= total(counter) <= 1800
    assert total(counter) == sum(written) == 1800
