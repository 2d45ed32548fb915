"""Journal files that a disk, a tool or a person has spoilt: what can be read is read, what can't is kept and named."""

import logging
import os
import resource
import stat
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlane.ids import new_id
from events.journal import JournalWriter, backlog, claim_closed, new_batch, open_files
from events.journal.counts import JournalCounter
from events.journal.format import CHECKSUM, HEADER, HEADER_BYTES, encode_header, find_marker
from events.journal.reader import DAMAGED, damaged_files, strange_entries
from tests.waiting import wait_until

# Three frames each, written by the programs of before versions 2 and 3.
VERSION_1, VERSION_2 = (Path(__file__).with_name(f"version_{number}.journal") for number in (1, 2))
DATASET = new_id()
HEX = "01a200bb9f1075e280a55e1feac00000"
FRAMES = 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def closed(folder: Path) -> Path:
    """Return a closed journal file of FRAMES frames with one event each."""
    writer = JournalWriter(folder, "node", 1 << 20, 3600)
    append(writer, range(FRAMES))
    writer.close()
    return next(folder.glob("*.journal"))


def append(writer: JournalWriter, numbers: range) -> None:
    for number in numbers:
        text = b'{"n":%d,"text":"%b"}' % (number, b"x" * 100)
        writer.append(new_batch(DATASET, "web", "", [text], [len(text)]))


def numbers_in(folder: Path) -> list[int]:
    found = []
    for file in open_files(folder):
        with file:
            texts = [text for batch in file.read().batches for text in batch.texts()]
        found += [int(text.split(b",")[0].strip(b'{"n:}')) for text in texts]
    return found


def retire(folder: Path) -> list[str]:
    """Do with each closed file what a sealer does after its commit; return the reasons for those set aside."""
    for file in claim_closed(folder):
        with file:
            file.retire()
    assert list(folder.glob("*.journal")) == []
    return [reason for _, reason in damaged_files(folder)]


def flip(path: Path, offset: int, bits: int = 1) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= bits
    path.write_bytes(data)


def die(writer: JournalWriter) -> None:
    """Leave the writer's file like a killed process: the lock is gone, the header has no size."""
    assert writer._file is not None
    os.close(writer._file.fd)
    writer._file = None


def test_whole_file_leaves_nothing_behind(folder: Path, closed: Path) -> None:
    assert retire(folder) == []
    assert not (folder / DAMAGED).exists()


@pytest.mark.parametrize("offset", range(HEADER_BYTES))
def test_damaged_header_costs_no_event(folder: Path, closed: Path, offset: int) -> None:
    flip(closed, offset)
    assert numbers_in(folder) == list(range(FRAMES))
    [reason] = retire(folder)
    assert reason.startswith("its header is damaged")


def test_header_and_first_frame_overwritten(folder: Path, closed: Path) -> None:
    data = closed.read_bytes()
    closed.write_bytes(b"\xff" * (HEADER_BYTES + 40) + data[HEADER_BYTES + 40 :])
    assert numbers_in(folder) == list(range(1, FRAMES))
    [reason] = retire(folder)
    assert "its header is damaged" in reason and "bytes at offset 0 are damaged" in reason


def test_marker_is_that_of_most_frames(closed: Path) -> None:
    data = closed.read_bytes()
    other = data[HEADER_BYTES:].replace(data[8:16], b"OTHER678")
    frame = len(other) // FRAMES
    assert find_marker(other[:frame] + data[HEADER_BYTES:]) == data[8:16]
    assert find_marker(b"") is None and find_marker(data[:HEADER_BYTES] + bytes(1000)) is None


