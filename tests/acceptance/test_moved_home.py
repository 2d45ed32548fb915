"""A home that is moved, copied or put beside the wrong parts: what starts, and what is refused without a change."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from eventlane.embedded_postgres import RECORD, SYSTEM_FOLDER, installed_binaries, recorded_folder, socket_folder
from tests.postgres import remove_home, scratch_home
from tests.server import Server

pytestmark = pytest.mark.drill

QUIET = {
    "EVENTLANE_JOURNAL_MAX_AGE_SECONDS": "0.5",
    "EVENTLANE_WORKER_PROCESSES": "0",
    "EVENTLANE_WEB_PROCESSES": "1",
}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root only: others keep their database in the home")


def send(server: Server, text: str) -> None:
    assert server.post("/v1/logs/demo", [{"message": text}]).status == 202


def messages(server: Server, limit: int = 100) -> list[str]:
    lines = server.manage("tail", "logs", "--limit", str(limit)).stdout.splitlines()
    return [line.split()[-1] for line in lines]


def settle(server: Server) -> None:
    """Stop once every event is sealed."""
    server.wait_until(lambda: not list(server.home.glob("journal/*.journal")), "everything is sealed")
    assert server.stop() == 0


def use(server: Server, home: Path) -> None:
    """Have the server run on another home from now on."""
    server.home = home
    server.environment["EVENTLANE_HOME"] = str(home)


def refused(server: Server) -> str:
    """Try to start; return why it didn't."""
    done = server.manage("up", check=False)
    assert done.returncode == 1, done.stderr
    return done.stderr


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of change of every file below: what must stay as it is."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "up.lock"]
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


def test_moved_home_starts_with_everything_it_had(fresh_server):
    server = fresh_server(**QUIET)
    send(server, "before")
    settle(server)
    old, new = server.home, server.home.with_name(f"{server.home.name}-moved")
    assert (old / RECORD).read_text() == "postgres\n"
    old.rename(new)
    use(server, new)
    server.start()
    send(server, "after")

    assert messages(server) == ["before", "after"]
    assert not old.exists()


def test_home_of_an_earlier_release_is_found_where_it_was_moved_to(fresh_server):
    """It says where its database was, absolutely, and carries no mark."""
    server = fresh_server(**QUIET)
    send(server, "before")
    settle(server)
    old, new = server.home, server.home.with_name(f"{server.home.name}-moved")
    for mark in old.rglob("installation"):
        mark.unlink()
    (old / RECORD).write_text(f"{old}/postgres\n")
    shutil.copytree(old, new)
    for path in (new, *new.rglob("*")):
        shutil.chown(path, (old / path.relative_to(new)).stat().st_uid)
    use(server, new)  # the original is still there, and its database is not this home's
    server.start()
    send(server, "after")

    assert messages(server) == ["before", "after"]
    assert (new / RECORD).read_text() == "postgres\n"
    assert (new / "lake" / "installation").exists()
    server.stop()
    use(server, old)
    server.start()
    assert messages(server) == ["before"]
    remove_home(new)


def test_lost_database_is_not_replaced_by_an_empty_one(fresh_server):
    server = fresh_server(started=False, **QUIET)
    (server.home / "postgres").rename(server.home / "elsewhere")
    before = listing(server.home)
    why = refused(server)

    assert f"there is no database in {server.home}/postgres, where it is expected" in why
    assert "To start afresh, use an empty EVENTLANE_HOME" in why
    (server.home / RECORD).unlink()
    assert "is marked as an installation's" in refused(server)
    (server.home / "installation").unlink()
    before = {path: state for path, state in before.items() if Path(path).exists()}
    assert listing(server.home) == before
    (server.home / "elsewhere").rename(server.home / "postgres")
    server.start()


@as_root
def test_copied_home_does_not_start_on_the_database_of_the_original(fresh_server):
    home = scratch_home()
    home.chmod(0o700)  # so PostgreSQL's user can't get in, and the database lies elsewhere
    server = fresh_server(home=home, **QUIET)
    send(server, "original")
    settle(server)
    copy, database = home.with_name(f"{home.name}-copy"), recorded_folder(home)
    assert database.parent == SYSTEM_FOLDER
    shutil.copytree(home, copy)
    before = listing(copy) | listing(home) | listing(database)
    use(server, copy)
    why = refused(server)

    assert f"the database in {database} belongs to the home {home}, and {copy} seems to be a copy of that" in why
    assert listing(copy) | listing(home) | listing(database) == before
    copied_database = SYSTEM_FOLDER / f"{database.name}-copy"
    shutil.copytree(database, copied_database)
    for path in (copied_database, *copied_database.rglob("*")):
        shutil.chown(path, database.stat().st_uid)
    server.environment["EVENTLANE_POSTGRES_DIR"] = str(copied_database)
    server.start()
    send(server, "copy")
    assert messages(server) == ["original", "copy"]
    server.stop()
    del server.environment["EVENTLANE_POSTGRES_DIR"]
    use(server, home)
    server.start()
    assert messages(server) == ["original"]
    remove_home(copy)


