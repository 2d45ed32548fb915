"""One run of the published clients against one server."""

import json
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.clients.catalog import Client
from tests.clients.daemons import require_daemons, run_daemon
from tests.clients.page import run_page
from tests.clients.running import TEXTS, Outcome, run_program
from tests.server import ROOT, Server

AT_ONCE = 4  # programs; they mostly wait
DATASETS = ("logs", "traces", "metrics")


class Session:
    """Runs clients, and looks up what they stored.

    folder   where the programs and npm's packages are
    """

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.prefix = f"clients-{time.time_ns()}"
        words = ("create_api_key", self.prefix, "--rights", "ingest", "--project", "main", "--answer-200")
        self.key_200 = server.manage(*words).stdout.strip()

    def run(self, clients: Sequence[Client]) -> dict[Client, Outcome]:
        """Run all of them, some at a time."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(clients, pool.map(self._run, clients), strict=True))

    def run_page(self, client: Client, browser: Browser) -> Outcome:
        """Run the client that needs a browser."""
        return run_page(browser, self.folder, self.server.url, self._environment(client))

    def run_daemons(self, clients: Sequence[Client]) -> dict[Client, Outcome]:
        """Run Debian's log daemons, some at a time."""
        require_daemons()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return dict(zip(clients, pool.map(self._run_daemon, clients), strict=True))

    def _run_daemon(self, client: Client) -> Outcome:
        def have_arrived() -> bool:
            return len(self._of(client, self._rows("logs"))) >= len(TEXTS)

        return run_daemon(client.name, self.server.url, self._environment(client), have_arrived)

    def _run(self, client: Client) -> Outcome:
        folder = self.folder if client.words[0] == "node" else ROOT
        return run_program(client.words, self.server.url, self._environment(client), folder)

    def namespace(self, client: Client) -> str:
        """Return the namespace of its events; where it can't name one, that is their member `run`."""
        return f"{self.prefix}-{client.name}"

    def _environment(self, client: Client) -> dict[str, str]:
        keys = {"KEY": self.server.keys["ingest"], "KEY_200": self.key_200}
        return {**keys, "NAMESPACE": self.namespace(client), "NODE_NO_WARNINGS": "1", "PYTHONWARNINGS": "ignore"}

    def _rows(self, dataset: str) -> list[dict[str, Any]]:
        tail = self.server.manage("tail", dataset, "--from", "1h", "--json").stdout
        return [json.loads(line) for line in tail.splitlines() if self.prefix in line]

    def _of(self, client: Client, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        mine = self.namespace(client)
        return [row for row in rows if mine in (row["namespace"], _run_of(row["event"]))]

    def stored(
        self, clients: Iterable[Client], datasets: Iterable[str] = DATASETS
    ) -> dict[Client, list[dict[str, Any]]]:
        """Return the events of clients that are done, with their columns."""
        rows = [row for dataset in datasets for row in self._rows(dataset)]
        return {client: self._of(client, rows) for client in clients}


def _run_of(event: dict[str, Any]) -> Any:
    return event.get("run") or event.get("release") or event.get("properties", {}).get("run")