def test_file_cut_within_a_frame(folder: Path, closed: Path) -> None:
    size = closed.stat().st_size
    os.truncate(closed, size * 2 // 3)
    assert numbers_in(folder) == [0, 1, 2]
    [reason] = retire(folder)
    assert f"its tail is lost: {size * 2 // 3:,} of {size:,} bytes are left" in reason


def test_file_cut_between_two_frames(folder: Path, closed: Path) -> None:
    frame = (closed.stat().st_size - HEADER_BYTES) // FRAMES
    os.truncate(closed, HEADER_BYTES + 2 * frame)
    assert numbers_in(folder) == [0, 1]
    [reason] = retire(folder)
    assert "its tail is lost" in reason


def test_file_cut_to_nothing(folder: Path, closed: Path) -> None:
    os.truncate(closed, 0)
    assert numbers_in(folder) == []
    [reason] = retire(folder)
    assert "its 0 bytes contain no whole frame" in reason


def test_damage_in_the_middle(folder: Path, closed: Path) -> None:
    frame = (closed.stat().st_size - HEADER_BYTES) // FRAMES
    flip(closed, HEADER_BYTES + 2 * frame + 100)
    assert numbers_in(folder) == [0, 1, 3, 4]
    [reason] = retire(folder)
    assert reason.startswith(f"{frame} bytes at offset {HEADER_BYTES + 2 * frame} are damaged")


def test_damage_in_the_last_frame(folder: Path, closed: Path) -> None:
    flip(closed, closed.stat().st_size - 1)
    [reason] = retire(folder)
    assert "bytes aren't a whole frame" in reason and "a writer that dies" not in reason


def test_killed_writer_is_no_damage(folder: Path) -> None:
    writer = JournalWriter(folder, "node", 1 << 20, 3600)
    append(writer, range(2))
    die(writer)
    [path] = folder.glob("*.journal")
    path.write_bytes(path.read_bytes() + bytes(4096))  # zeros, as some file systems leave them behind a power cut
    assert numbers_in(folder) == [0, 1]
    assert retire(folder) == []


def test_frame_that_a_killed_writer_began_is_kept(folder: Path) -> None:
    """It was never acknowledged. But the file may also have lost its tail: there is no way to know."""
    writer = JournalWriter(folder, "node", 1 << 20, 3600)
    append(writer, range(2))
    die(writer)
    [path] = folder.glob("*.journal")
    os.truncate(path, path.stat().st_size - 20)
    assert numbers_in(folder) == [0]
    [reason] = retire(folder)
    assert "a writer that dies while it writes leaves such a file" in reason


def test_file_that_is_set_aside_is_kept_as_it_is_and_named(
    folder: Path, closed: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flip(closed, 3)
    data = closed.read_bytes()
    [reason] = retire(folder)
    assert (folder / DAMAGED / closed.name).read_bytes() == data
    assert (folder / DAMAGED / closed.stem).with_suffix(".txt").read_text() == reason + "\n"
    assert [closed.name in record.message and reason in record.message for record in caplog.records] == [True]


def test_file_that_was_never_synced_to_its_size_is_whole(folder: Path, closed: Path) -> None:
    """A power cut may take back the header's last state: then the writer counts as dead, and nothing is missing."""
    data = closed.read_bytes()
    closed.write_bytes(encode_header(data[8:16]) + data[HEADER_BYTES:])
    assert numbers_in(folder) == list(range(FRAMES))
    assert retire(folder) == []


@pytest.fixture
def old(folder: Path) -> Path:
    folder.mkdir()
    path = folder / f"node-{HEX}.journal"
    path.write_bytes(VERSION_1.read_bytes())
    return path


def test_file_of_version_1(folder: Path, old: Path) -> None:
    assert numbers_in(folder) == [0, 1, 2]
    counts, _ = JournalCounter(folder).count(0, 10)
    assert sum(sum(count.values()) for count in counts.values()) == 3
    assert retire(folder) == []


def test_file_of_version_2_has_no_keys(folder: Path, old: Path) -> None:
    old.write_bytes(VERSION_2.read_bytes())
    [file] = open_files(folder)
    with file:
        assert [(batch.events, batch.key_id) for batch in file.read().batches] == [
            (b'{"n":%d}' % number, "") for number in range(3)
        ]
    assert retire(folder) == []


@pytest.mark.parametrize("offset", range(16))
def test_damaged_header_of_version_1(folder: Path, old: Path, offset: int) -> None:
    flip(old, offset)
    assert numbers_in(folder) == [0, 1, 2]
    assert len(retire(folder)) == 1


def test_file_of_version_1_that_was_cut(folder: Path, old: Path) -> None:
    os.truncate(old, 230)
    assert numbers_in(folder) == [0, 1]
    assert len(retire(folder)) == 1


def newer_version() -> bytes:
    header = HEADER.pack(b"EVLJRNL9", b"12345678", 0)
    return header + CHECKSUM.pack(zlib.crc32(header)) + bytes(100)


FOREIGN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "wrong name": ("x-nothex.journal", Path.touch, "its name is not that of a journal file"),
    "no node": ("notes.journal", Path.touch, "its name is not that of a journal file"),
    "folder": (f"node-{HEX}.journal", Path.mkdir, "it is not a regular file"),
    "fifo": (f"node-{HEX}.journal", os.mkfifo, "it is not a regular file"),
    "link": (f"node-{HEX}.journal", lambda path: path.symlink_to("/etc/passwd"), "it can't be opened"),
    "link to nothing": (f"node-{HEX}.journal", lambda path: path.symlink_to("nothing"), "it can't be opened"),
    "device": (f"node-{HEX}.journal", lambda path: path.symlink_to("/dev/zero"), "it can't be opened"),
    "socket": (f"node-{HEX}.journal", lambda path: os.mknod(path, stat.S_IFSOCK | 0o600), "it can't be opened"),
    "newer": (f"node-{HEX}.journal", lambda path: path.write_bytes(newer_version()), "a newer Eventlane wrote"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_entry_is_passed_over_and_named(
    folder: Path, closed: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    name, make, reason = FOREIGN[kind]
    make(folder / name)
    assert numbers_in(folder) == list(range(FRAMES))
    counts, complete = JournalCounter(folder).count(0, 10)
    assert complete and sum(sum(count.values()) for count in counts.values()) == FRAMES
    assert backlog(folder).oldest_seconds < 3600 or kind == "newer"
    for _ in range(2):
        for file in claim_closed(folder):
            with file:
                file.retire()
    assert [path.name for path in folder.glob("*.journal")] == [name]
    [(path, why)] = strange_entries(folder)
    assert path.name == name and reason in why
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1 and str(folder / name) in warnings[0].message


def test_file_that_may_not_be_read_is_passed_over(folder: Path, closed: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (folder / f"node-{HEX}.journal").touch(mode=0o000)
    assert numbers_in(folder) == list(range(FRAMES))
    [(_, reason)] = strange_entries(folder)
    assert "Permission denied" in reason


NO_FRAMES = {"empty": b"", "short": b"EVL", "text": b"some text\n" * 100, "zeros": bytes(5000)}


@pytest.mark.parametrize("data", NO_FRAMES.values(), ids=NO_FRAMES)
def test_file_without_a_frame_holds_up_nobody(folder: Path, closed: Path, data: bytes) -> None:
    """It has a journal file's name, so it may have been one: it is set aside, not removed."""
    (folder / f"node-{HEX}.journal").write_bytes(data)
    assert numbers_in(folder) == list(range(FRAMES))
    [reason] = retire(folder)
    assert f"its {len(data):,} bytes contain no whole frame" in reason


def test_file_that_can_no_longer_be_opened_for_want_of_descriptors_is_an_error(folder: Path, closed: Path) -> None:
    """Passing it over would hide its events."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            open_files(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_rotation_outlives_a_failure(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = JournalWriter(folder, "node", 1 << 20, 0.1)
    failed: list[bool] = []
    rotate = writer._rotate

    def fail_once() -> None:
        if not failed:
            failed.append(True)
            raise RuntimeError("a thread would end with this")
        rotate()

    monkeypatch.setattr(writer, "_rotate", fail_once)
    append(writer, range(1))
    found = wait_until(lambda: list(claim_closed(folder)))
    assert failed and len(found) == 1
