"""`manage.py up` as a user and an operator meet it: real processes, real signals, no process left behind."""

import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE

import psycopg
import pytest
import urllib3

from eventlane.processes import is_running, parent_of
from events.journal.format import HEADER_BYTES, decode_header
from tests.postgres import remove_home, scratch_home
from tests.reachable import PYTHON_FOR_NOBODY, nobody

pytestmark = pytest.mark.slow


def login(server) -> int:
    return server.request("GET", "/console/login/").status


def test_first_start_makes_what_is_needed_to_send_an_event(fresh_server):
    server = fresh_server(home=scratch_home(), EVENTLANE_ADMIN_EMAIL="ada@example.com")
    with psycopg.connect(server.database_url) as connection:
        accounts = connection.execute("SELECT email, role FROM projects_account").fetchall()
        datasets = connection.execute(
            "SELECT p.name, d.name FROM events_dataset d JOIN projects_project p ON p.id = d.project_id"
        ).fetchall()
        keys = connection.execute(
            "SELECT name, ingest, read, write, deploy FROM projects_apikey ORDER BY name"
        ).fetchall()

    assert accounts == [("ada@example.com", "admin")]
    assert datasets == [("main", "logs")]
    assert keys == [
        ("deploy", False, False, False, True),
        ("ingest", True, False, False, False),
        ("read", False, True, False, False),
        ("write", False, False, True, False),
    ]
    assert f"console      {server.url}/console/" in server.log
    assert f"curl {server.url}/v1/logs/demo -H 'x-api-key: {server.keys['ingest']}'" in server.secrets
    assert "correct horse" not in server.log + server.secrets  # a password of the user's own is never shown


def test_generated_password_is_shown_once_and_works(fresh_server):
    server = fresh_server(home=scratch_home(), EVENTLANE_ADMIN_PASSWORD="")
    password = re.search(r"^password +(\S+)$", server.secrets, re.MULTILINE).group(1)
    check = (
        "from django.contrib.auth import authenticate; "
        f"print(authenticate(username='admin@example.com', password={password!r}))"
    )

    assert "admin@example.com" in server.manage("shell", "-c", check).stdout
    file = server.home / "first_start"
    assert f"Login and keys are in {file}: read them, then delete it." in server.log
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    server.stop()
    file.unlink()
    server.start()
    assert password not in server.log and "evl_" not in server.log and not file.exists()


def test_weak_password_of_the_administrator_stops_the_first_start(fresh_server):
    with pytest.raises(AssertionError, match=r"EVENTLANE_ADMIN_PASSWORD: This password is too short.* 12 characters"):
        fresh_server(home=scratch_home(), EVENTLANE_ADMIN_PASSWORD="otter-42")


def test_second_start_finds_everything_and_shows_no_secret(fresh_server):
    server = fresh_server(home=scratch_home())
    keys = server.keys
    with psycopg.connect(server.database_url) as connection:
        before = connection.execute("SELECT id FROM projects_project").fetchall()
    assert server.stop() == 0
    server.start()
    with psycopg.connect(server.database_url) as connection:
        assert connection.execute("SELECT id FROM projects_project").fetchall() == before
        assert connection.execute("SELECT count(*) FROM projects_apikey").fetchone() == (4,)

    assert server.keys == keys
    assert "evl_" not in server.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal_stops_everything_in_order(fresh_server, number):
    server = fresh_server()
    pids = server.pids()
    with socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.sendall(b"GET /console/login/ HTTP/1.1\r\nHost: x\r\n\r\n")
        idle.recv(100)  # a client that keeps its connection open must not hold up the end

        assert server.stop(number) == 0

    assert [pid for pid in pids if is_running(pid)] == []
    assert server.leftovers() == {}
    log = server.log
    assert log.rindex("eventlane.web: stopped") < log.index("received fast shutdown request")
    assert log.rstrip().endswith("stopped")


