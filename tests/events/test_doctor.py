import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection as django_connection
from django.utils import timezone

from eventlane.configuration import MIB
from eventlane.free_space import free_bytes
from events.doctor import machine
from events.doctor.database import check_clock
from events.doctor.examine import examine
from events.doctor.finding import OK, PROBLEM, WARNING
from events.doctor.journal import check_journal, check_sealer
from events.doctor.lake import check_event_times, check_lake
from events.doctor.machine import check_debug, check_proxies, check_secret_key, check_versions
from events.doctor.services import check_syslog, check_triggers, check_workers
from events.journal import claim_closed
from events.lake.incidents import end_incidents, note_incident
from events.models import TriggerMatch, UnreadTimes
from events.syslog.status import Status, write_status
from pipelines.models import Resource, Subscription
from projects.api_keys import issue_api_key, revoke_api_key
from projects.models import Account
from tests.factories import make_house
from tests.server import ROOT, Server

NAMES = [
    "versions",
    "debug",
    "secret key",
    "proxies",
    "disk",
    "journal",
    "database",
    "migrations",
    "clock",
    "installation",
    "lake",
    "lake files",
    "sealer",
    "ledger",
    "event times",
    "workers",
    "triggers",
    "syslog",
    "tasks",
]


@pytest.fixture
def connection() -> Iterator["psycopg.Connection[Any]"]:
    with psycopg.connect(django_settings.DATABASE_URL, autocommit=True) as opened:
        yield opened


def only(results: Any) -> tuple[str, str, str]:
    (found,) = results
    return (*found, "")[:3]


