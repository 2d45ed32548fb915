"""A DuckDB in a process of its own does what one in this process does, and takes nothing from it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest

from eventlane.processes import is_running
from events.lake import duckdbs
from events.lake.duckdbs import OwnDuckDB, ProcessEnded, ProcessFailed, SeparateDuckDB, _packed
from tests.waiting import wait_until

LONG = "SELECT count(*) FROM range(100000) a, range(100000) b WHERE a.range * b.range % 7 = 3"
# One expression over one text, which takes years.
DEAF = "SELECT repeat('a', 5000) LIKE '%_a%_a%_a%_a%_a%_a%_a%_ab'"
CONFIG = {"threads": 1, "memory_limit": "64MB"}


@pytest.fixture
def separate() -> Iterator[SeparateDuckDB]:
    made = SeparateDuckDB(CONFIG, 10)
    yield made
    made.close()


def process_of(separate: SeparateDuckDB) -> int:
    assert separate._process
    return separate._process._process.pid


def test_statements_are_answered_as_in_this_process(separate: SeparateDuckDB) -> None:
    own = OwnDuckDB(CONFIG)
    values = [UUID(int=7), "ä\0", b"\0", 2**100, 0.1, None, [1, 2]]
    numbers = pa.concat_tables([pa.table({"n": range(100)}).slice(start, 1) for start in range(5)])
    for one in (own, separate):
        one.rows("SET TimeZone = 'UTC'", [], {})
    asked = [
        (f"SELECT {', '.join('?' * len(values))}", values, {}),
        ("SELECT sum(n), max(n) FROM numbers", [], {"numbers": numbers}),
        ("CREATE TABLE t AS SELECT range AS n FROM range(2500)", [], {}),
    ]
    assert [separate.rows(*one) for one in asked] == [own.rows(*one) for one in asked]
    result = separate.start("FROM t ORDER BY n", [])
    assert [len(result.fetchmany(1000)) for _ in range(4)] == [1000, 1000, 500, 0]
    reader = separate.start("FROM t", []).to_arrow_reader(2048)
    assert reader.schema.names == ["n"]
    assert pa.Table.from_batches(list(reader))["n"].to_pylist() == list(range(2500))
    own.close()


def test_values_are_bound_without_a_search_for_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    sought = []

    class Finder:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            sought.append(name)

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    own = OwnDuckDB(CONFIG)
    assert own.rows("SELECT ?, ?", ["text", [1, 2]], {}) == [("text", [1, 2])]
    own.close()
    assert sought == []


def test_a_part_of_a_table_takes_no_more_than_itself() -> None:
    whole = pa.table({"n": range(100_000)})
    parts = pa.concat_tables([whole.slice(start, 10) for start in range(0, 1000, 10)])
    assert len(_packed(parts)) < len(_packed(whole)) / 10


def test_errors_keep_their_kind_and_text(separate: SeparateDuckDB) -> None:
    with pytest.raises(duckdb.CatalogException, match="nothing_here"):
        separate.rows("FROM nothing_here", [], {})
    with pytest.raises(duckdb.OutOfMemoryException):
        separate.rows("SELECT list(range) FROM range(30000000)", [], {})
    with pytest.raises(duckdb.Error):
        SeparateDuckDB({"no_such_setting": 1}, 0)
    with pytest.raises(ProcessFailed, match="AttributeError"):
        separate.ask("fetchmany", 1)  # of no result
    assert separate.rows("SELECT 1", [], {}) == [(1,)]


def test_an_interrupt_ends_the_statement_and_no_later_one(separate: SeparateDuckDB) -> None:
    ended = threading.Event()

    def interrupt() -> None:
        while not ended.is_set():
            separate.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(duckdb.InterruptException):
        separate.rows(LONG, [], {})
    ended.set()
    thread.join()
    separate.interrupt()
    assert separate.rows("SELECT sum(range) FROM range(10000000)", [], {}) == [(49999995000000,)]


def test_a_process_that_heeds_no_interrupt_is_killed(separate: SeparateDuckDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdbs, "INTERRUPTED_SECONDS", 0.5)
    ended = threading.Event()

    def interrupt() -> None:
        while not ended.wait(0.1):
            separate.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(ProcessEnded):
        separate.rows(DEAF, [], {})
    ended.set()
    thread.join()


def test_it_gives_way_to_this_process(separate: SeparateDuckDB) -> None:
    pid = process_of(separate)
    assert os.getpriority(os.PRIO_PROCESS, pid) == min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)


def test_a_closed_one_leaves_its_process_to_the_next(separate: SeparateDuckDB) -> None:
    pid = process_of(separate)
    separate.rows("CREATE TABLE t AS SELECT 1", [], {})
    separate.close()
    with pytest.raises(duckdb.ConnectionException):
        separate.rows("SELECT 1", [], {})
    following = SeparateDuckDB(CONFIG, 10)
    assert process_of(following) == pid
    with pytest.raises(duckdb.CatalogException):
        following.rows("FROM t", [], {})
    following.close()


def test_a_killed_process_is_an_error_and_then_another_one(separate: SeparateDuckDB) -> None:
    os.kill(process_of(separate), signal.SIGKILL)
    with pytest.raises(duckdb.OperationalError, match="has ended"):
        separate.rows("SELECT 1", [], {})
    separate.close()
    following = SeparateDuckDB(CONFIG, 10)
    killed = process_of(following)
    following.close()
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: Path(f"/proc/{killed}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    following = SeparateDuckDB(CONFIG, 10)
    assert following.rows("SELECT 1", [], {}) == [(1,)]
    following.close()


def test_what_a_killed_process_has_spilled_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "spilled"
    separate = SeparateDuckDB(CONFIG | {"temp_directory": str(folder)}, 10)
    separate.rows("CREATE TEMP TABLE t AS SELECT range, hash(range) AS h FROM range(8000000)", [], {})
    assert list(folder.iterdir())
    os.kill(process_of(separate), signal.SIGKILL)
    separate.close()
    assert not folder.exists()


def test_it_ends_with_a_process_that_is_killed() -> None:
    code = (
        "from events.lake.duckdbs import SeparateDuckDB\n"
        "one = SeparateDuckDB({}, 0)\n"
        "print(one._process._process.pid, flush=True)\n"
        f"one.rows({LONG!r}, [], {{}})"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        process.kill()
    wait_until(lambda: not is_running(pid))
