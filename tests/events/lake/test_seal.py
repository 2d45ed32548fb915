"""Sealing: each event exactly once, whatever dies when; nothing is ever dropped."""

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from events.journal import JournalFile, claim_closed
from events.journal.format import HEADER_BYTES, Reading
from events.journal.reader import damaged_files
from events.lake import seal
from events.lake.catalog import dataset_sizes
from events.lake.connection import Lake
from events.lake.maintain import prune_sealed_files
from events.lake.pages import event_pages
from events.lake.query import EventQuery
from events.lake.sealer import Sealer
from events.models import Dataset, DroppedTable, Namespace
from events.triggers.watcher import TriggerWatcher
from tests.events.lake.conftest import Node
from tests.server import ROOT
from tests.waiting import wait_until

STEPS = [
    "files claimed",
    "transaction begun",
    "table made",
    "events inserted",
    "names inserted",
    "files marked",
    "committed",
    "one file removed",
    "files removed",
]


def numbered(start: int, count: int) -> list[str]:
    return [json.dumps({"n": number}) for number in range(start, start + count)]


def numbers(node: Node) -> list[int]:
    return [json.loads(event)["n"] for event in node.events()]


def write_files(node: Node, files: int, events: int) -> None:
    """Write closed journal files with events numbered from 0 on."""
    for file in range(files):
        node.write(*numbered(file * events, events))
        node.writer.close()


@pytest.mark.quick
def test_sealed_events_leave_the_journal(node: Node) -> None:
    write_files(node, 3, 50)
    sealed = node.seal()
    assert (sealed.files, sealed.events, sealed.quarantined) == (3, 150, 0)
    assert node.files() == []
    assert numbers(node) == list(range(150))
    assert node.seal().files == 0


def test_file_being_written_is_left_alone(node: Node) -> None:
    node.write("{}")
    assert list(Sealer(node.journal).seal_available()) == []
    assert len(node.files()) == 1


def test_files_larger_than_a_batch_are_read_in_parts(node: Node, settings: Any) -> None:
    settings.EVENTLANE_SEAL_BATCH_BYTES = 4096
    for start in range(0, 1000, 10):
        node.write(*numbered(start, 10))
    sealed = node.seal()
    assert (sealed.files, sealed.events) == (1, 1000)
    assert numbers(node) == list(range(1000))


@pytest.mark.quick
def test_namespaces_of_sealed_events_exist(node: Node) -> None:
    node.write("{}", namespace="web")
    node.write("{}", namespace="déjà vu")
    node.seal()
    assert set(Namespace.objects.values_list("dataset", "name")) == {
        (node.dataset.id, "web"),
        (node.dataset.id, "déjà vu"),
    }


