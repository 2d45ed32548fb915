"""A node with its own journal and lake for each test, in the session's PostgreSQL."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
from django.db import connection

from events.journal import JournalWriter, new_batch
from events.journal.format import first_id
from events.lake.connection import Lake
from events.lake.partial import read_around
from events.lake.query import EventQuery, EventRow, newest
from events.lake.seal import Sealed
from events.lake.sealer import Sealer
from events.lake.snapshot import open_snapshot
from events.models import Dataset
from projects.models import Project
from tests.events.lake.empty_catalog import make_catalog
from tests.factories import make_project
from tests.server import ROOT


class Node:
    """One EVENTLANE_HOME with its journal; nodes of one test share PostgreSQL and the lake.

    Its sealer and what it reads with stay attached to the lake, as those of a running platform do: attaching takes half
    of the time that sealing or finding a few events does.
    """

    def __init__(self, home: Path, lake_path: Path, schema: str, dataset: Dataset) -> None:
        self.home, self.lake_path, self.schema, self.dataset = home, lake_path, schema, dataset
        self.journal = home / "journal"
        self.writer = JournalWriter(self.journal, f"node-{home.name}", 32 << 20, 3600)
        self._sealer = Sealer(self.journal)
        self._reader: Lake | None = None

    def write(
        self,
        *texts: "str | bytes",
        namespace: str = "web",
        service: str = "",
        dataset: "Dataset | None" = None,
        age: timedelta | None = None,
        token: bytes = b"",
        key: str = "",
    ) -> None:
        """Store one batch of events in the journal, as if it had been received `age` ago."""
        events = [text if isinstance(text, bytes) else text.encode() for text in texts]
        lengths = [len(event) for event in events]
        batch = new_batch((dataset or self.dataset).id, namespace, service, events, lengths, key, token)
        if age is not None:
            received_us = batch.received_us - round(age.total_seconds() * 1e6)
            batch = replace(batch, received_us=received_us, first_id=first_id(received_us * 1000))
        self.writer.append(batch)

    def seal(self) -> Sealed:
        """Close the journal file and seal all closed files."""
        self.writer.close()
        make_catalog()
        return reduce(add, self._sealer.seal_available(), Sealed())

    def rows(self, **query: Any) -> list[EventRow]:
        """Find events of the node's dataset, all of them unless the query has a limit."""
        asked = EventQuery(**{"dataset": self.dataset, "limit": None} | query)

        def find(lake: Lake) -> list[EventRow]:
            with open_snapshot(lake, [asked.dataset], asked.conditions()) as snapshot:
                return list(newest(snapshot, asked))

        def find_around_damage() -> list[EventRow]:
            self._reader = self._reader or Lake(read_only=True)
            return read_around(self._reader, [asked.dataset.table_name], find)[0]

        try:
            return find_around_damage()
        except duckdb.Error:  # it may have lost its connection
            self._close_reader()
            return find_around_damage()

    def close(self) -> None:
        """Close its files and connections; the next use opens them again, as after a restart."""
        self.writer.close()
        self._sealer.close()
        self._close_reader()

    def _close_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def events(self, **query: Any) -> list[str]:
        """Find events' texts."""
        return [row.event for row in self.rows(**query)]

    def quarantine(self) -> list[tuple[Any, ...]]:
        """Return reason and bytes of each entry in quarantine."""
        with Lake() as lake:
            return lake.execute("SELECT reason, event FROM lake.main.quarantine ORDER BY id")

    def files(self) -> list[str]:
        """Return the names of the journal files there are."""
        return sorted(path.name for path in self.journal.glob("*.journal"))

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process of this node."""
        return os.environ | {
            "DATABASE_URL": _database_url(),
            "EVENTLANE_HOME": str(self.home),
            "EVENTLANE_LAKE_PATH": str(self.lake_path),
            "EVENTLANE_LAKE_SCHEMA": self.schema,
            "EVENTLANE_NODE": f"node-{self.home.name}",
            "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}",
        }

    def command(self, *words: str) -> dict[str, Any]:
        """Return what subprocess needs to run a management command on this node."""
        return {"args": [sys.executable, str(ROOT / "manage.py"), *words], "env": self.environment}

    def manage(self, *words: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run a management command as a process of this node."""
        done = subprocess.run(**self.command(*words), capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, done.stderr
        return done


def _database_url() -> str:
    """Return the address of the test's database, for processes that the test starts."""
    database = connection.settings_dict
    user = quote(database["USER"], safe="")
    password = f":{quote(database['PASSWORD'], safe='')}" if database["PASSWORD"] else ""
    host, port = quote(database["HOST"], safe=""), database["PORT"]
    return f"postgresql://{user}{password}@/{database['NAME']}?host={host}" + (f"&port={port}" if port else "")


@pytest.fixture
def project(transactional_db: None) -> Project:
    return make_project("main")


@pytest.fixture
def node(project: Project, settings: Any, tmp_path: Path) -> Iterator[Node]:
    """Return a node with one dataset; this process is of the node."""
    settings.EVENTLANE_LAKE_SCHEMA = f"lake_{uuid.uuid4().hex[:12]}"
    settings.EVENTLANE_LAKE_PATH = str(tmp_path / "lake")
    settings.EVENTLANE_HOME = tmp_path / "a"
    settings.EVENTLANE_JOURNAL = tmp_path / "a" / "journal"
    settings.EVENTLANE_NODE = "node-a"
    dataset = Dataset.objects.create(project=project, name="logs", retention_days=30)
    node = Node(tmp_path / "a", tmp_path / "lake", settings.EVENTLANE_LAKE_SCHEMA, dataset)
    yield node
    node.close()
    with connection.cursor() as cursor:
        cursor.execute(f'DROP SCHEMA IF EXISTS "{settings.EVENTLANE_LAKE_SCHEMA}" CASCADE')


@pytest.fixture
def other_node(node: Node) -> Iterator[Node]:
    """Return a second node on the same PostgreSQL and lake."""
    other = Node(node.home.parent / "b", node.lake_path, node.schema, node.dataset)
    yield other
    other.close()
