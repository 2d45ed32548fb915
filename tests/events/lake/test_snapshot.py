"""Snapshots: every event stored before is there once, wherever a sealer comes between the steps of opening one."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.utils import timezone

from events.journal import reader
from events.lake import snapshot as module
from events.lake.conditions import Conditions
from events.lake.connection import Lake
from events.lake.deadline import QueryCancelled, QueryTimeout
from events.lake.snapshot import Snapshot, open_snapshot
from events.lake.unsealed import JournalIndex, Span
from events.models import Dataset
from tests.events.lake.conftest import Node


def write(node: Node, start: int, end: int, **options: Any) -> None:
    for number in range(start, end):
        node.write(json.dumps({"n": number}), **options)


def numbers(snapshot: Snapshot, span: Span = module.EVER) -> list[tuple[str, int]]:
    """Return dataset and number of every event there is, in the order of ids."""
    rows = snapshot.execute(f"SELECT dataset, event FROM ({snapshot.relation(span)}) ORDER BY id")
    return [(dataset, json.loads(event)["n"]) for dataset, event in rows]


@contextmanager
def snapshot_of(*datasets: Dataset, where: Conditions | None = None) -> Iterator[Snapshot]:
    with Lake(read_only=True) as lake, open_snapshot(lake, datasets, where) as snapshot:
        yield snapshot


def before(owner: Any, name: str) -> Callable[[pytest.MonkeyPatch, Callable[[], None]], None]:
    """Have something happen before the function is called for the first time."""
    return between(owner, name, True)


def after(owner: Any, name: str) -> Callable[[pytest.MonkeyPatch, Callable[[], None]], None]:
    """Do something after the function's first call."""
    return between(owner, name, False)


def between(owner: Any, name: str, first: bool) -> Callable[[pytest.MonkeyPatch, Callable[[], None]], None]:
    def arrange(monkeypatch: pytest.MonkeyPatch, happen: Callable[[], None]) -> None:
        work = getattr(owner, name)

        def both(*arguments: Any, **options: Any) -> Any:
            monkeypatch.setattr(owner, name, work)
            if first:
                happen()
            result = work(*arguments, **options)
            if not first:
                happen()
            return result

        monkeypatch.setattr(owner, name, both)

    return arrange


STEPS = {
    "before all files are opened": before(module, "open_files"),
    "when the files are listed": before(reader, "open_file"),
    "when the files are open": after(module, "open_files"),
    "when the transaction has begun": before(Lake, "tables_among"),
    "when the snapshot is fixed": after(Lake, "tables_among"),
    "when it is known what is sealed": after(module, "sealed_names"),
    "when the journal is indexed": after(JournalIndex, "stretches"),
    "before events are staged": before(Snapshot, "stage"),
    "when events are staged": after(Snapshot, "stage"),
}


FIRST_SEAL = ("when the files are listed", "when the files are open")


@pytest.mark.parametrize(
    ("step", "first"), [*((step, False) for step in STEPS), *((step, True) for step in FIRST_SEAL)]
)
def test_sealer_between_the_steps(node: Node, monkeypatch: pytest.MonkeyPatch, step: str, first: bool) -> None:
    """It seals existing files, or creates the lake. What is written and sealed meanwhile appears once or not yet."""
    write(node, 0, 3)
    if not first:
        node.seal()
    write(node, 3, 6)
    happened: list[bool] = []

    def seal_and_go_on() -> None:
        node.seal()
        write(node, 6, 8)
        node.seal()
        write(node, 8, 9)
        happened.append(True)

    with Lake(read_only=True) as lake:
        STEPS[step](monkeypatch, seal_and_go_on)
        with open_snapshot(lake, [node.dataset]) as snapshot:
            seen = [number for _, number in numbers(snapshot)]
            assert seen == [number for _, number in numbers(snapshot)], "it doesn't change"
        assert happened == [True]
        assert seen == list(range(len(seen))) and len(seen) >= 6
        with open_snapshot(lake, [node.dataset]) as snapshot:
            assert [number for _, number in numbers(snapshot)] == list(range(9))


@pytest.mark.quick
def test_several_datasets_in_one_statement(node: Node) -> None:
    """Whether all of a dataset's events are sealed, some, or none; what another dataset has isn't there."""
    sealed, both, empty, other = (
        Dataset.objects.create(project=node.dataset.project, name=name)
        for name in ("sealed", "bo'th", "empty", "other")
    )
    write(node, 0, 2, dataset=sealed)
    write(node, 2, 4, dataset=both)
    node.seal()
    write(node, 4, 6, dataset=both)
    write(node, 6, 8)
    write(node, 8, 10, dataset=other)
    with snapshot_of(sealed, both, empty, node.dataset) as snapshot:
        expected = ["sealed"] * 2 + ["bo'th"] * 4 + ["logs"] * 2
        assert numbers(snapshot) == list(zip(expected, range(8), strict=True))
    with snapshot_of(empty) as snapshot:
        assert numbers(snapshot) == []