def test_other_databases_and_lakes_are_refused(fresh_server):
    """An empty database, another installation's, a lake that isn't there, an empty folder where a disk should be."""
    server = fresh_server(**QUIET)
    send(server, "here")
    server.wait_until(lambda: not list(server.home.glob("journal/*.journal")), "everything is sealed")
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE blank")
    blank = server.database_url.replace("/eventlane?", "/blank?")
    environment = dict(server.environment)

    def set_up(**settings: str) -> str:
        server.environment = environment | settings
        done = server.manage("set_up", check=False)
        server.environment = environment
        return done.stderr

    assert "The database is empty, but the folders are not new" in set_up(DATABASE_URL=blank)
    with psycopg.connect(blank) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    other = scratch_home()
    assert set_up(DATABASE_URL=blank, EVENTLANE_HOME=str(other)) == ""
    before = listing(server.home / "lake")
    assert "These belong to different installations" in set_up(DATABASE_URL=blank)
    assert "These belong to different installations" in set_up(EVENTLANE_LAKE_PATH=str(other / "lake"))
    lake = server.home / "lake"
    lake.rename(server.home / "away")
    assert f"its lake is not in {lake}: events may be missing" in set_up()
    assert f"its lake is not in {lake}" in server.manage("maintain", check=False).stderr
    assert f"the lake is not there: {lake} is not a folder" in server.manage("tail", "logs", check=False).stderr
    assert not lake.exists()
    lake.mkdir()  # as if a disk were not mounted
    assert f"its lake is not in {lake}" in server.manage("maintain", check=False).stderr
    lake.rmdir()
    (server.home / "away").rename(lake)
    assert listing(lake) == before
    assert messages(server) == ["here"]
    remove_home(other)


def test_restore_of_an_older_dump_beside_a_newer_lake(fresh_server):
    """As docs/operations.md says, with a lake that was copied long after the dump."""
    server = fresh_server(**QUIET)
    send_many(server, "before")
    dump = server.home.with_name(f"{server.home.name}.dump")
    run_program(server, "pg_dump", "-Fc", "-f", str(dump), "eventlane")
    send_many(server, "after")
    assert server.stop() == 0
    backup = server.home
    home = backup.with_name(f"{backup.name}-restored")
    use(server, home)
    home.mkdir(mode=0o711)
    keys = dict(server.keys)
    server.start()
    run_program(
        server,
        "psql",
        "-d",
        "postgres",
        "-c",
        "DROP DATABASE eventlane WITH (FORCE)",
        "-c",
        "CREATE DATABASE eventlane",
    )
    run_program(server, "pg_restore", "-d", "eventlane", str(dump))
    assert server.stop() == 0
    for name in ("journal", "lake"):
        shutil.copytree(backup / name, home / name, dirs_exist_ok=True)
    for name in ("secret_key", "encryption_key", "node", "installation"):
        shutil.copy(backup / name, home / name)
    server.start()
    server.keys = keys

    assert messages(server, 1000) == ["before"] * 200
    faults = json.loads(server.manage("lake", "verify", "--json").stdout)
    unknown = [fault["path"] for fault in faults]
    assert {fault["state"] for fault in faults} == {"new"}
    server.manage("maintain")
    server.manage("lake", "adopt", *unknown)
    assert messages(server, 1000) == ["before"] * 200 + ["after"] * 200
    send(server, "later")
    assert messages(server, 1) == ["later"]
    dump.unlink()
    remove_home(backup)


def send_many(server: Server, text: str) -> None:
    """Send as many as fill a Parquet file, and wait until they are sealed."""
    assert server.post("/v1/logs/demo", [{"message": text}] * 200).status == 202
    server.wait_until(lambda: not list(server.home.glob("journal/*.journal")), "everything is sealed")


def run_program(server: Server, name: str, *words: str) -> None:
    """Run a program of the embedded PostgreSQL on the server's database."""
    socket = socket_folder(recorded_folder(server.home))
    subprocess.run([installed_binaries() / name, "-h", socket, "-U", "eventlane", *words], check=True, timeout=60)


def test_copy_that_shares_the_database_is_refused(fresh_server):
    """It would be the same node twice, and seal the same journal files."""
    server = fresh_server()
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE shared")
    server.environment["DATABASE_URL"] = server.database_url.replace("/eventlane?", "/shared?")
    first = scratch_home()
    server.environment |= {"EVENTLANE_HOME": str(first), "EVENTLANE_LAKE_PATH": str(first / "lake")}
    server.manage("set_up")
    copy = first.with_name(f"{first.name}-copy")
    shutil.copytree(first, copy)
    server.environment["EVENTLANE_HOME"] = str(copy)
    done = server.manage("set_up", check=False)
    assert f"{copy} is a copy of {first}, and both would be node" in done.stderr
    for name in ("node", "installation"):
        (copy / name).unlink()
    (copy / "journal" / f"x-{'0' * 32}.journal").touch()
    assert "has events of node" in server.manage("seal", check=False).stderr
    shutil.rmtree(copy / "journal")
    server.manage("set_up")  # a node of its own now
    with psycopg.connect(server.environment["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM projects_node").fetchone() == (2,)
    first.rename(first.with_name(f"{first.name}-moved"))
    moved = first.with_name(f"{first.name}-moved")
    server.environment |= {"EVENTLANE_HOME": str(moved), "EVENTLANE_LAKE_PATH": str(moved / "lake")}
    server.manage("set_up")
    for home in (copy, moved):
        remove_home(home)
    del server.environment["DATABASE_URL"]
