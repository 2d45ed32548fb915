"""Maintenance: what it takes away, what it must leave, and that events stay what they were."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from events.lake.catalog import dataset_sizes
from events.lake.connection import Lake
from events.lake.maintain import maintain
from events.models import Dataset
from tests.events.lake.conftest import Node


def write(node: Node, start: int, count: int, **options: Any) -> None:
    node.write(*[json.dumps({"n": number}) for number in range(start, start + count)], **options)


def numbers(node: Node, **query: Any) -> list[int]:
    return [json.loads(event)["n"] for event in node.events(**query)]


def run(now: datetime | None = None) -> dict[str, str]:
    """Run all steps; return what each says."""
    with Lake() as lake:
        steps = list(maintain(lake, now or timezone.now()))
    assert [step for step in steps if step.failed] == []
    return {step.name: step.result for step in steps}


def parquet_files(node: Node) -> int:
    """Count the files on disk of the dataset's table."""
    return len(list((node.lake_path / "main" / node.dataset.table_name).glob("*.parquet")))


def size(node: Node) -> int:
    return dataset_sizes([node.dataset.table_name])[node.dataset.table_name][0]


def inlined_rows() -> int:
    """Count rows in PostgreSQL, live and dead."""
    with connection.cursor() as cursor:
        schema = connection.ops.quote_name(settings.EVENTLANE_LAKE_SCHEMA)
        cursor.execute(f"SELECT table_name FROM {schema}.ducklake_inlined_data_tables")
        counts = []
        for (table,) in cursor.fetchall():
            cursor.execute(f"SELECT count(*) FROM {schema}.{connection.ops.quote_name(table)}")
            counts += cursor.fetchone()
    return sum(counts)


def test_nothing_to_do(node: Node) -> None:
    results = run()
    assert all(result.startswith("0 ") for result in results.values()), results


def test_retention_deletes_what_is_older(node: Node) -> None:
    for days in (40, 31, 29, 0):
        write(node, days * 1000, 150, age=timedelta(days=days))
        node.seal()
    assert run()["retention"] == "300 events deleted"
    assert numbers(node) == [*range(29_000, 29_150), *range(150)]
    assert size(node) == 300
    assert run()["retention"] == "0 events deleted"


def test_retention_is_each_datasets_own(node: Node) -> None:
    project = node.dataset.project
    short = Dataset.objects.create(project=project, name="short", retention_days=1)
    forever = Dataset.objects.create(project=project, name="forever", retention_days=None)
    for dataset in (node.dataset, short, forever):
        write(node, 1, 1, dataset=dataset, age=timedelta(days=100))
        write(node, 2, 1, dataset=dataset, age=timedelta(days=2))
        write(node, 3, 1, dataset=dataset)
    node.seal()
    assert run()["retention"] == "3 events deleted"
    assert [numbers(node, dataset=dataset) for dataset in (node.dataset, short, forever)] == [[2, 3], [3], [1, 2, 3]]


@pytest.mark.quick
def test_small_files_are_merged_and_removed(node: Node, settings: Any) -> None:
    settings.EVENTLANE_SNAPSHOT_HOURS = 0
    for start in range(0, 900, 150):
        write(node, start, 150)
        node.seal()
    before = node.rows()
    assert parquet_files(node) == 6
    results = run(timezone.now() + timedelta(minutes=1))
    assert results["merge"] == "6 files merged into 1"
    assert results["replaced files"] == "6 files removed"
    assert parquet_files(node) == 1
    assert node.rows() == before
    assert numbers(node) == list(range(900))


def test_replaced_files_stay_for_running_readers(node: Node) -> None:
    for start in (0, 150):
        write(node, start, 150)
        node.seal()
    assert run()["merge"] == "2 files merged into 1"
    assert parquet_files(node) == 3


