"""PostgreSQL goes away and comes back while sealer and tail run."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from eventlane.embedded_postgres import running_postgres
from events.journal import JournalWriter, new_batch
from tests.events.lake.test_tail import read_line
from tests.postgres import scratch_home
from tests.server import ROOT
from tests.waiting import wait_until

pytestmark = pytest.mark.drill


@pytest.fixture
def home() -> Iterator[Path]:
    with ExitStack() as cleanup:
        folder = scratch_home()
        cleanup.callback(shutil.rmtree, folder, ignore_errors=True)
        yield folder


class Processes:
    """Management commands that run until the end of the test."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment, self.log = environment, log
        self.running: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a command; what it complains about goes to the log."""
        with self.log.open("a") as log:
            command = [sys.executable, str(ROOT / "manage.py"), *words]
            pipe = subprocess.PIPE
            process = subprocess.Popen(command, env=self.environment, stdout=pipe, stderr=log, text=True, bufsize=1)
        self.running.append(process)
        return process

    def stop(self) -> list[int]:
        """Tell all to stop; return how they ended."""
        for process in self.running:
            process.send_signal(2)
        codes = [process.wait(20) for process in self.running]
        for process in self.running:
            assert process.stdout
            process.stdout.close()
        return codes


def test_restart_of_the_database(home: Path) -> None:
    journal = home / "journal"
    writer = JournalWriter(journal, "node-a", 1 << 20, 3600)
    environment = os.environ | {"EVENTLANE_HOME": str(home), "EVENTLANE_NODE": "node-a"}

    def write(number: int) -> None:
        text = json.dumps({"n": number}).encode()
        writer.append(new_batch(dataset, "web", "", [text], [len(text)]))
        writer.close()

    def number_shown() -> int:
        line = read_line(tail.stdout, 30)
        return json.loads(line)["event"]["n"]

    with running_postgres(home) as url:
        environment["DATABASE_URL"] = url
        processes = Processes(environment, home / "log")
        subprocess.run(
            [sys.executable, str(ROOT / "manage.py"), "set_up"], env=environment, check=True, capture_output=True
        )
        with psycopg.connect(url) as connection:
            [dataset] = connection.execute("SELECT id FROM events_dataset").fetchone() or [""]
        processes.start("seal", "--forever")
        tail = processes.start("tail", "logs", "--follow", "--json")
        write(1)
        assert number_shown() == 1
        wait_until(lambda: not list(journal.glob("*.journal")))
    write(2)
    wait_until(lambda: "sealing failed; trying again" in (home / "log").read_text())
    assert len(list(journal.glob("*.journal"))) == 1
    with running_postgres(home):
        assert number_shown() == 2
        wait_until(lambda: not list(journal.glob("*.journal")))
        write(3)
        assert number_shown() == 3
        wait_until(lambda: not list(journal.glob("*.journal")))
        assert read_line(tail.stdout, 1.0) == ""
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT count(*) FROM events_quarantinecount").fetchone() == (0,)
        assert processes.stop() == [0, 0]
    log = (home / "log").read_text()
    assert log.count("sealing failed; trying again") == log.count("sealing works again") == 1, log
    assert log.count("waiting for the database") == 1 and "Traceback" not in log, log
