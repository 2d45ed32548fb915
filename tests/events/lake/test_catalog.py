"""Events and bytes of datasets, as the console's list shows them, without DuckDB."""

import json
import subprocess
import sys
from datetime import timedelta

from django.utils import timezone

from events.lake.catalog import dataset_sizes
from events.lake.connection import Lake
from events.lake.maintain import maintain
from tests.events.lake.conftest import Node


def write(node: Node, count: int, **options: timedelta) -> None:
    node.write(*[json.dumps({"n": number}) for number in range(count)], age=options.get("age"))


def size(node: Node) -> tuple[int, int]:
    return dataset_sizes([node.dataset.table_name])[node.dataset.table_name]


def test_before_anything_was_sealed(node: Node) -> None:
    write(node, 1)
    assert dataset_sizes([node.dataset.table_name, "other"]) == {node.dataset.table_name: (0, 0), "other": (0, 0)}
    assert dataset_sizes([]) == {}


def test_events_in_files_and_in_postgresql(node: Node) -> None:
    write(node, 3)
    node.seal()
    assert size(node) == (3, 3 * len('{"n": 0}'))
    write(node, 150)
    node.seal()
    events, size_bytes = size(node)
    files = (node.lake_path / "main" / node.dataset.table_name).glob("*.parquet")
    assert (events, size_bytes) == (153, 24 + sum(file.stat().st_size for file in files))


def test_deleted_events_do_not_count(node: Node) -> None:
    write(node, 5, age=timedelta(days=31))
    write(node, 150)
    node.seal()
    write(node, 5, age=timedelta(days=31))
    write(node, 2)
    node.seal()
    assert size(node)[0] == 162
    with Lake() as lake:
        lake.execute(f"DELETE FROM lake.main.{node.dataset.table_name} WHERE received_time < now() - INTERVAL 30 DAYS")
    assert size(node)[0] == 152
    with Lake() as lake:
        assert not [step for step in maintain(lake, timezone.now()) if step.failed]
    assert size(node)[0] == 152


def test_pages_do_not_load_duckdb(node: Node) -> None:
    imports = "import sys, django; django.setup(); import events.lake.catalog, events.lake.sealer"
    loaded = f"{imports}; print('duckdb' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loaded], env=node.environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "False\n", done.stderr