def test_ctrl_c_in_the_terminal_stops_in_the_same_order(fresh_server):
    server = fresh_server()
    os.killpg(server.process.pid, signal.SIGINT)  # what a terminal does

    assert server.process.wait(60) == 0
    assert server.leftovers() == {}
    assert server.log.rindex("eventlane.web: stopped") < server.log.index("received fast shutdown request")


def test_signal_while_starting_stops_what_was_started(fresh_server):
    server = fresh_server(started=False)
    with server.log_file.open("ab") as log:
        server.process = server.popen("up", stdout=log, stderr=log, start_new_session=True)
    server.wait_until(lambda: "ready to accept connections" in server.log, "PostgreSQL is up")

    assert server.stop() == 0
    assert "Eventlane is up" not in server.log
    assert server.leftovers() == {}


@pytest.mark.drill
@pytest.mark.parametrize(
    ("word", "name"),
    [("eventlane.web", "web-1"), ("seal", "sealer"), ("bin/postgres", "postgres")],
    ids=["web", "sealer", "db"],
)
def test_child_that_dies_is_started_again_and_the_log_says_so(fresh_server, word, name):
    server = fresh_server()
    victim = min(pid for pid in server.pids_of(word) if parent_of(pid) == server.process.pid)
    os.kill(victim, signal.SIGKILL)

    server.wait_until(lambda: f"{name} died with signal SIGKILL; restarting it in 0.5 s" in server.log, "the log")
    server.wait_until(lambda: f"{name} restarted" in server.log, "it is started again")
    server.wait_until(lambda: set(server.pids_of(word)) - {victim}, "it runs")
    server.wait_until(lambda: _answers(server), "the console answers")
    assert server.stop() == 0
    assert server.leftovers() == {}


@pytest.mark.drill
def test_sealer_that_hangs_is_replaced_and_seals_each_event_once(fresh_server):
    server = fresh_server(EVENTLANE_SEALER_HANG_SECONDS="5", EVENTLANE_JOURNAL_MAX_AGE_SECONDS="0.5")
    server.wait_until(lambda: (server.home / "sealer.progress").exists(), "it goes on")
    victim = next(pid for pid in server.pids_of("seal") if parent_of(pid) == server.process.pid)
    os.kill(victim, signal.SIGSTOP)
    for number in range(20):
        assert server.post("/v1/logs/hang", [{"n": number}]).status == 202

    server.wait_until(lambda: set(server.pids_of("seal")) - {victim}, "it is replaced", seconds=60)
    assert "sealer has made no progress for 5 s: killed" in server.log and not is_running(victim)
    server.wait_until(lambda: not list((server.home / "journal").glob("*.journal")), "all is sealed")
    lines = server.manage("tail", "logs", "--json", "--limit", "100").stdout.splitlines()
    assert sorted(int(re.search(r'"n": ?(\d+)', line).group(1)) for line in lines) == list(range(20))
    assert server.stop() == 0


def _answers(server) -> bool:
    try:
        return login(server) == 200
    except Exception:
        return False


@pytest.mark.alone
def test_web_process_that_keeps_dying_leaves_the_other_serving(fresh_server):
    server = fresh_server(EVENTLANE_WEB_PROCESSES="2")
    [_, other] = sorted(server.pids_of("eventlane.web"))
    slowest, deaths = 0.0, 0
    end = time.monotonic() + 90
    while deaths < 5:
        for pid in set(server.pids_of("eventlane.web")) - {other}:
            os.kill(pid, signal.SIGKILL)
            deaths += 1
        slowest = max(slowest, _seconds_until_taken(server))
        assert time.monotonic() < end

    assert slowest < 2
    assert is_running(other)
    server.wait_until(lambda: server.log.count("web-1 died with signal SIGKILL") == 5, "all deaths are noticed")
    server.wait_until(lambda: len(server.pids_of("eventlane.web")) == 2, "both are there again")
    assert "web-2 died" not in server.log


