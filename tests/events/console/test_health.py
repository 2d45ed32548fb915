"""What the console says of sealing: incidents with their end, quarantine, backlog; nothing of others."""

import resource
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from events.console.health import incidents, is_late, quarantine
from events.journal import Backlog, backlog
from events.lake.connection import Lake
from events.lake.incidents import end_incidents, note_incident
from events.lake.sealer import Sealer
from events.lake.statistics import note_quarantine
from events.models import Dataset, QuarantineCount, SealerIncident
from events.syslog.status import Status, write_status
from projects.models import Account, Organization
from tests.console import logged_in
from tests.events.lake.conftest import Node
from tests.factories import make_account
from tests.waiting import wait_until


@pytest.fixture
def alice(node: Node) -> Client:
    return logged_in(make_account(node.dataset.project.organization, "alice", role=Account.Role.ADMIN))


def text(client: Client, path: str = "/console/system/") -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def run_sealer(node: Node, stop: threading.Event) -> threading.Thread:
    def run() -> None:
        Sealer(node.journal).run(stop)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_sealer_that_cannot_write_is_told_and_its_end_too(
    node: Node, alice: Client, settings: Any, tmp_path: Path
) -> None:
    good = settings.EVENTLANE_LAKE_PATH
    blocker = tmp_path / "blocker"
    blocker.write_text("a file where a folder should be")
    settings.EVENTLANE_LAKE_PATH = str(blocker / "lake")
    node.write("{}")
    node.writer.close()
    stop = threading.Event()
    sealer = run_sealer(node, stop)
    try:
        wait_until(SealerIncident.objects.exists)
        page = text(alice)
        assert "node-a can’t seal anything" in page and "safe in the journal" in page
        assert "NotADirectoryError" in page  # one organization: nobody else's events can be in the text
        settings.EVENTLANE_LAKE_PATH = good
        wait_until(lambda: SealerIncident.objects.exclude(end_time=None).exists())
    finally:
        stop.set()
        sealer.join()
    page = text(alice)
    assert "node-a could not seal anything" in page and "it works again" in page
    assert node.files() == []


def test_error_texts_are_kept_from_several_organizations(node: Node, alice: Client) -> None:
    Organization.objects.create(name="Umbrella")
    note_incident("node-a-1", "InvalidInputException: a piece of somebody's event")
    page = text(alice)
    assert "node-a can’t seal journal file node-a-1" in page and "somebody" not in page
    assert "log says why" in page


@pytest.mark.quick
def test_incident_of_one_file_ends_when_it_is_sealed(node: Node) -> None:
    note_incident("", "nothing works")
    note_incident("node-a-1", "strange")
    note_incident("node-a-1", "stranger")
    note_incident("node-a-2", "strange")
    assert SealerIncident.objects.count() == 3
    end_incidents(["node-a-1"])
    assert [incident.file_name for incident in SealerIncident.objects.filter(end_time=None)] == ["node-a-2"]
    assert SealerIncident.objects.get(file_name="node-a-1").error == "stranger"
    note_incident("node-a-1", "again")
    assert SealerIncident.objects.filter(file_name="node-a-1").count() == 2


def test_incident_without_news_is_not_told_as_lasting(node: Node) -> None:
    note_incident("node-a-1", "strange")
    [notice] = incidents(timezone.now())
    assert notice.kind == "danger"
    [notice] = incidents(timezone.now() + timedelta(minutes=10))
    assert notice.kind == "default" and "could not" in notice.title and "works again" not in notice.text
    assert incidents(timezone.now() + timedelta(days=2)) == []