def test_small_inserts_are_moved_into_files(node: Node) -> None:
    for number in range(5):
        write(node, number, 1)
        node.seal()
    before = node.rows()
    assert parquet_files(node) == 0 and inlined_rows() > 5
    run()
    assert parquet_files(node) == 0 and inlined_rows() > 5
    run(timezone.now() + timedelta(hours=1))
    assert parquet_files(node) > 0 and inlined_rows() == 0
    assert node.rows() == before
    assert size(node) == 5


def test_only_datasets_with_many_small_inserts_get_a_file_before_an_hour_is_over(node: Node, settings: Any) -> None:
    settings.EVENTLANE_INLINED_ROWS = 6
    few = Dataset.objects.create(project=node.dataset.project, name="few")
    for number in range(6):
        write(node, number, 1)
        if number < 5:
            write(node, number, 1, dataset=few)
        node.seal()
    assert run()["inlined rows"] == "12 rows moved into files"  # the names of sealed files, too
    assert parquet_files(node) > 0
    assert numbers(node) == [*range(6)]
    assert numbers(node, dataset=few) == [*range(5)]


def test_half_deleted_file_is_rewritten(node: Node, settings: Any) -> None:
    settings.EVENTLANE_SNAPSHOT_HOURS = 0
    write(node, 0, 200, age=timedelta(days=31))
    write(node, 200, 200)
    node.seal()
    results = run(timezone.now() + timedelta(minutes=1))
    assert results["rewrite"] == "1 files with deleted events rewritten"
    assert numbers(node) == list(range(200, 400))
    assert parquet_files(node) == 1


def test_names_of_sealed_files_are_forgotten_in_time(node: Node, other_node: Node) -> None:
    for one in (node, other_node):
        write(one, 1, 1)
        one.seal()
    assert run()["sealed files"] == "0 names forgotten"
    assert run(timezone.now() + timedelta(hours=2))["sealed files"] == "1 names forgotten"
    with Lake() as lake:
        assert lake.execute("SELECT node FROM lake.main.sealed_files") == [("node-b",)]


def test_name_of_a_file_that_is_still_there_is_kept(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    write(node, 1, 1)
    with monkeypatch.context() as patch:
        patch.setattr("events.journal.JournalFile.remove", lambda file: None)
        node.seal()
    assert run(timezone.now() + timedelta(hours=2))["sealed files"] == "0 names forgotten"
    assert numbers(node) == [1]
    node.seal()
    assert (node.files(), numbers(node)) == ([], [1])


def test_quarantine_is_kept_for_a_while(node: Node) -> None:
    node.write(b"nonsense")
    node.seal()
    assert run(timezone.now() + timedelta(days=29))["quarantine"] == "0 events and 0 requests deleted"
    assert run(timezone.now() + timedelta(days=31))["quarantine"] == "1 events and 0 requests deleted"
    assert node.quarantine() == []


def test_table_without_a_dataset_is_dropped(node: Node) -> None:
    """A sealer that knew a dataset before it was deleted may make its table again after it was dropped."""
    write(node, 1, 1)
    node.seal()
    with Lake() as lake:
        lake.create_event_table("events_0123456789abcdef")
    assert run()["deleted datasets"] == "1 tables dropped"
    assert run()["deleted datasets"] == "0 tables dropped"
    assert numbers(node) == [1]


def test_spilled_files_of_the_dead_are_removed(node: Node) -> None:
    folder = node.home / "tmp" / "duckdb"
    (folder / "4194305-0").mkdir(parents=True)  # no process has a number so high
    (folder / "1-0").mkdir()
    assert run()["spilled files"] == "1 folders removed"
    assert [path.name for path in folder.iterdir()] == ["1-0"]


def test_command_prints_a_line_for_each_step(node: Node) -> None:
    write(node, 1, 1)
    node.seal()
    lines = node.manage("maintain").stdout.splitlines()
    assert "retention: 0 events deleted" in lines
    assert len(lines) == 18
    assert "python manage.py maintain" in node.manage("maintain", "--help").stdout
