"""What a query of a web process may use, and what becomes of it when its DuckDB dies."""

import os
import signal
from typing import Any

import pytest

from eventlane.wire.errors import InternalError
from events.lake.connection import Lake
from events.lake.damaged_files import known_damage
from events.lake.duckdbs import SeparateDuckDB
from events.lake.partial import read_around
from events.lake.slots import QueryKilled, QuerySlots
from tests.events.lake.conftest import Node
from tests.events.lake.test_damage import DAMAGES, DamagedLake
from tests.waiting import wait_until


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
    wait_until(lambda: not slots._idle[0].is_running())
    assert slots.run(lambda lake: lake.value("SELECT 1")) == 1
    assert slots.run(process_of) != pid
    slots.close()


def test_query_whose_process_is_killed_is_not_asked_again_and_no_file_is_blamed(node: Node) -> None:
    table = DamagedLake(node, DAMAGES["page"]).node.dataset.table_name
    asked = []

    def die(lake: Lake) -> None:
        asked.append(process_of(lake))
        os.kill(asked[-1], signal.SIGKILL)
        lake.execute("SELECT 1")

    slots = QuerySlots(1)
    slots.run(process_of)
    for _ in ("in a lake that was there", "in a new one"):
        with pytest.raises(QueryKilled, match="memory"):
            slots.run(lambda lake: read_around(lake, [table], die))
    assert len(asked) == len(set(asked)) == 2
    assert known_damage() == []


def test_query_that_upsets_its_process_is_not_asked_again(node: Node) -> None:
    asked = []

    def upset(lake: Lake) -> None:
        asked.append(lake)
        assert isinstance(lake._duckdb, SeparateDuckDB)
        lake._duckdb.ask("no_such_method")

    slots = QuerySlots(1)
    slots.run(process_of)
    with pytest.raises(InternalError):
        slots.run(lambda lake: read_around(lake, [node.dataset.table_name], upset))
    assert len(asked) == 1
    slots.close()


def process_of(lake: Lake) -> int:
    assert isinstance(lake._duckdb, SeparateDuckDB) and lake._duckdb._process
    return lake._duckdb._process._process.pid
