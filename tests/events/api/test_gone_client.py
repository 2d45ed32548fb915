"""A query ends when its client goes away, and leaves its slot to others."""

import json
import random
import socket
import time
from typing import Any

import pytest

from eventlane.processes import processor_seconds
from events.lake import slots as module
from events.lake.deadline import QueryCancelled
from events.lake.slots import QuerySlots
from tests.events.duckdb_processes import duckdb_processes
from tests.events.lake.conftest import Node
from tests.platform_api import ApiClient
from tests.waiting import wait_until

# RE2 needs a microsecond for a character of such a text, all in all 5 s. DuckDB can stop after each 2,048 events.
SLOW = [{"path": "message", "op": "matches", "value": f"a[ab]{{{length}}}c"} for length in (30, 40, 50)]
EVENTS, CHARACTERS = 14_000, 120


class WatchedSlots(QuerySlots):
    """Slots that remember how their queries ended."""

    def __init__(self) -> None:
        super().__init__(1)
        self.errors: list[BaseException] = []

    def run(self, work: Any, owner: str = "") -> Any:
        try:
            return super().run(work, owner)
        except BaseException as error:
            self.errors.append(error)
            raise


def test_query_whose_client_has_gone_ends(
    node: Node, client: ApiClient, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(1)
    node.write(*[json.dumps({"message": "".join(chance.choices("ab", k=CHARACTERS))}) for _ in range(EVENTS)])
    slots = WatchedSlots()
    monkeypatch.setattr(module, "slots", slots)
    query = {"datasets": ["logs"], "calculations": [{"op": "count"}]}
    used = seconds_of_queries()
    with connected(port) as connection:
        connection.sendall(request(client, query | {"filters": [{"or": SLOW}]}))
        wait_until(lambda: slots._running and seconds_of_queries() > used + 1.5)
        assert not slots.errors
    wait_until(lambda: slots.errors)
    assert isinstance(slots.errors[0], QueryCancelled)
    assert client.post("/query", query).json()["rows"] == [[EVENTS]]
    slots.close()


def seconds_of_queries() -> float:
    return sum(map(processor_seconds, duckdb_processes()))


def connected(port: int) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.01)


def request(client: ApiClient, query: dict[str, Any]) -> bytes:
    body = json.dumps(query)
    head = "POST /v0/query HTTP/1.1", f"Authorization: Bearer {client.secret}", "Content-Type: application/json"
    assert client.project
    project = f"X-Eventline-Project-Id: {client.project.pk}"
    return "\r\n".join([*head, project, "Host: localhost", f"Content-Length: {len(body)}", "", body]).encode()