def _seconds_until_taken(server) -> float:
    """How long a sender that tries again at once, on a new connection, waits for its 202."""
    start = time.monotonic()
    while True:
        try:
            with urllib3.PoolManager(retries=False, timeout=5) as http:
                url, headers = f"{server.url}/v1/logs/kills", {"x-api-key": server.keys["ingest"]}
                if http.request("POST", url, body=b'[{"n":1}]', headers=headers).status == 202:
                    return time.monotonic() - start
        except urllib3.exceptions.HTTPError:  # its connection went to the one that was killed
            assert time.monotonic() - start < 10


@pytest.mark.drill
def test_web_process_that_hangs_is_replaced(fresh_server):
    server = fresh_server(EVENTLANE_WEB_HANG_SECONDS="3")
    server.wait_until(lambda: len(list(server.home.glob("web-*.progress"))) == 2, "both go on")
    victim = min(server.pids_of("eventlane.web"))
    os.kill(victim, signal.SIGSTOP)

    server.wait_until(lambda: "web-1 has made no progress for 3 s: killed" in server.log, "noticed", seconds=60)
    server.wait_until(lambda: "web-1 restarted" in server.log, "it is replaced")
    assert not is_running(victim)
    assert "web-2 has" not in server.log


@pytest.mark.drill
def test_maintenance_runs_on_schedule_and_is_killed_when_it_hangs(fresh_server):
    server = fresh_server(EVENTLANE_MAINTAIN_HANG_SECONDS="5", EVENTLANE_MAINTAIN_INTERVAL_SECONDS="1")
    server.wait_until(lambda: server.pids_of("manage.py maintain"), "it runs")
    [victim] = server.pids_of("manage.py maintain")
    os.kill(victim, signal.SIGSTOP)

    server.wait_until(lambda: "maintain has made no progress for 5 s: killed" in server.log, "noticed", seconds=60)
    assert "maintenance ended with signal SIGKILL" in server.log and not is_running(victim)
    before = server.log.count("spilled files:")
    server.wait_until(lambda: server.log.count("spilled files:") > before, "the next run comes to its end")
    assert server.stop() == 0


def test_stop_closes_the_journal_file(fresh_server):
    server = fresh_server(EVENTLANE_JOURNAL_MAX_AGE_SECONDS="600", EVENTLANE_WEB_PROCESSES="1")
    assert server.post("/v1/logs/stop", [{"n": 1}]).status == 202
    [file] = (server.home / "journal").glob("*.journal")
    assert decode_header(file.read_bytes()[:HEADER_BYTES]).size == 0  # it is being written

    assert server.stop() == 0
    if file.exists():  # else the sealer, which takes only closed files, had it before it stopped
        assert decode_header(file.read_bytes()[:HEADER_BYTES]).size == file.stat().st_size


@pytest.mark.drill
def test_killed_supervisor_leaves_no_orphan(fresh_server):
    server = fresh_server()
    pids = server.pids()
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()

    server.wait_until(lambda: not [pid for pid in pids if is_running(pid)], "every process is gone")
    assert server.leftovers() == {}


@pytest.mark.drill
def test_start_after_kill_9_of_everything(fresh_server):
    server = fresh_server()
    for _ in range(2):
        server.kill()
        server.start()

    assert login(server) == 200
    assert server.stop() == 0


@pytest.mark.drill
def test_start_right_after_kill_9_of_the_supervisor(fresh_server):
    server = fresh_server()
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait()
    server.start()  # while the others are still stopping

    assert login(server) == 200


def test_second_up_on_the_same_home_is_refused(server):
    second = server.manage("up", check=False)

    assert second.returncode == 1
    assert f"Eventlane already runs on {server.home} (process {server.process.pid})" in second.stderr
    assert login(server) == 200


def test_port_in_use_is_named(fresh_server):
    server = fresh_server(started=False)
    with socket.create_server(("127.0.0.1", server.port)):
        refused = server.manage("up", check=False)

    assert refused.returncode == 1
    assert f"can't listen on 127.0.0.1:{server.port}: Address already in use" in refused.stderr
    assert "PostgreSQL" not in refused.stderr  # it didn't get that far


