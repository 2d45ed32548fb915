"""The journal: what append promised is read back, by every reader, after every accident."""

import asyncio
import errno
import os
import resource
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlane.ids import new_id
from events.journal import (
    Backlog,
    JournalFailed,
    JournalWriter,
    backlog,
    claim_closed,
    new_batch,
    open_files,
)
from events.journal.format import (
    FRAME,
    HEADER_BYTES,
    INDEX_BITS,
    decode_frames,
    decode_payload,
    encode_frame,
    encode_payload,
    first_id,
)
from events.journal.reader import ABANDONED_DRAFT_SECONDS
from tests.waiting import wait_until

DATASET = new_id()
MARKER = b"12345678"


def batch_of(*texts, namespace="web", service="", key_id=""):
    return new_batch(DATASET, namespace, service, list(texts), list(map(len, texts)), key_id)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "journal"


@pytest.fixture
def writer(folder):
    return JournalWriter(folder, "node", max_bytes=1 << 20, max_age_seconds=3600)


def texts_in(folder):
    texts = []
    for file in open_files(folder):
        with file:
            texts += [text for batch in file.read().batches for text in batch.texts()]
    return texts


def test_what_was_appended_is_read_back(writer, folder):
    batch = batch_of(b'{"a":1}', b'{ "b" :\r\n2}', namespace="wéb", service="api")
    writer.append(batch)
    [file] = open_files(folder)
    with file:
        assert file.read().batches == [batch]
    assert list(batch.texts()) == [b'{"a":1}', b'{ "b" :\r\n2}']


@given(
    st.lists(st.binary(min_size=1, max_size=50), max_size=10),
    st.text(max_size=20),
    st.text(max_size=20),
    st.sampled_from(["", DATASET]),
)
def test_payload_survives_encoding(texts, namespace, service, key_id):
    namespace, service = (text.encode(errors="replace").decode() for text in (namespace, service))
    batch = batch_of(*texts, namespace=namespace, service=service, key_id=key_id)
    assert decode_payload(encode_payload(batch)) == batch
    assert list(batch.texts()) == texts
    assert list(batch.texts(1, 3)) == texts[1::3]
    assert batch.count == len(texts)


def test_ids_are_uuids_of_version_7_in_the_order_of_time():
    ids = [batch_of(b"{}", b"{}").event_id(index) for _ in range(50) for index in (0, 1)]
    assert {(identifier.version, identifier.variant) for identifier in ids} == {(7, "specified in RFC 4122")}
    assert len(set(ids)) == 100
    assert abs((ids[0].int >> 80) / 1000 - time.time()) < 5
    assert first_id(1_000_000_000_000_000_000) < first_id(1_000_000_000_000_001_000)
    assert int.from_bytes(first_id(time.time_ns()), "big") % (1 << INDEX_BITS) == 0


def test_threads_share_commits_and_lose_nothing(writer, folder):
    def send(thread):
        for number in range(50):
            writer.append(batch_of(b'{"t":%d,"n":%d}' % (thread, number)))

    threads = [threading.Thread(target=send, args=(thread,)) for thread in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [b'{"t":%d,"n":%d}' % (thread, number) for thread in range(12) for number in range(50)]
    assert sorted(texts_in(folder)) == sorted(expected)


def test_append_waits_for_the_disk(writer, monkeypatch):
    order = []
    fdatasync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (fdatasync(fd), order.append("synced")))
    writer.append(batch_of(b"{}"))
    order.append("returned")
    assert order[-2:] == ["synced", "returned"]


def test_file_is_closed_at_its_size(folder):
    writer = JournalWriter(folder, "node", max_bytes=1000, max_age_seconds=3600)
    for _ in range(4):
        writer.append(batch_of(b'{"a":"' + b"x" * 600 + b'"}'))
    sizes = [file.size() for file in open_files(folder)]
    assert len(sizes) == 2
    assert all(size > 1000 for size in sizes)


def test_file_is_closed_at_its_age(folder):
    writer = JournalWriter(folder, "node", max_bytes=1 << 20, max_age_seconds=0.2)
    writer.append(batch_of(b"{}"))
    assert list(claim_closed(folder)) == []
    claimed = wait_until(lambda: list(claim_closed(folder)))
    assert [file.node for file in claimed] == ["node"]