def test_sealer_goes_on_though_nobody_can_be_told(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE events_sealertrouble RENAME TO hidden")
    try:
        node.write("{}")
        assert node.seal().events == 1
        assert node.files() == [] and "statistics could not be written" in caplog.text
        note_incident("", "and nobody to tell")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hidden RENAME TO events_sealertrouble")


def test_quarantine_is_told_by_dataset(node: Node, alice: Client) -> None:
    second = Dataset.objects.create(project=node.dataset.project, name="second")
    node.write(b'{"a":}', b"nonsense", "{}")
    node.write(b"nonsense", dataset=second)
    node.seal()
    assert {count.pk: count.entries for count in QuarantineCount.objects.all()} == {node.dataset.pk: 2, second.pk: 1}
    page = text(alice)
    assert "2 events of logs in quarantine" in page and "1 event of second in quarantine" in page
    assert "not valid JSON" in page
    with Lake() as lake:
        lake.execute("DELETE FROM lake.main.quarantine WHERE dataset_id = ?", [second.pk])
        note_quarantine(lake)
    assert [count.pk for count in QuarantineCount.objects.all()] == [node.dataset.pk]
    assert [notice.dataset for notice in quarantine(Dataset.objects.all())] == [node.dataset]


def test_events_dated_in_the_future_are_named(node: Node, alice: Client) -> None:
    assert "in the future" not in text(alice)
    node.write('{"n":1}', age=-timedelta(days=365))
    node.seal()
    page = text(alice)
    assert "Events of logs in the future" in page and "1 event is dated up to" in page


def test_quarantine_of_others_is_not_told(node: Node) -> None:
    node.write(b"nonsense")
    node.seal()
    umbrella = Organization.objects.create(name="Umbrella")
    charlie = logged_in(make_account(umbrella, "charlie", role=Account.Role.ADMIN))
    assert "quarantine</span>" not in text(charlie) and "logs" not in text(charlie, "/console/")


@pytest.mark.parametrize(("files", "seconds", "late"), [(0, 0.0, False), (3, 59.0, False), (3, 61.0, True)])
def test_backlog_is_late_when_no_sealer_works(files: int, seconds: float, late: bool) -> None:
    assert is_late(Backlog(files, 100, seconds)) == late


def test_backlog_is_shown(node: Node, alice: Client) -> None:
    node.write("{}")
    node.writer.close()
    node.write("{}")
    shown = alice.get("/console/system/").context["backlog"]
    assert (shown["files"], shown["late"]) == ("2", False)
    old = next(node.journal.glob("*.journal"))
    old.rename(old.with_name(f"node-a-{'0190' * 8}.journal"))  # its name says June 2024
    page = text(alice)
    assert "no sealer is processing the journal" in page and "ev-late" in page


def test_listener_for_syslog_is_shown(alice: Client, settings: Any, tmp_path: Path) -> None:
    assert "Syslog" not in text(alice)
    settings.EVENTLANE_HOME, settings.EVENTLANE_SYSLOG_TCP = tmp_path, "192.0.2.1:514"
    page = text(alice)
    assert "Syslog on TCP 192.0.2.1:514" in page and "not running on this node" in page
    write_status(Status(connections=1, received=12_000, waiting=4, refused=5, dropped=0))
    assert "12,000 lines received since its start, 4 waiting, 5 refused, 0 dropped" in text(alice)


def test_backlog_of_more_files_than_may_be_open(tmp_path: Path) -> None:
    for number in range(3000):
        (tmp_path / f"node-{number:032x}.journal").write_bytes(b"x" * 10)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, limits[1]))
    try:
        waiting = backlog(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert (waiting.files, waiting.bytes) == (3000, 30_000) and waiting.oldest_seconds > 1e9


@pytest.mark.parametrize(
    ("table", "words", "words_at_home"),
    [
        ("events_receivedcount", "Problems can't be shown right now.", "It can’t be told now whether all is well."),
        ("events_quarantinecount", "Problems can't be shown right now.", "It can’t be told now whether all is well."),
        ("events_sealertrouble", "Problems can't be shown right now.", "It can’t be told now whether all is well."),
    ],
)
def test_what_cannot_be_told_does_not_take_the_page_along(
    node: Node, alice: Client, table: str, words: str, words_at_home: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO hidden")
    try:
        for path in ("/console/system/", "/console/system/live/"):
            page = text(alice, path)
            assert words in page and "Events stored" in page
        page = text(alice, "/console/")
        assert words_at_home in page and "Create API key" in page
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE hidden RENAME TO {table}")


def test_broken_catalog_and_unreadable_journal_do_not_take_the_page_along(
    node: Node, alice: Client, settings: Any, tmp_path: Path
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA "{settings.EVENTLANE_LAKE_SCHEMA}"')
        cursor.execute(f'CREATE TABLE "{settings.EVENTLANE_LAKE_SCHEMA}".ducklake_table (nothing int)')
    settings.EVENTLANE_JOURNAL = tmp_path / "file"
    settings.EVENTLANE_JOURNAL.write_text("")
    response = alice.get("/console/system/")
    statistics = {title: value for title, value, *_ in response.context["statistics"]}
    assert statistics["Events stored"] == statistics["On disk"] == "?" and statistics["Datasets"] == "1"
    assert "The journal can't be read right now." in response.content.decode()
    assert "It can’t be told now whether all is well." in text(alice, "/console/")
