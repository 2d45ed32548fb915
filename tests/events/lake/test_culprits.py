"""What can't be sealed doesn't hold up anything: it goes into quarantine with its reason, and the rest is sealed.

A constraint in the catalog stands for whatever a catalog may refuse: no file may have a text with "poison" as its
least or greatest.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from events.doctor.examine import examine
from events.lake import quarantine, seal
from events.lake.connection import Lake
from events.lake.maintain import maintain
from events.lake.sealer import SealingFailed
from events.models import Dataset
from tests.events.lake.conftest import Node

pytestmark = pytest.mark.drill

POISON = "poison"
CUT_OFF = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'eventlane lake' AND datname = current_database()"""


def refuse_poison(node: Node, table: str = "ducklake_file_column_stats", column: str = "min_value") -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{node.schema}".{table} ADD CONSTRAINT wholesome CHECK ({column} !~ %s)', [POISON])


def numbered(start: int, count: int) -> list[str]:
    return [json.dumps({"n": number}) for number in range(start, start + count)]


def numbers(node: Node, dataset: Dataset | None = None) -> list[int]:
    return [json.loads(text)["n"] for text in node.events(dataset=dataset or node.dataset)]


@pytest.fixture
def other(node: Node) -> Dataset:
    dataset = Dataset.objects.create(project=node.dataset.project, name="other")
    node.write('{"n":-1}')
    node.write('{"n":-1}', dataset=dataset)
    node.seal()  # makes the catalog and the tables
    return dataset