def test_file_is_claimed_once_and_only_after_its_writer_let_go(writer, folder):
    writer.append(batch_of(b"{}"))
    assert list(claim_closed(folder)) == []
    writer.close()
    [mine] = claim_closed(folder)
    assert list(claim_closed(folder)) == []
    mine.close()
    [again] = claim_closed(folder)
    again.remove()
    again.close()
    assert open_files(folder) == []


def test_removed_file_stays_readable_for_who_has_it_open(writer, folder):
    writer.append(batch_of(b'{"a":1}'))
    writer.close()
    [reader] = open_files(folder)
    [sealer] = claim_closed(folder)
    sealer.remove()
    assert [list(batch.texts()) for batch in reader.read().batches] == [[b'{"a":1}']]


def test_reading_goes_on_where_it_ended(writer, folder):
    writer.append(batch_of(b'{"n":1}'))
    [file] = open_files(folder)
    first = file.read()
    assert file.read(first.end).batches == []
    writer.append(batch_of(b'{"n":2}'))
    second = file.read(first.end)
    assert [list(batch.texts()) for batch in second.batches] == [[b'{"n":2}']]
    assert file.read(second.end).end == second.end


def test_reading_in_small_pieces_finds_everything(writer, folder):
    texts = [b'{"a":"' + b"x" * size + b'"}' for size in (10, 5000, 1, 300)]
    for text in texts:
        writer.append(batch_of(text))
    [file] = open_files(folder)
    found, offset = [], 0
    while (reading := file.read(offset, max_bytes=100)).batches:
        found += [text for batch in reading.batches for text in batch.texts()]
        offset = reading.end
    assert found == texts


@pytest.mark.parametrize("cut", range(1, 90, 7))
def test_torn_tail_is_cut_and_whole_frames_are_kept(writer, folder, cut):
    writer.append(batch_of(b'{"n":1}'))
    writer.append(batch_of(b'{"n":2}'))
    writer.close()
    [path] = folder.iterdir()
    os.truncate(path, path.stat().st_size - cut)
    [file] = open_files(folder)
    reading = file.read()
    assert [list(batch.texts()) for batch in reading.batches] == [[b'{"n":1}']]
    assert reading.torn_bytes > 0
    assert reading.damaged == []


def test_damage_in_the_middle_costs_only_its_own_frame():
    frames = [encode_frame(MARKER, encode_payload(batch_of(b'{"n":%d}' % number))) for number in range(3)]
    broken = bytearray(frames[1])
    broken[-3] ^= 1
    reading = decode_frames(frames[0] + broken + frames[2], MARKER, HEADER_BYTES)
    assert [list(batch.texts()) for batch in reading.batches] == [[b'{"n":0}'], [b'{"n":2}']]
    assert reading.damaged == [(HEADER_BYTES + len(frames[0]), bytes(broken))]
    assert reading.torn_bytes == 0


@given(st.data())
def test_whatever_is_cut_or_flipped_no_frame_is_made_up(data):
    frames = [encode_frame(MARKER, encode_payload(batch_of(b'{"n":%d}' % number))) for number in range(3)]
    whole = b"".join(frames)
    spoilt = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(data.draw(st.integers(0, 3))):
        if spoilt:
            spoilt[data.draw(st.integers(0, len(spoilt) - 1))] ^= data.draw(st.integers(1, 255))
    for batch in decode_frames(bytes(spoilt), MARKER, HEADER_BYTES).batches:
        assert encode_frame(MARKER, encode_payload(batch)) in frames


def test_event_cannot_forge_a_frame(writer, folder):
    forged = encode_frame(MARKER, encode_payload(batch_of(b'{"forged":1}')))
    text = b'{"a":"' + forged + b'"}'
    writer.append(batch_of(text))
    assert texts_in(folder) == [text]


def test_failed_sync_is_an_error_and_its_file_is_abandoned(writer, folder, monkeypatch):
    writer.append(batch_of(b'{"n":1}'))

    def fail(fd):
        raise OSError(errno.EIO, "disk on fire")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(JournalFailed, match="disk on fire"):
        writer.append(batch_of(b'{"n":2}'))
    monkeypatch.undo()
    [abandoned] = claim_closed(folder)
    assert [list(batch.texts()) for batch in abandoned.read().batches] == [[b'{"n":1}']]
    writer.append(batch_of(b'{"n":3}'))
    assert sorted(texts_in(folder)) == [b'{"n":1}', b'{"n":3}']


