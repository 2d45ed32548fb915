"""What a query of a web process may use, and what becomes of it when its DuckDB dies."""

import os
import signal
from typing import Any

from events.lake.connection import Lake
from events.lake.duckdbs import SeparateDuckDB
from events.lake.slots import QuerySlots
from tests.events.lake.conftest import Node


def test_threads_and_memory_of_a_query_are_bounded(node: Node, settings: Any) -> None:
    settings.EVENTLANE_QUERY_THREADS, settings.EVENTLANE_QUERY_MEMORY_MB = 3, 100
    slots = QuerySlots(1)
    limits = slots.run(lambda lake: lake.execute("SELECT current_setting('threads'), current_setting('memory_limit')"))
    assert limits == [(3, "95.3 MiB")]
    slots.close()


def test_query_is_asked_again_when_its_process_has_died_since_the_one_before(node: Node) -> None:
    slots = QuerySlots(1)
    pid = slots.run(process_of)
    os.kill(pid, signal.SIGKILL)
    assert slots.run(lambda lake: lake.value("SELECT 1")) == 1
    assert slots.run(process_of) != pid
    slots.close()


def process_of(lake: Lake) -> int:
    assert isinstance(lake._duckdb, SeparateDuckDB) and lake._duckdb._process
    return lake._duckdb._process._process.pid
