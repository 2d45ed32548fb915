"""Many datasets that get an event now and then: what each costs the sealer and a page."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.db import connection

from events.journal import claim_closed, open_files
from events.lake import seal
from events.lake.connection import CHANGING, Lake
from events.lake.pages import event_pages
from events.lake.query import EventQuery
from events.lake.sealer import LONGEST_REST_SECONDS, rest_seconds
from events.models import Dataset
from tests.events.lake.conftest import Node

DATASETS = 30
MANY_DATASETS = 200
# A round takes as much of the processor as writing its files 5 to 13 times with bare DuckDB: 1.1 to 1.6 s on one
# machine, 2.6 to 4.5 s on a slower one.
MOST_TIMES_BARE = 25
PAGE_SECONDS = 0.5


@pytest.fixture
def datasets(node: Node) -> list[Dataset]:
    return new_datasets(node, DATASETS)


def new_datasets(node: Node, count: int) -> list[Dataset]:
    names = [f"small-{number}" for number in range(count)]
    return Dataset.objects.bulk_create([Dataset(project=node.dataset.project, name=name) for name in names])


def snapshots(node: Node) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT max(snapshot_id) FROM "{node.schema}".ducklake_snapshot')
        return int(cursor.fetchone()[0])


def page(lake: Lake, dataset: Dataset) -> list[str]:
    with event_pages(lake, EventQuery(dataset)) as pages:
        return [row.event for row in pages.fetch(descending=False, after=None, limit=20)]


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that read fields out of events: planning one costs more than all else of a small dataset."""
    found: list[str] = []
    execute = Lake.execute

    def noted(lake: Lake, sql: str, *arguments: Any, **tables: Any) -> Any:
        if "json_transform" in sql:
            found.append(sql)
        return execute(lake, sql, *arguments, **tables)

    monkeypatch.setattr(Lake, "execute", noted)
    return found


def test_many_small_datasets_are_sealed_in_one_commit_and_converted_at_once(
    node: Node, datasets: list[Dataset], conversions: list[str]
) -> None:
    node.write("{}")
    node.seal()
    before = snapshots(node)
    conversions.clear()
    for number, dataset in enumerate(datasets):
        node.write(f'{{"n":{number}}}', f'{{"level":"info","n":{number}}}', dataset=dataset)

    assert node.seal().events == 2 * DATASETS

    assert snapshots(node) == before + 1
    assert len(conversions) == 1
    with Lake(read_only=True) as lake:
        for number, dataset in enumerate(datasets):
            assert page(lake, dataset) == [f'{{"n":{number}}}', f'{{"level":"info","n":{number}}}']