@pytest.mark.parametrize("step", STEPS)
def test_sealer_killed_at(step: str, node: Node) -> None:
    for file in range(3):
        node.write(*numbered(file * 150, 150), token=bytes([file] * 16))
        node.writer.close()
        node.write(*numbered(max(0, file - 1) * 150, 150), token=bytes([max(0, file - 1)] * 16))  # sent again
        if file != 1:
            node.writer.close()
    killed = subprocess.run(
        [sys.executable, "-m", "tests.events.lake.killed_sealer", step], env=node.environment, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert numbers(node) == list(range(450))
    node.seal()
    assert node.files() == []
    assert numbers(node) == list(range(450))


def test_sealer_killed_at_random_again_and_again(node: Node) -> None:
    chance = random.Random(7)
    written = 0
    for _ in range(12):
        process = subprocess.Popen(**node.command("seal", "--forever"), stderr=subprocess.DEVNULL)
        end = time.monotonic() + chance.uniform(0.8, 2.0)
        while time.monotonic() < end:
            node.write(*numbered(written, 30))
            node.writer.close()
            written += 30
            time.sleep(0.02)  # the pace of a writer
        process.kill()
        process.wait()
    assert numbers(node) == list(range(written))
    node.seal()
    assert numbers(node) == list(range(written))
    assert dataset_sizes([node.dataset.table_name])[node.dataset.table_name][0] == written


def test_commit_of_a_killed_sealer_that_still_goes_through(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL carries out the dead sealer's COMMIT between its successor's look and the successor's commit."""
    node.write('{"n":-1}')
    node.seal()  # makes the table: two who make it would collide anyway
    write_files(node, 1, 150)
    mark = seal._mark
    with Lake() as dead, Lake() as successor:
        files = list(claim_closed(node.journal))
        dead.execute("BEGIN")
        seal._insert_files(dead, files)
        mark(files)
        due = [True]

        def mark_while_the_dead_commits(files: Any) -> None:
            mark(files)
            if due.pop() if due else False:
                dead.execute("COMMIT")

        monkeypatch.setattr(seal, "_mark", mark_while_the_dead_commits)
        seal.seal_files(successor, files)
    assert due == [] and node.files() == []
    assert numbers(node) == list(range(-1, 150))


@pytest.mark.parametrize("same_home", [True, False], ids=["same home", "two homes"])
def test_two_sealers_at_once(node: Node, other_node: Node, same_home: bool) -> None:
    """They also race for the catalog and the tables, which don't exist yet. Some requests were sent to both."""
    for file in range(24):
        is_twice = file % 3 == 0
        for one in (node, other_node):
            if is_twice or (one is node) == (file < 12):
                one.write(*numbered(file * 150, 150), token=bytes([file] * 16) if is_twice else b"")
                one.writer.close()
    if same_home:
        for path in other_node.journal.iterdir():
            path.rename(node.journal / path.name)
    nodes = [node, node if same_home else other_node]
    environment = {"EVENTLANE_SEAL_BATCH_BYTES": "4096"}  # a transaction for each file
    sealers = []
    for one in nodes:
        command = one.command("seal")
        sealers.append(subprocess.Popen(command["args"], env=command["env"] | environment, stdout=subprocess.DEVNULL))
    assert [sealer.wait(timeout=120) for sealer in sealers] == [0, 0]
    assert node.files() == other_node.files() == []
    assert sorted(numbers(node)) == list(range(24 * 150))


def test_strange_events_go_into_quarantine_alone(node: Node) -> None:
    bad = [b'{"a":}', b'{"a":"\xff"}', b"", b'{"a":1}}']
    node.write(b'{"n":0}', bad[0], b'{"n":1}', bad[1], bad[2], b'{"n":2}', bad[3])
    sealed = node.seal()
    assert (sealed.events, sealed.quarantined) == (3, 4)
    assert numbers(node) == [0, 1, 2]
    kept = node.quarantine()
    assert [event for _, event in kept] == bad
    assert all(reason.startswith("not valid JSON: ") for reason, _ in kept)
    assert "utf-8" in kept[1][0]


def test_quarantined_event_is_kept_with_its_origin(node: Node) -> None:
    node.write(b"nonsense", namespace="web", service="api")
    node.seal()
    with Lake() as lake:
        columns = "namespace, service, dataset_id, quarantined_time - received_time < INTERVAL 1 HOUR"
        row = lake.execute(f"SELECT {columns} FROM lake.main.quarantine")
    assert row == [("web", "api", node.dataset.id, True)]


def test_events_of_a_deleted_dataset_go_into_quarantine(node: Node) -> None:
    gone = Dataset.objects.create(project=node.dataset.project, name="gone")
    node.write(*numbered(0, 300), dataset=gone)
    node.write('{"n":300}')
    gone.delete()
    sealed = node.seal()
    assert (sealed.events, sealed.quarantined) == (1, 300)
    assert node.quarantine() == [("dataset deleted", event.encode()) for event in numbered(0, 300)]


def test_deleted_dataset_loses_its_table(node: Node) -> None:
    gone = Dataset.objects.create(project=node.dataset.project, name="gone")
    node.write("{}", dataset=gone)
    node.write("{}")
    node.seal()
    gone.delete()
    node.seal()
    with Lake() as lake:
        assert not lake.has_table(gone.table_name)
        assert lake.has_table(node.dataset.table_name)
    assert not DroppedTable.objects.exists()


def test_damaged_stretch_of_a_file_goes_into_quarantine(node: Node) -> None:
    for number in range(3):
        node.write(json.dumps({"n": number, "text": "x" * 50}))
    node.writer.close()
    [path] = node.journal.glob("*.journal")
    data = path.read_bytes()
    path.write_bytes(data.replace(b'{"n": 1,', b'{"n": 7,'))
    sealed = node.seal()
    assert (sealed.events, sealed.quarantined) == (2, 1)
    assert numbers(node) == [0, 2]
    [(reason, kept)] = node.quarantine()
    assert reason.startswith(f"damaged journal file {path.name.removesuffix('.journal')}, offset ")
    assert b'{"n": 7,' in kept and kept in data.replace(b'{"n": 1,', b'{"n": 7,')


def test_stretch_of_zeros_is_not_worth_keeping(node: Node) -> None:
    """A file system may leave a hole of zeros behind a crash; no frame was ever there."""
    node.write('{"n":0}')
    node.writer.close()
    [path] = node.journal.glob("*.journal")
    size = path.stat().st_size
    frame = path.read_bytes()[HEADER_BYTES:]
    path.write_bytes(path.read_bytes() + bytes(4096) + frame)
    sealed = node.seal()
    assert path.name not in node.files() and size < 4096
    assert (sealed.events, sealed.quarantined) == (2, 0)
    assert damaged_files(node.journal) == []


def test_damaged_header_costs_no_event(node: Node) -> None:
    write_files(node, 1, 200)
    [path] = node.journal.glob("*.journal")
    data = bytearray(path.read_bytes())
    data[12] ^= 1
    path.write_bytes(data)
    assert numbers(node) == list(range(200))
    assert node.seal().events == 200
    assert numbers(node) == list(range(200)) and node.files() == []
    [(kept, reason)] = damaged_files(node.journal)
    assert kept.read_bytes() == data and "its header is damaged" in reason


def test_file_that_lost_its_tail_is_kept_and_named(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(9):
        node.write(json.dumps({"n": number}))
    node.writer.close()
    [path] = node.journal.glob("*.journal")
    os.truncate(path, path.stat().st_size * 2 // 3)
    assert node.seal().events == 5
    assert node.files() == [] and numbers(node) == list(range(5))
    [(kept, reason)] = damaged_files(node.journal)
    assert kept.name == path.name and "its tail is lost" in reason
    assert f"{path.name} could not be read whole" in caplog.text


def test_sealer_killed_before_it_set_a_damaged_file_aside(node: Node) -> None:
    write_files(node, 1, 150)
    [path] = node.journal.glob("*.journal")
    os.truncate(path, path.stat().st_size + 100)
    with path.open("r+b") as file:
        file.seek(-50, os.SEEK_END)
        file.write(b"x" * 50)
    killed = subprocess.run(
        [sys.executable, "-m", "tests.events.lake.killed_sealer", "committed"], env=node.environment, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert node.files() == [path.name]
    node.seal()
    assert node.files() == [] and len(damaged_files(node.journal)) == 1
    assert numbers(node) == list(range(150))


def test_damaged_file_put_back_is_not_sealed_again(node: Node) -> None:
    write_files(node, 1, 150)
    [path] = node.journal.glob("*.journal")
    os.truncate(path, path.stat().st_size - 1)
    node.write('{"n":150}')
    node.seal()
    [(kept, _)] = damaged_files(node.journal)
    kept.rename(path)
    with Lake() as lake:
        assert prune_sealed_files(lake, timezone.now() + timedelta(hours=3)) == "1 names forgotten"
    node.seal()
    assert numbers(node) == [150] and len(damaged_files(node.journal)) == 1


def test_journal_of_version_1_is_sealed(node: Node) -> None:
    """As an upgrade finds it: the file was written by the earlier program."""
    data = (ROOT / "tests/events/journal/version_1.journal").read_bytes()
    node.journal.mkdir(parents=True)
    (node.journal / "node-a-01a21b5882ec70a7a867423706000000.journal").write_bytes(data)
    node.dataset = Dataset.objects.create(
        id="0ujsszwN8NRY24YaXiTIE2VWDTS", project=node.dataset.project, name="old", retention_days=None
    )
    assert numbers(node) == [0, 1, 2]
    assert node.seal().events == 3
    assert numbers(node) == [0, 1, 2] and node.files() == damaged_files(node.journal) == []


def test_foreign_entries_hold_up_nobody(node: Node) -> None:
    """A text, a FIFO, a folder, a wrong name: sealing, reading and counting continue."""
    write_files(node, 1, 10)
    [sealed_name] = node.files()
    (node.journal / "x-nothex.journal").touch()
    (node.journal / "node-a-0000000000000000000000000000000b.journal").mkdir()
    os.mkfifo(node.journal / "node-a-0000000000000000000000000000000c.journal")
    text = node.journal / "node-a-0000000000000000000000000000000d.journal"
    text.write_bytes(b"EVLJRNL9" + bytes(100))
    foreign = sorted({path.name for path in node.journal.iterdir()} - {text.name, sealed_name})
    assert numbers(node) == list(range(10))
    with event_pages(Lake(read_only=True), EventQuery(node.dataset)) as pages:
        assert len(pages.fetch(descending=True, after=None, limit=20)) == 10
    done = node.manage("seal")
    assert "sealed 10 events of 2 files" in done.stdout
    assert text.name in done.stderr and "x-nothex.journal is ignored" in done.stderr
    assert numbers(node) == list(range(10)) and node.files() == foreign
    assert node.manage("tail", "logs", "--json").stdout.count("\n") == 10
    assert TriggerWatcher(node.journal).watch() >= 0


def test_file_that_fails_alone_is_tried_again_later(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(node, 2, 10)
    [bad, _] = node.files()
    read_all = JournalFile.read_all

    def fail(file: JournalFile, part_bytes: int) -> Iterator[Reading]:
        if file.path.name == bad:
            raise OSError(errno.EIO, "disk on fire")
        return read_all(file, part_bytes)

    monkeypatch.setattr(JournalFile, "read_all", fail)
    sealer = Sealer(node.journal)
    for _ in range(3):
        assert sum(sealed.events for sealed in sealer.seal_available()) in (0, 10)
    assert sealer.postponed_files == [bad.removesuffix(".journal")]
    monkeypatch.undo()

    def all_sealed() -> bool:
        assert sum(sealed.events for sealed in sealer.seal_available()) in (0, 10)
        return not node.files()

    wait_until(all_sealed)
    assert sealer.postponed_files == []
    sealer.close()
    assert numbers(node) == list(range(20))


def test_seal_command_says_what_it_did(node: Node) -> None:
    assert node.manage("seal").stdout == "nothing to seal\n"
    node.write(*numbered(0, 1500), b"nonsense")
    node.writer.close()
    assert node.manage("seal").stdout == "sealed 1,500 events of 1 files (0.0 MB); 1 into quarantine\n"
    assert "python manage.py seal --forever" in node.manage("seal", "--help").stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_sealer_stops_when_told(node: Node, number: signal.Signals) -> None:
    process = subprocess.Popen(**node.command("seal", "--forever"), stderr=subprocess.PIPE, text=True)
    node.write('{"n":0}')
    node.writer.close()
    wait_until(lambda: not node.files())
    os.kill(process.pid, number)
    assert process.wait(timeout=20) == 0
    assert process.stderr is not None
    with process.stderr as errors:
        assert errors.read() == ""
    assert numbers(node) == [0]