def run_doctor(home: Path, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"EVENTLANE_HOME": str(home), **settings}
    command = [sys.executable, str(ROOT / "manage.py"), "doctor", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def make_journal_file(folder: Path, age_seconds: float) -> None:
    """Create an empty journal file whose name says that it was created at that time."""
    folder.mkdir(exist_ok=True)
    (folder / f"test-{UUID(int=round((time.time() - age_seconds) * 1000) << 80).hex}.journal").touch()


def test_running_platform_is_well(server: Server) -> None:
    server.post("/v1/logs/doctor", b'[{"a":1}]')
    done = server.manage("doctor")
    lines = done.stdout.splitlines()
    assert [line[8:].startswith(name) for line, name in zip(lines, NAMES, strict=True)] == [True] * len(NAMES)
    assert {line.split()[0] for line in lines if not line[8:].startswith(("disk", "lake", "workers"))} == {OK}
    assert "PostgreSQL 18" in done.stdout and "0 files" not in done.stdout
    assert "\x1b" not in done.stdout and "✓" not in done.stdout


def test_json_says_the_same(server: Server) -> None:
    done = server.manage("doctor", "--json", check=False)
    findings = json.loads(done.stdout)
    assert done.returncode == any(finding["state"] == PROBLEM for finding in findings), done.stdout
    assert [finding["check"] for finding in findings] == NAMES
    assert all(set(finding) == {"check", "state", "message", "advice"} for finding in findings)


@pytest.mark.parametrize("listens", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["refused", "silent"])
def test_without_the_database_the_rest_is_still_checked(tmp_path: Path, listens: bool) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listens:
            silent.listen()  # takes the connection and never says a word
        url = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        done = run_doctor(tmp_path, "--json", DATABASE_URL=url)
    assert done.returncode == 1 and done.stderr == ""
    states = {finding["check"]: finding["state"] for finding in json.loads(done.stdout)}
    assert list(states) == NAMES
    assert states["database"] == PROBLEM
    assert [states[name] for name in ("versions", "secret key", "journal")] == [OK] * 3
    assert [states[name] for name in ("migrations", "clock", "lake")] == [WARNING] * 3


def test_database_that_was_never_set_up_is_a_problem(tmp_path: Path, connection: "psycopg.Connection[Any]") -> None:
    name = f"empty_{time.time_ns()}"
    connection.execute(f"CREATE DATABASE {name}")
    try:
        url = django_settings.DATABASE_URL.replace(f"/{connection.info.dbname}?", f"/{name}?")
        done = run_doctor(tmp_path, DATABASE_URL=url)
    finally:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert done.returncode == 1
    assert "problem migrations   not applied: " in done.stdout and "projects.0001_initial" in done.stdout
    assert "→ run `manage.py set_up`" in done.stdout
    assert "ok      lake" in done.stdout


def test_check_that_crashes_is_a_problem_and_not_the_end(settings: Any) -> None:
    settings.EVENTLANE_JOURNAL = None
    settings.DATABASE_URL = "postgresql://nobody@127.0.0.1:1/none"
    findings = {finding.check: finding for finding in examine()}
    assert list(findings) == NAMES
    assert findings["journal"].state == PROBLEM
    assert "the check failed: " in findings["journal"].message


def test_command_ends_with_1_for_a_problem_and_0_for_a_warning(server: Server) -> None:
    free = free_bytes(server.home) // MIB
    for least, status, word in [(1, 0, "ok"), (free * 3 // 4, 0, "warning"), (free * 2, 1, "problem")]:
        server.environment["EVENTLANE_MIN_FREE_MB"] = str(least)
        try:
            done = server.manage("doctor", check=False)
        finally:
            del server.environment["EVENTLANE_MIN_FREE_MB"]
        assert done.returncode == status, done.stdout
        assert f"\n{word:<8}disk" in done.stdout
        assert ("events are refused" in done.stdout, "shorten a dataset's retention" in done.stdout) == (
            word != "ok",
        ) * 2


def test_journal_that_cannot_be_written_is_a_problem(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "file").touch()
    settings.EVENTLANE_JOURNAL = tmp_path / "file" / "journal"
    state, message, advice = only(check_journal())
    assert state == PROBLEM and "can't be written: Not a directory" in message and advice


@pytest.mark.parametrize(("age", "state"), [(0, OK), (50, OK), (300, WARNING), (2 * 3600, PROBLEM)])
def test_old_backlog_without_a_failure_says_that_nobody_seals(
    tmp_path: Path, settings: Any, db: None, age: float, state: str
) -> None:
    settings.EVENTLANE_JOURNAL = tmp_path / "journal"
    make_journal_file(tmp_path / "journal", age)
    for check in (check_journal(), check_sealer(None)):
        found, message, advice = only(check)
        assert (found, bool(advice)) == (state, state != OK)
    assert ("doesn't run" in message) == (state != OK)


def test_sealing_that_fails_is_said_with_its_reason(tmp_path: Path, settings: Any, db: None) -> None:
    settings.EVENTLANE_JOURNAL = tmp_path
    make_journal_file(tmp_path, 300)
    (name,) = [path.stem for path in tmp_path.iterdir()]
    note_incident("", "IOException: the bucket is gone")
    state, message, advice = only(check_sealer(None))
    assert state == PROBLEM and "can't seal anything" in message and "the bucket is gone" in message and advice
    end_incidents([])
    note_incident(name, "a strange file")
    note_incident("sealed-by-now", "an old story")
    state, message, advice = only(check_sealer(None))
    assert state == WARNING and name in message and "a strange file" in message and advice


def test_incidents_of_other_nodes_are_not_this_ones(tmp_path: Path, settings: Any, db: None) -> None:
    settings.EVENTLANE_JOURNAL, here = tmp_path, settings.EVENTLANE_NODE
    settings.EVENTLANE_NODE = "elsewhere"
    note_incident("", "the bucket is gone")
    settings.EVENTLANE_NODE = here
    assert only(check_sealer(None))[0] == OK


def test_foreign_files_in_the_journal_are_named(tmp_path: Path, settings: Any) -> None:
    settings.EVENTLANE_JOURNAL = tmp_path
    for number in range(5):
        (tmp_path / f"notes{number}.journal").write_text("not an event")
    backlog, (state, message, advice) = check_journal()
    assert backlog[0] == OK and state == WARNING and advice
    assert f"{tmp_path / 'notes0.journal'} (its name is not" in message and "and 2 more" in message


def test_damaged_file_that_was_set_aside_is_named_with_what_is_missing(tmp_path: Path, settings: Any) -> None:
    settings.EVENTLANE_JOURNAL = tmp_path
    make_journal_file(tmp_path, 10)
    (path,) = tmp_path.iterdir()
    path.write_bytes(b"no frame in here")
    for file in claim_closed(tmp_path):
        with file:
            file.retire()
    backlog, (state, message, advice) = check_journal()
    assert backlog[0] == OK and state == WARNING and advice
    assert str(tmp_path / "damaged" / path.name) in message and "its 16 bytes contain no whole frame" in message


def test_secret_key_that_others_can_read_is_a_problem(tmp_path: Path, settings: Any) -> None:
    settings.EVENTLANE_HOME = tmp_path
    file = tmp_path / "secret_key"
    file.touch(mode=0o600)
    assert only(check_secret_key())[0] == OK
    for mode in (0o640, 0o604, 0o620):
        file.chmod(mode)
        state, _, advice = only(check_secret_key())
        assert (state, advice) == (PROBLEM, f"chmod 600 {file}")
    settings.SECRET_KEY = "short"
    assert only(check_secret_key())[0] == WARNING


@pytest.mark.parametrize(
    ("debug", "bind", "state"),
    [
        (False, "0.0.0.0:80", OK),
        (True, "127.0.0.1:80", WARNING),
        (True, "[::1]:80", WARNING),
        (True, "0.0.0.0:80", PROBLEM),
    ],
)
def test_debug_on_a_reachable_address_is_a_problem(settings: Any, debug: bool, bind: str, state: str) -> None:
    settings.DEBUG, settings.EVENTLANE_BIND = debug, bind
    assert only(check_debug())[0] == state


@pytest.mark.parametrize(
    ("url", "proxies", "state"),
    [
        ("http://events.example.com", 0, OK),
        ("https://events.example.com", 0, WARNING),
        ("https://e.example.com", 1, OK),
    ],
)
def test_proxy_that_is_not_believed_is_a_warning(settings: Any, url: str, proxies: int, state: str) -> None:
    settings.EVENTLANE_PUBLIC_URL, settings.EVENTLANE_PROXIES = url, proxies
    assert only(check_proxies())[0] == state


def test_package_beside_its_pin_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert only(check_versions())[0] == OK
    (tmp_path / "requirements.txt").write_text("# pins\nDjango==4.2.1\npsycopg[binary,pool]==3.3.9\nnowhere==1.0\n")
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    state, message, advice = only(check_versions())
    assert state == WARNING and "instead of 4.2.1, nowhere none instead of 1.0" in message
    assert advice == "pip install -r requirements.txt"


Clock = Callable[[float], None]


@pytest.fixture
def database_clock(connection: "psycopg.Connection[Any]") -> Iterator[Clock]:
    """Set what `clock_timestamp()` says in this connection, in seconds from the truth."""

    def set_clock(seconds: float) -> None:
        connection.execute(
            "CREATE OR REPLACE FUNCTION doctor_test.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
            f" AS $$ SELECT pg_catalog.clock_timestamp() + interval '{seconds} s' $$"
        )

    connection.execute("CREATE SCHEMA doctor_test; SET search_path = doctor_test, pg_catalog")
    yield set_clock
    connection.execute("DROP SCHEMA doctor_test CASCADE")


@pytest.mark.parametrize(("skew", "state"), [(0, OK), (1.5, OK), (-1.5, OK), (3, PROBLEM), (-3, PROBLEM)])
def test_skew_to_the_databases_clock(
    connection: "psycopg.Connection[Any]", database_clock: Clock, skew: float, state: str
) -> None:
    database_clock(skew)
    found, message, _ = only(check_clock(connection))
    assert found == state
    assert abs(float(message.split(" s apart")[0]) - abs(skew)) < 0.45


def test_clock_that_was_set_back_is_a_problem(
    tmp_path: Path, settings: Any, connection: "psycopg.Connection[Any]"
) -> None:
    settings.EVENTLANE_JOURNAL = tmp_path
    make_journal_file(tmp_path, age_seconds=-600)
    state, message, _ = only(check_clock(connection))
    assert state == PROBLEM and "the clock was set back" in message


def test_lake_path_that_cannot_be_written_is_a_problem(
    tmp_path: Path, settings: Any, connection: "psycopg.Connection[Any]"
) -> None:
    (tmp_path / "file").touch()
    settings.EVENTLANE_LAKE_PATH = str(tmp_path / "file" / "lake")
    state, message, advice = only(check_lake(connection))
    assert state == PROBLEM and "can't be written" in message and advice


def test_no_worker(db: None) -> None:
    django_connection.ensure_connection()
    state, message, advice = only(check_workers(django_connection.connection))
    assert (state, message) == (WARNING, "none is running: timers don't tick, and 0 tasks wait")
    assert "manage.py work" in advice


def test_running_worker(server: Server) -> None:
    deadline = time.monotonic() + 30
    while True:
        found = {finding["check"]: finding for finding in json.loads(server.manage("doctor", "--json").stdout)}
        if found["workers"]["state"] == OK:
            return
        assert time.monotonic() < deadline, found


def test_event_times_tells_of_many_that_cannot_be_read(db: None) -> None:
    def check() -> tuple[str, str, str]:
        return only(check_event_times(None))

    dataset = make_house("acme", "alice").dataset
    assert check()[0] == OK
    row = UnreadTimes.objects.create(dataset=dataset, events=999)
    assert check()[0] == OK
    row.events = 12_000
    row.save()
    state, message, advice = check()
    assert (state, "acme-logs 12,000 until 20" in message, "docs/fields.md" in advice) == (WARNING, True, True)
    row.latest_time = timezone.now() - timedelta(days=2)
    row.save()
    assert check()[0] == OK


def test_triggers_tells_what_waits_and_what_was_lost(db: None) -> None:
    project = make_house("acme", "alice").project
    storm = Resource.objects.create(project=project, type="trigger", name="storm", spec={})
    Subscription.objects.create(trigger=storm, project=project, connector="dataset", event="logs", dropped_events=70)
    assert only(check_triggers(django_connection.connection))[0] == OK
    received = timezone.now() - timedelta(minutes=5)
    TriggerMatch.objects.bulk_create(
        TriggerMatch(trigger_id=storm.pk, dataset="logs", event_time=received, event=b"{}") for _ in range(1200)
    )
    state, message, advice = only(check_triggers(django_connection.connection))
    assert state == WARNING and "abort --queued --trigger" in advice
    assert "1,200 matching events wait (storm 1,200), the oldest for 0:05:0" in message
    assert "storm: 70 dropped, 0 over its rate limit" in message


def test_syslog_is_checked_with_its_key_and_what_it_shows(db: None, settings: Any, tmp_path: Path) -> None:
    def check() -> tuple[str, str, str]:
        return only(check_syslog(None))

    acme = make_house("acme", "alice")
    api_key, secret = issue_api_key(account=acme.admin, name="syslog", rights=["ingest"], project=acme.project)
    assert check()[:2] == (OK, "not listening")
    settings.EVENTLANE_HOME, settings.EVENTLANE_SYSLOG_UDP = tmp_path, "192.0.2.1:514"
    for key, dataset, wrong in (
        *(
            ("", "acme-logs", "is missing"),
            ("evl_x", "acme-logs", "is unknown"),
            (secret, "x", "reaches no dataset 'x'"),
        ),
        (make_key(acme.admin, "read"), "acme-logs", "may not ingest"),
    ):
        settings.EVENTLANE_SYSLOG_KEY, settings.EVENTLANE_SYSLOG_DATASET = key, dataset
        state, message, advice = check()
        assert (state, wrong in message, "create_api_key" in advice) == (PROBLEM, True, True), message
    settings.EVENTLANE_SYSLOG_KEY = secret
    assert check()[:2] == (PROBLEM, "nothing listens on UDP 192.0.2.1:514")
    write_status(Status(connections=0, received=1200, waiting=3, refused=0, dropped=0))
    assert check()[:2] == (OK, "listening on UDP 192.0.2.1:514: 1,200 lines received since the start, 3 of them wait")
    write_status(Status(connections=0, received=1200, waiting=3, refused=0, dropped=7))
    assert check()[:2] == (WARNING, "7 lines over UDP were dropped and 0 refused since the start")
    os.utime(tmp_path / "syslog.json", (0, 0))
    assert check()[0] == PROBLEM
    revoke_api_key(api_key=api_key, now=timezone.now())
    assert "was revoked" in check()[1]


def make_key(account: Account, right: str) -> str:
    return issue_api_key(account=account, name=right, rights=[right])[1]