def test_bad_event_among_thousands(node: Node, other: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    refuse_poison(node)
    for file in range(3):
        node.write(*numbered(file * 1000, 1000))
        node.write(*numbered(file * 1000, 1000), dataset=other)
        if file == 1:
            node.write('{"n":9999,"level":"poison, conflict"}')
        node.writer.close()
    begin = time.monotonic()
    sealed = node.seal()
    assert time.monotonic() - begin < 120
    assert (sealed.events, sealed.quarantined) == (6000, 1)
    assert node.files() == []
    assert numbers(node) == numbers(node, other) == [-1, *range(3000)]
    [(reason, event)] = node.quarantine()
    assert event == b'{"n":9999,"level":"poison, conflict"}'
    assert reason.startswith("the lake can't store it: ") and 'violates check constraint "wholesome"' in reason
    assert "poison, conflict" not in caplog.text
    with Lake() as lake:
        assert lake.execute("SELECT namespace FROM lake.main.quarantine") == [("web",)]
        assert lake.execute("FROM duckdb_tables() WHERE table_name LIKE '%trial%'") == []
    [found] = [finding for finding in examine() if finding.check == "lake"]
    assert "1 entries in quarantine" in found.message and "wholesome" in found.message
    node.write('{"n":3000}')
    assert node.seal().events == 1


@pytest.mark.parametrize("origin", [{"namespace": "poison"}, {"service": "poison"}])
def test_bad_namespace_or_service(node: Node, other: Dataset, origin: dict[str, str]) -> None:
    """They are in quarantine's columns, too."""
    refuse_poison(node)
    node.write(*numbered(0, 200))
    node.write('{"n":200}', **origin)
    node.write("nonsense", **origin)
    sealed = node.seal()
    assert (sealed.events, sealed.quarantined) == (200, 2)
    assert node.files() == [] and numbers(node) == [-1, *range(200)]
    kept = node.quarantine()
    assert [event for _, event in kept] == [b'{"n":200}', b"nonsense"]
    assert all(POISON.encode().hex() in reason for reason, _ in kept)


def test_namespace_that_postgresql_refuses(node: Node, other: Dataset) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_namespace ADD CONSTRAINT wholesome CHECK (name <> 'poison')")
    try:
        node.write('{"n":0}', namespace="poison")
        node.write('{"n":1}')
        node.write('{"n":0}', dataset=other)
        sealed = node.seal()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE events_namespace DROP CONSTRAINT wholesome")
    assert (sealed.events, sealed.quarantined) == (2, 1)
    assert numbers(node) == [-1, 1] and numbers(node, other) == [-1, 0]


def test_more_bad_events_than_can_be_looked_for(node: Node, other: Dataset, settings: Any) -> None:
    """Events around them go with them, but none of another dataset."""
    settings.EVENTLANE_SEAL_SEARCH_SECONDS = 1
    refuse_poison(node)
    sent = [json.dumps({"n": n, "level": "poison" if n % 7 == 0 else None}) for n in range(2000)]
    node.write(*sent)
    node.write(*numbered(0, 500), '{"n":500,"level":"poison"}', dataset=other)
    begin = time.monotonic()
    sealed = node.seal()
    assert time.monotonic() - begin < 120
    assert node.files() == []
    assert sealed.events + sealed.quarantined == 2501
    kept = [event.decode() for _, event in node.quarantine()]
    assert sorted(kept + node.events() + node.events(dataset=other)) == sorted(
        [*sent, *numbered(0, 500), '{"n":500,"level":"poison"}', '{"n":-1}', '{"n":-1}']
    )
    assert {event for event in sent if POISON in event} <= set(kept)
    assert len(set(numbered(0, 500)) & set(kept)) < 500


def test_dataset_whose_table_is_broken(node: Node, other: Dataset) -> None:
    with Lake() as lake:
        lake.execute(f"ALTER TABLE lake.main.{node.dataset.table_name} DROP COLUMN level")
    node.write(*numbered(0, 200), dataset=other)
    node.write('{"n":0}')
    sealed = node.seal()
    assert (sealed.events, sealed.quarantined) == (200, 1)
    assert numbers(node, other) == [-1, *range(200)]
    [(reason, event)] = node.quarantine()
    assert event == b'{"n":0}' and reason.startswith("its dataset's table can't be written: ")


def test_several_datasets_whose_tables_are_broken(node: Node, other: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Good tables' events in the same file are sealed; those of broken tables wait in quarantine."""
    monkeypatch.setattr(quarantine, "GIVE_UP_AFTER", 2)
    third = Dataset.objects.create(project=node.dataset.project, name="third")
    with Lake() as lake:
        for dataset in (node.dataset, other):
            lake.execute(f"ALTER TABLE lake.main.{dataset.table_name} DROP COLUMN level")
    node.write(*numbered(0, 4))
    node.write(*numbered(0, 4), dataset=other)
    node.write(*numbered(0, 200), "nonsense", dataset=third)
    sealed = node.seal()
    assert (sealed.events, sealed.quarantined) == (200, 9)
    assert node.files() == [] and numbers(node, third) == list(range(200))
    assert sorted(event for _, event in node.quarantine()) == sorted(
        [*(text.encode() for text in numbered(0, 4) * 2), b"nonsense"]
    )
    node.write('{"n":50}')
    node.write('{"n":200}', dataset=third)
    sealed = node.seal()
    assert (sealed.events, sealed.quarantined) == (1, 1)


def test_catalog_that_refuses_everything(node: Node, other: Dataset) -> None:
    """Then no event is at fault."""
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER TABLE "{node.schema}".ducklake_snapshot ADD CHECK (snapshot_id < 0) NOT VALID')
    node.write('{"n":0}')
    node.write('{"n":1}', dataset=other)
    names = node.files()
    with pytest.raises(SealingFailed, match="violates check constraint"):
        node.seal()
    assert node.files() == names and node.quarantine() == []
    assert numbers(node) == [-1, 0] and numbers(node, other) == [-1, 1]


@pytest.mark.parametrize("step", ["trials made", "bad events found", "committed"])
def test_sealer_killed_while_it_looks(step: str, node: Node, other: Dataset) -> None:
    refuse_poison(node)
    node.write(*numbered(0, 300), '{"n":300,"level":"poison"}')
    node.write(*numbered(0, 300), dataset=other)
    node.writer.close()
    killed = subprocess.run(
        [sys.executable, "-m", "tests.events.lake.killed_sealer", step], env=node.environment, timeout=120
    )
    assert killed.returncode == -signal.SIGKILL
    assert [n for n in numbers(node) if n != 300] == numbers(node, other) == [-1, *range(300)]
    node.seal()
    assert node.files() == []
    assert numbers(node) == numbers(node, other) == [-1, *range(300)]
    assert [event for _, event in node.quarantine()] == [b'{"n":300,"level":"poison"}']
    with Lake() as lake:
        assert not [step for step in maintain(lake, timezone.now()) if step.failed]
        assert lake.execute("FROM duckdb_tables() WHERE table_name LIKE '%trial%'") == []


@pytest.fixture
def small_lake(node: Node) -> Iterator[Path]:
    """Have the lake on a file system of 64 MiB, which only root can mount; return its folder."""
    folder = Path(node.lake_path)
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder]).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_nearly_full_disk_is_no_events_fault(small_lake: Path, node: Node, other: Dataset, settings: Any) -> None:
    """Whatever fits and whatever doesn't while bad events are looked for: only those go into quarantine."""
    settings.EVENTLANE_SEAL_SEARCH_SECONDS = 300  # what isn't found in time goes into quarantine with the bad ones
    refuse_poison(node)
    chance = random.Random(8)
    sent, bad = [], []
    for free_bytes in (20_000, 500_000):
        events = [json.dumps({"n": len(sent) + n, "pad": chance.randbytes(1000).hex()}) for n in range(200)]
        bad.append(json.dumps({"n": -2, "level": f"poison {free_bytes}"}))
        node.write(*events[:100], bad[-1], *events[100:])
        node.write(*events, dataset=other)
        sent += events
        ballast = small_lake / "ballast"
        ballast.write_bytes(b"x" * (shutil.disk_usage(small_lake).free - free_bytes))
        with suppress(SealingFailed):
            node.seal()
        ballast.unlink()
        assert {event.decode() for _, event in node.quarantine()} <= set(bad)
    node.seal()
    assert node.files() == []
    assert [event.decode() for _, event in node.quarantine()] == bad
    assert node.events()[1:] == node.events(dataset=other)[1:] == sent