def test_bad_settings_stop_the_start(fresh_server):
    server = fresh_server(started=False)
    server.environment["EVENTLANE_ADMIN_EMAIL"] = "nobody at all"
    refused = server.manage("up", check=False)

    assert refused.returncode == 1
    assert "EVENTLANE_ADMIN_EMAIL='nobody at all' is not an e-mail address" in refused.stderr
    assert server.leftovers() == {}


def test_database_that_does_not_start_stops_the_start(fresh_server):
    server = fresh_server(started=False)
    with (server.home / "postgres" / "data" / "postgresql.conf").open("a") as configuration:
        configuration.write("no_such_setting = 1\n")
    refused = server.manage("up", check=False)

    assert refused.returncode == 1
    assert 'unrecognized configuration parameter "no_such_setting"' in refused.stderr
    assert "PostgreSQL ended during startup with exit status 1" in refused.stderr
    assert server.leftovers() == {}


@pytest.mark.drill
def test_two_nodes_start_on_one_database_at_once(fresh_server):
    first = fresh_server()
    with psycopg.connect(first.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE shared")
    url = first.database_url.replace("/eventlane?", "/shared?")
    homes = [scratch_home(), scratch_home()]
    nodes = [
        first.popen("set_up", "--json", stdout=PIPE, stderr=PIPE, EVENTLANE_HOME=str(home), DATABASE_URL=url)
        for home in homes
    ]
    outputs = [node.communicate(timeout=120) for node in nodes]

    assert [node.returncode for node in nodes] == [0, 0], outputs
    assert sorted(output.strip() == b"{}" for output, _ in outputs) == [False, True]  # one of them made it all
    node = fresh_server(home=homes[0], DATABASE_URL=url)
    assert login(node) == 200
    assert node.pids_of("bin/postgres") == []
    remove_home(homes[1])

    first.stop()
    node.wait_until(lambda: "scheduler: OperationalError" in node.log, "the worker notices that the database is away")
    before = time.monotonic()
    assert node.stop() == 0
    assert time.monotonic() - before < 25, "its worker waited for the database"
    assert "did not stop within" not in node.log


@nobody
def test_ordinary_user(fresh_server):
    home, entry = scratch_home(), pwd.getpwnam("nobody")
    os.chown(home, entry.pw_uid, entry.pw_gid)
    server = fresh_server(
        home=home, user=entry.pw_uid, python=PYTHON_FOR_NOBODY, variables={"PYTHONPATH": os.pathsep.join(sys.path)}
    )

    assert login(server) == 200
    assert {Path(f"/proc/{pid}").stat().st_uid for pid in server.pids()} == {entry.pw_uid}
    assert server.stop() == 0
    assert server.leftovers() == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="root only")
def test_root_with_a_closed_home(fresh_server):
    home = scratch_home()
    home.chmod(0o700)
    modes = {folder: folder.stat().st_mode for folder in (home, *home.parents)}
    server = fresh_server(home=home)

    assert login(server) == 200
    assert {folder: folder.stat().st_mode for folder in modes} == modes
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_python_platform_module_is_not_hidden_under_the_server(server):
    variables = Path(f"/proc/{server.pids_of('eventlane.web')[0]}/environ").read_text().split("\0")
    environment = dict(variable.split("=", 1) for variable in variables if "=" in variable)
    done = subprocess.run(
        [sys.executable, "-c", "import platform; print(platform.system())"], env=environment, capture_output=True
    )

    assert done.stdout.decode().strip() == os.uname().sysname


@pytest.mark.alone
def test_idle_platform_stays_small(fresh_server):
    server = fresh_server()
    time.sleep(5)
    kilobytes = {
        f"{pid} {command}": proportional_kilobytes(pid)
        for pid, command in server.pids().items()
        if "postgres" not in command.split(" ")[0]
    }

    print(kilobytes)
    assert len(kilobytes) == 5  # supervisor, two of web, sealer, worker
    assert sum(kilobytes.values()) < 450_000, kilobytes


def proportional_kilobytes(pid: int) -> int:
    """Return the memory of a process, its share of what it has in common with others included (PSS)."""
    return int(re.search(r"^Pss: +(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE).group(1))
