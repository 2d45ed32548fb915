"""Events through /v0 of a running server: exactly once while they are sealed, and no crash without PostgreSQL."""

import base64
import json
import os
import signal
import threading
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.server import Server


class Reader:
    """Reads the dataset `logs` with its own key."""

    def __init__(self, server: Server) -> None:
        self.server = server
        key = server.manage("create_api_key", "reader", "--rights", "read").stdout.strip()
        self.headers = {"authorization": f"Bearer {key}"}
        self.headers["x_eventline_project_id"] = self.get("/v0/projects/name/main")[1]["id"]
        self.path = f"/v0/datasets/id/{self.get('/v0/datasets/name/logs')[1]['id']}/events"

    def get(self, path: str) -> tuple[int, Any]:
        response = self.server.request("GET", path, **self.headers)
        assert response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(response.data)

    def page(self, **query: Any) -> dict[str, Any]:
        status, page = self.get(f"{self.path}?{urlencode(query)}")
        assert status == 200, page
        return page


def walk(reader: Reader, is_over: threading.Event, **query: Any) -> list[int]:
    """Continue after the last event seen, even if there is no next page yet, until nothing more can come."""
    found: list[int] = []
    cursor: dict[str, Any] = {"size": 50}
    while True:
        last = is_over.is_set()
        page = reader.page(**cursor, **query)
        found += [element["event"]["n"] for element in page["elements"]]
        if "next" in page:
            cursor = page["next"]
        elif page["elements"]:
            cursor = {"size": 50, "after": base64.b64encode(page["elements"][-1]["id"].encode()).decode()}
        elif last:
            return found


@pytest.mark.slow
def test_walk_while_events_come_in_and_are_sealed(fresh_server) -> None:
    server = fresh_server(EVENTLANE_JOURNAL_MAX_AGE_SECONDS="0.5", EVENTLANE_SEAL_INTERVAL_SECONDS="0.2")
    reader = Reader(server)
    is_over = threading.Event()
    sent = [0]

    def send() -> None:
        end = time.monotonic() + 8
        while time.monotonic() < end:
            batch = [{"n": n} for n in range(sent[0], sent[0] + 20)]
            assert server.post("/v1/logs/walk", batch).status == 202
            sent[0] += len(batch)
            time.sleep(0.02)
        is_over.set()

    sender = threading.Thread(target=send)
    sender.start()
    found = walk(reader, is_over, namespace="walk")
    sender.join()
    assert sent[0] > 1000
    assert found == list(range(sent[0]))


@pytest.mark.slow
def test_database_that_is_killed(fresh_server) -> None:
    """Replies are errors in JSON while PostgreSQL is away, and pages again once it is back."""
    server = fresh_server()
    reader = Reader(server)
    assert server.post("/v1/logs/web", [{"n": 1}]).status == 202
    server.wait_until(lambda: not list((server.home / "journal").glob("*.journal")), "it is sealed")
    for _ in range(8):  # both processes have a lake attached
        assert len(reader.page()["elements"]) == 1
    [postgres] = server.pids_of("postgres -D")
    [supervisor] = server.pids_of("eventlane.supervisor")
    os.kill(supervisor, signal.SIGSTOP)  # else it is back before anybody noticed
    os.kill(postgres, signal.SIGKILL)
    seen = set()

    def status() -> int:
        status, body = reader.get(reader.path)
        seen.add((status, body.get("code")))
        return status

    server.wait_until(lambda: status() != 200, "PostgreSQL is away", 60)
    os.kill(supervisor, signal.SIGCONT)
    server.wait_until(lambda: status() == 200, "pages are served again", 60)
    assert seen <= {(200, None), (503, "service_unavailable"), (503, "lake_unavailable")}
    for _ in range(8):
        assert [element["event"] for element in reader.page()["elements"]] == [{"n": 1}]
