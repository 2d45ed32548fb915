"""Whatever SQL gets into a DuckDB of ours: it reaches the lake, and nothing else on the machine or the network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from events.lake.connection import Lake, _duckdb_settings, event_table_name, spill_folder
from events.lake.damage import content_error, open_scanner
from events.lake.follow import EventFollower
from events.lake.partial import PartialLake
from events.lake.query import EventQuery, EventReader
from events.lake.sealer import Sealer
from events.lake.slots import QuerySlots
from tests.events.lake.conftest import Node
from tests.events.lake.test_files import fill

WAYS_OUT = [
    "FROM read_text('/etc/passwd')",
    "FROM read_csv('/etc/passwd')",
    "FROM '{home}/x.parquet'",
    "FROM glob('/etc/*')",
    "FROM read_text('{lake}/../../../../../../etc/passwd')",
    "FROM read_text('{lake}-beside')",
    "FROM read_text('{home}/encryption_key')",
    "COPY (SELECT 1) TO '{home}/out.csv'",
    "EXPORT DATABASE '{home}/out'",
    "ATTACH '{home}/out.db'",
    "ATTACH 'dbname=postgres' AS other (TYPE postgres)",
    "FROM 'http://127.0.0.1:1/x.csv'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '{home}/x.duckdb_extension'",
    "CREATE PERSISTENT SECRET x (TYPE postgres, PASSWORD 'x')",
    "SET enable_external_access = true",
    "SET allowed_directories = ['/']",
    "SET allowed_configs = ['threads']",
    "SET allow_unsigned_extensions = true",
    "SET memory_limit = '1TB'",
    "SET temp_directory = '/'",
    "RESET lock_configuration",
]


@pytest.fixture
def shut(node: Node) -> Callable[[Lake | duckdb.DuckDBPyConnection], None]:
    """Return what tries every way out of a DuckDB."""
    node.home.mkdir(exist_ok=True)
    (node.home / "encryption_key").write_text("secret")
    Path(f"{node.lake_path}-beside").write_text("not the lake's")

    def check(lake: Lake | duckdb.DuckDBPyConnection) -> None:
        before = sorted(node.home.iterdir())
        for way in WAYS_OUT:
            with pytest.raises((duckdb.PermissionException, duckdb.InvalidInputException)):
                lake.execute(way.format(lake=node.lake_path, home=node.home))
        assert sorted(node.home.iterdir()) == before

    return check


def test_every_duckdb_is_locked(node: Node, shut: Callable[[Lake], None]) -> None:
    slots = QuerySlots(1)
    with EventFollower(EventQuery(node.dataset)) as follower:
        assert list(follower.history()) == []
        shut(follower._lake.lake)
        slots.run(shut)  # nothing was sealed yet: there is nothing to attach
        node.write('{"n":1}')
        node.seal()
        assert [row.event for row in follower.news()] == ['{"n":1}']
        shut(follower._lake.lake)
        slots.run(shut)
        assert slots.run(lambda lake: lake.attached)
    slots.close()
    with Lake() as lake, EventReader(EventQuery(node.dataset)) as reader:
        shut(lake)
        shut(reader._lake.lake)
    sealer = Sealer(node.journal)
    shut(sealer._open_lake())
    sealer.close()


def test_copy_of_the_catalog_is_locked_each_time_it_is_made(node: Node, shut: Callable[[Lake], None]) -> None:
    fill(node, 0)
    with Lake(read_only=True) as lake, PartialLake([node.dataset.table_name], [], like=lake) as partial:
        for count in (150, 300):
            with partial.transaction():
                assert partial.value(f"SELECT count(*) FROM {event_table_name(node.dataset.table_name)}") == count
            shut(partial)
            fill(node, count)


def test_what_looks_for_damage_reaches_only_the_file_in_question(
    node: Node, shut: Callable[[duckdb.DuckDBPyConnection], None]
) -> None:
    asked, other = (node.lake_path / fill(node, start) for start in (0, 150))
    assert content_error(asked) == ""
    with open_scanner(asked) as scanner:
        shut(scanner)
        with pytest.raises(duckdb.PermissionException):
            scanner.execute(f"FROM read_parquet('{other}')")


@pytest.mark.parametrize("path, unsigned", [("/srv/lake", True), ("s3://lake", False)])
def test_extension_that_is_downloaded_needs_its_signature(settings: Any, path: str, unsigned: bool) -> None:
    settings.EVENTLANE_LAKE_PATH = path
    with duckdb.connect(config=_duckdb_settings(1, 100)) as database:
        names = ["allow_unsigned_extensions", "autoload_known_extensions"]
        found = [database.execute("SELECT current_setting(?)", [name]).fetchone() for name in names]
        assert found == [(unsigned,), (not unsigned,)]


def test_query_of_a_web_process_has_its_own_limits(node: Node) -> None:
    slots = QuerySlots(1)
    sizes = "SELECT current_setting('threads'), current_setting('memory_limit')"
    [(threads, memory)] = slots.run(lambda lake: lake.execute(sizes))
    assert (threads, memory) == (1, "244.1 MiB")
    slots.close()


def test_locked_duckdb_spills_into_its_folder(node: Node) -> None:
    with Lake(memory_mb=60) as lake:
        many = "SELECT range AS n, md5(range::VARCHAR) AS t FROM range(600000)"
        lake.execute(f"CREATE TEMP TABLE sorted AS SELECT * FROM ({many}) ORDER BY t")
        assert lake.value("SELECT count(*) FROM sorted") == 600000
        assert any(path.is_file() for path in spill_folder().rglob("*"))