def test_lost_connections_are_no_events_fault(node: Node, other: Dataset) -> None:
    """PostgreSQL ends every connection of the lake, again and again, while thousands of events are sealed."""
    stop = Event()
    database = connection.get_connection_params()
    address = {name: database[name] for name in ("dbname", "user", "password", "host", "port") if name in database}

    def disturb() -> None:
        with psycopg.connect(**address, autocommit=True) as disturber:
            while not stop.wait(0.7):
                disturber.execute(CUT_OFF)

    disturbing = Thread(target=disturb)
    disturbing.start()
    try:
        for file in range(6):
            node.write(*numbered(file * 500, 500))
            node.write(*numbered(file * 500, 500), dataset=other)
            node.writer.close()
            try:
                node.seal()
            except SealingFailed:
                continue
    finally:
        stop.set()
        disturbing.join()
    end = time.monotonic() + 60
    while node.files() and time.monotonic() < end:
        node.seal()
    assert node.files() == [] and node.quarantine() == []
    assert numbers(node) == numbers(node, other) == [-1, *range(3000)]


def test_connection_that_is_lost_three_times_is_no_tables_fault(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections end only while the file is sealed, so all that is tried between these attempts works."""
    read_parts, times = seal.read_parts, iter(range(3))

    def cut_off(files: Any) -> Any:
        if next(times, None) is not None:
            with connection.cursor() as cursor:
                cursor.execute(CUT_OFF)
        return read_parts(files)

    node.write('{"n":-1}')
    node.seal()
    node.write(*numbered(0, 4))
    monkeypatch.setattr(seal, "read_parts", cut_off)
    with pytest.raises(SealingFailed):
        node.seal()
    while node.files():
        with suppress(SealingFailed):
            node.seal()
    assert next(times, None) is None
    assert node.quarantine() == [] and numbers(node) == [-1, 0, 1, 2, 3]


PIECES = [
    "poison",
    "{DATA_PATH}",
    "{",
    "}",
    "'",
    '"',
    "\\",
    "\0",
    "\n",
    "é",
    "\U0010ffff",
    "--",
    "x" * 300,
    "null",
    "%s",
    "$1",
]


def nasty_event(chance: random.Random, number: int) -> bytes:
    """Return an event of pieces that something has choked on once; sometimes it isn't even JSON."""
    texts = ["".join(chance.choices(PIECES, k=chance.randrange(4))) for _ in range(3)]
    event = json.dumps({"n": number, chance.choice(["level", "message", "error", "a.b"]): texts[0], "note": texts[1:]})
    return event.encode() if chance.random() < 0.9 else event.encode()[:-1] + chance.choice([b"", b"\xff}", b"}}"])


@pytest.mark.parametrize("seed", range(2))
def test_each_nasty_event_ends_in_one_place(seed: int, node: Node, other: Dataset) -> None:
    refuse_poison(node)
    chance = random.Random(seed)
    sent = []
    for number in range(60):
        events = [nasty_event(chance, 100 * number + index) for index in range(chance.randrange(1, 9))]
        names = ["".join(chance.choices(["web", "{DATA_PATH}", "é", "poison"], k=2)) for _ in range(2)]
        node.write(*events, namespace=names[0], service=names[1], dataset=chance.choice([node.dataset, other]))
        sent += events
    node.seal()
    assert node.files() == []
    kept = [event for _, event in node.quarantine()]
    stored = [text.encode() for text in node.events() + node.events(dataset=other)]
    assert sorted(kept + stored) == sorted([*sent, b'{"n":-1}', b'{"n":-1}'])
    assert len(stored) > len(sent) // 4