def test_span_and_condition(node: Node) -> None:
    """A condition may skip what doesn't match; a span skips everything outside it."""
    for first in (0, 10):
        for number in range(first, first + 10):
            write(node, number, number + 1, namespace="even" if number % 2 == 0 else "odd")
        if first == 0:
            node.seal()
    rows = node.rows()
    span = Span.between(rows[5].received_time, rows[15].received_time)
    expected = [("logs", number) for number in range(5, 15)]
    with snapshot_of(node.dataset) as snapshot:
        assert numbers(snapshot, span) == expected
        assert len(numbers(snapshot)) == 20
    where = Conditions()
    where.add("namespace = ?", "even")
    with snapshot_of(node.dataset, where=where) as snapshot:
        found = [number for _, number in numbers(snapshot, span)]
        assert [number for number in found if number % 2 == 0] == [6, 8, 10, 12, 14]
        assert [number for number in found if number >= 10] == [10, 12, 14]


def test_nothing_is_left_behind(node: Node) -> None:
    write(node, 0, 5)
    with Lake(read_only=True) as lake:
        for _ in range(2):
            with open_snapshot(lake, [node.dataset]) as snapshot:
                assert len(numbers(snapshot)) == 5
            assert lake.execute("SELECT table_name FROM duckdb_tables() WHERE temporary") == []


def test_complete_until_is_before_the_files_were_opened(node: Node) -> None:
    write(node, 0, 1)
    begin = timezone.now()
    with snapshot_of(node.dataset) as snapshot:
        [row] = node.rows()
        assert row.received_time <= begin <= snapshot.complete_until <= timezone.now()


ENDLESS = "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"


def test_time_is_limited_for_all_statements_together(node: Node, settings: Any) -> None:
    settings.EVENTLANE_QUERY_SECONDS = 0.3
    with snapshot_of(node.dataset) as snapshot:
        with pytest.raises(QueryTimeout, match=r"longer than 0\.3 seconds"):
            snapshot.execute(ENDLESS)
        with pytest.raises(QueryTimeout):
            snapshot.execute("SELECT 1")


def test_cancelled_by_another_thread(node: Node) -> None:
    with snapshot_of(node.dataset) as snapshot:
        threading.Timer(0.2, snapshot.cancel).start()
        begin = time.monotonic()
        with pytest.raises(QueryCancelled):
            snapshot.execute(ENDLESS)
        assert time.monotonic() - begin < 10
        with pytest.raises(QueryCancelled):
            snapshot.execute("SELECT 1")


def test_rows_are_streamed_beyond_the_time_limit_until_cancelled(node: Node, settings: Any) -> None:
    settings.EVENTLANE_QUERY_SECONDS = 5
    with snapshot_of(node.dataset) as snapshot:
        rows = snapshot.stream("SELECT range FROM range(1000000000)")
        assert next(rows) == (0,)
        snapshot._deadline._end = time.monotonic()
        assert [next(rows) for _ in range(5000)][-1] == (5000,)
        snapshot.cancel()
        with pytest.raises(QueryCancelled):
            list(rows)


def test_lake_is_as_good_as_new_after_an_interrupt(node: Node, settings: Any) -> None:
    write(node, 0, 5)
    with Lake(read_only=True) as lake:
        settings.EVENTLANE_QUERY_SECONDS = 0.2
        with pytest.raises(QueryTimeout), open_snapshot(lake, [node.dataset]) as snapshot:
            snapshot.execute(ENDLESS)
        settings.EVENTLANE_QUERY_SECONDS = 60
        with open_snapshot(lake, [node.dataset]) as snapshot:
            assert len(numbers(snapshot)) == 5


def test_catalog_is_read_once_a_snapshot(node: Node) -> None:
    node.write('{"n":1}')
    node.seal()
    with Lake(read_only=True) as lake:
        for number in (1, 2, 3):
            read: list[int] = []
            with open_snapshot(lake, [node.dataset]):
                node.write('{"n":2}')
                node.seal()
                for _ in range(2):
                    lake.remember(("test",), lambda: read.append(lake.newest_snapshot()))  # noqa: B023
            assert len(read) == 1, number
        with open_snapshot(lake, [node.dataset]) as snapshot:
            assert snapshot.execute(f"SELECT count(*) FROM ({snapshot.relation()})") == [(4,)]