def test_small_and_large_datasets_keep_their_own_events_and_what_is_refused(
    node: Node, datasets: list[Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seal, "STAGED_EVENTS", 3)
    small, large, damaged = datasets[:3]
    node.write('{"n":1}', '{"n":2}', dataset=small)
    node.write(*[f'{{"n":{number}}}' for number in range(4)], dataset=large)
    node.write('{"n":1}', b'{"n":\xff}', dataset=damaged)

    sealed = node.seal()

    assert (sealed.events, sealed.quarantined) == (7, 1)
    assert [event for _, event in node.quarantine()] == [b'{"n":\xff}']
    assert node.events(dataset=small) == ['{"n":1}', '{"n":2}']
    assert node.events(dataset=large) == [f'{{"n":{number}}}' for number in range(4)]
    assert node.events(dataset=damaged) == ['{"n":1}']


def test_little_is_sealed_in_one_thread(node: Node, monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.EVENTLANE_DUCKDB_THREADS = 2
    with Lake() as lake:
        node.write('{"n":1}')
        seal_closed(node, lake)
        assert lake.value("SELECT current_setting('threads')") == 1

        monkeypatch.setattr(seal, "ONE_THREAD_BYTES", 0)
        node.write('{"n":2}')
        seal_closed(node, lake)
        assert lake.value("SELECT current_setting('threads')") == 2


def test_a_page_asks_the_catalog_of_its_own_dataset_only(
    node: Node, datasets: list[Dataset], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.lake.connection.CHANGING", [*CHANGING, "pg_debug_show_queries"])
    for dataset in datasets:
        node.write('{"n":1}', dataset=dataset)
    node.seal()
    with Lake(read_only=True) as lake:
        assert page(lake, datasets[0]) == ['{"n":1}']
        node.write('{"n":2}', dataset=datasets[0])
        node.seal()  # whatever DuckLake remembered is of an older snapshot now
        lake.execute("SET pg_debug_show_queries = true")
        capfd.readouterr()

        assert page(lake, datasets[0]) == ['{"n":1}', '{"n":2}']

        asked = sum(text.count("ducklake_table_column_stats") for text in capfd.readouterr())
    assert 0 < asked < 5


def test_a_page_is_whole_while_sealing_waits(node: Node, datasets: list[Dataset]) -> None:
    node.write('{"n":1}', dataset=datasets[0])
    node.seal()
    node.write('{"n":2}', dataset=datasets[0])
    node.writer.close()
    node.write('{"n":3}', dataset=datasets[0])

    files = open_files(node.journal)
    for file in files:
        file.close()
    assert len(files) == 2
    with Lake(read_only=True) as lake:
        assert page(lake, datasets[0]) == [f'{{"n":{number}}}' for number in (1, 2, 3)]


def test_the_sealer_rests_longer_the_longer_small_rounds_take(settings: Any) -> None:
    settings.EVENTLANE_SEAL_INTERVAL_SECONDS, settings.EVENTLANE_SEAL_REST = 1.0, 3.0

    assert rest_seconds(took=0.1, sealed_bytes=1000) == 1.0
    assert rest_seconds(took=2.0, sealed_bytes=1000) == 6.0
    assert rest_seconds(took=60.0, sealed_bytes=1000) == LONGEST_REST_SECONDS
    assert rest_seconds(took=60.0, sealed_bytes=settings.EVENTLANE_JOURNAL_MAX_BYTES) == 1.0


@pytest.mark.alone
def test_a_round_of_200_datasets_costs_little_and_a_page_after_it_less_than_half_a_second(
    node: Node, tmp_path: Path
) -> None:
    datasets = new_datasets(node, MANY_DATASETS)
    rounds, bare, pages = [], [], []
    with Lake() as writer, Lake(read_only=True) as reader:
        for _ in range(4):
            for dataset in datasets:
                node.write(*['{"level":"info","message":"tick"}'] * 3, dataset=dataset)
            rounds.append(seconds(time.process_time, lambda: seal_closed(node, writer)))
            bare.append(seconds(time.process_time, lambda: write_files(tmp_path, MANY_DATASETS)))
            for dataset in datasets[:3]:
                pages.append(seconds(time.perf_counter, lambda dataset=dataset: page(reader, dataset)))

    assert statistics.median(rounds) < MOST_TIMES_BARE * statistics.median(bare)
    assert statistics.median(pages) < PAGE_SECONDS


def seconds(clock: Callable[[], float], work: Callable[[], object]) -> float:
    begin = clock()
    work()
    return clock() - begin


def write_files(directory: Path, count: int) -> None:
    """Write and read back as many small files as a round does, with DuckDB alone: tells how fast this machine is."""
    with duckdb.connect(config={"threads": 1}) as bare:
        for number in range(count):
            file = directory / f"{number}.parquet"
            bare.execute(f"COPY (SELECT range AS n, 'tick' AS message FROM range(3)) TO '{file}' (COMPRESSION zstd)")
            bare.execute(f"SELECT count(*) FROM '{file}'").fetchall()


def seal_closed(node: Node, lake: Lake) -> None:
    node.writer.close()
    files = list(claim_closed(node.journal))
    seal.seal_files(lake, files)
    for file in files:
        file.close()