def test_failed_write_fails_everybody_who_shared_it(writer, monkeypatch):
    def fail(fd, data):
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr(os, "write", fail)
    outcomes = []

    def send():
        try:
            writer.append(batch_of(b"{}"))
            outcomes.append("stored")
        except JournalFailed:
            outcomes.append("failed")

    threads = [threading.Thread(target=send) for _ in range(8)]
    with writer._disk:  # the first is being written while the others come
        threads[0].start()
        wait_until(lambda: is_being_written(writer))
        for thread in threads[1:]:
            thread.start()
        wait_until(lambda: len(writer._next.payloads) == 7)
    for thread in threads:
        thread.join(timeout=10)
    monkeypatch.undo()
    assert outcomes == ["failed"] * 8
    writer.append(batch_of(b"{}"))


def is_being_written(writer: JournalWriter) -> bool:
    with writer._queue:
        return writer._thread is not None and not writer._next.payloads


def test_short_write_is_continued(writer, folder, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    writer.append(batch_of(b'{"a":1}'))
    monkeypatch.undo()
    assert texts_in(folder) == [b'{"a":1}']


def test_half_made_file_is_not_listed_and_goes_away_when_old(writer, folder):
    writer.append(batch_of(b"{}"))
    draft = folder / "node-0.new"
    draft.touch()
    list(claim_closed(folder))
    assert draft.exists()
    past = time.time() - ABANDONED_DRAFT_SECONDS - 1
    os.utime(draft, (past, past))
    list(claim_closed(folder))
    assert not draft.exists()


def test_backlog_counts_files_bytes_and_age(writer, folder):
    assert backlog(folder) == Backlog(0, 0, 0.0)
    writer.append(batch_of(b'{"a":1}'))
    found = backlog(folder)
    [path] = folder.iterdir()
    assert (found.files, found.bytes) == (1, path.stat().st_size)
    assert 0 <= found.oldest_seconds < 5
    assert FRAME.size + HEADER_BYTES < found.bytes < 300


def test_more_files_than_may_be_open_are_claimed_one_by_one(folder):
    writer = JournalWriter(folder, "node", max_bytes=1, max_age_seconds=3600)
    for _ in range(40):
        writer.append(batch_of(b"{}"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = len(list(Path("/proc/self/fd").iterdir()))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 10, hard))
    try:
        claimed = 0
        for file in claim_closed(folder):
            with file:
                claimed += file.read().batches[0].count
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert claimed == 40


async def store_all(writer, count):
    await asyncio.gather(*[writer.store(batch_of(b'{"n":%d}' % number)) for number in range(count)])


def test_requests_of_an_event_loop_share_commits(writer, folder, monkeypatch):
    syncs, fdatasync = [], os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (syncs.append(fd), fdatasync(fd)))
    thread = threading.Thread(target=writer.append, args=(batch_of(b'{"n":"thread"}'),))
    thread.start()
    asyncio.run(store_all(writer, 200))
    thread.join()
    assert len(syncs) < 150
    assert sorted(texts_in(folder)) == sorted([b'{"n":"thread"}', *[b'{"n":%d}' % number for number in range(200)]])


def test_failed_disk_is_told_to_every_request_of_a_loop(writer, folder, monkeypatch):
    def fail(fd):
        raise OSError(5, "Input/output error")

    async def fail_then_store():
        with monkeypatch.context() as broken:
            broken.setattr(os, "fdatasync", fail)
            results = await asyncio.gather(*[writer.store(batch_of(b"{}")) for _ in range(10)], return_exceptions=True)
        assert {type(result) for result in results} == {JournalFailed}
        await store_all(writer, 1)

    asyncio.run(fail_then_store())
    assert texts_in(folder) == [b'{"n":0}']


def test_request_that_was_given_up_spoils_nothing(writer, folder):
    async def give_up_one():
        lost, kept = (asyncio.ensure_future(writer.store(batch_of(text))) for text in (b'{"n":1}', b'{"n":2}'))
        await asyncio.sleep(0)
        lost.cancel()
        await kept

    asyncio.run(give_up_one())
    writer.append(batch_of(b'{"n":3}'))
    assert texts_in(folder) == [b'{"n":1}', b'{"n":2}', b'{"n":3}']
