"""Triggers on datasets and hooks in the whole platform: in time, and exactly once whatever is killed."""

import json
import os
import signal
import time
from collections import Counter
from typing import Any

import psycopg
import pytest

from events.drill.sender import Sender
from tests.automation import Automation, local_settings
from tests.server import Server

TASK = {
    "type": "task",
    "version": 1,
    "name": "nothing",
    "data": {"runtime": {"name": "none"}, "steps": []},
}
PIPELINE = {
    "type": "pipeline",
    "version": 1,
    "name": "handle",
    "data": {"concurrent": True, "tasks": [{"task": "nothing"}]},
}
FIRE_SECONDS = 2.0


def call(server: Server, method: str, path: str, body: Any = None, project: str = "") -> Any:
    """Call the platform API with a key that reads and writes; return the reply's JSON."""
    headers = {"authorization": f"Bearer {server.keys['all']}"} | (
        {"x_eventline_project_id": project} if project else {}
    )
    response = server.request(method, f"/v0{path}", None if body is None else json.dumps(body).encode(), **headers)
    assert response.status < 300, response.data
    return json.loads(response.data) if response.data else None


def deploy(server: Server, *triggers: dict[str, Any]) -> str:
    """Deploy triggers that start a pipeline with one task; return the project's id."""
    project = call(server, "GET", "/projects/name/main")["id"]
    specs = [
        {"type": "trigger", "version": 1, "name": f"t{number}", "data": {**trigger, "pipelines": ["handle"]}}
        for number, trigger in enumerate(triggers)
    ]
    call(server, "PUT", f"/projects/id/{project}/resources", {"specs": [*specs, PIPELINE, TASK]})
    return project


def fired(server: Server) -> list[dict[str, Any]]:
    """Return the data of the platform events that have exactly the pipeline they should."""
    with psycopg.connect(server.database_url) as connection:
        rows = connection.execute(
            "SELECT event.data, count(pipeline.id) FROM projects_platformevent AS event"
            " LEFT JOIN projects_pipeline AS pipeline ON pipeline.event_id = event.id GROUP BY event.id, event.data"
        ).fetchall()
    assert {count for _, count in rows} <= {1}
    return [data for data, _ in rows]


@pytest.mark.alone
def test_trigger_fires_within_two_seconds_of_the_202(fresh_server):
    server = fresh_server()
    server.post("/v1/logs/web", [{"level": "error", "n": "before the trigger was there"}])
    deploy(server, {"connector": "dataset", "event": "logs", "filters": [{"path": "/level", "is_equal_to": "error"}]})
    waits = []
    for number in range(5):
        assert server.post("/v1/logs/web", [{"level": "info"}, {"level": "error", "n": number}]).status == 202
        accepted = time.monotonic()
        server.wait_until(lambda number=number: len(fired(server)) == number + 1, "the trigger fires", FIRE_SECONDS)
        waits.append(time.monotonic() - accepted)
        time.sleep(0.3)
    assert [data["n"] for data in sorted(fired(server), key=lambda data: data["n"])] == [0, 1, 2, 3, 4]
    assert max(waits) < FIRE_SECONDS, waits


@pytest.mark.drill
def test_every_matching_event_fires_once_though_everything_is_killed(fresh_server):
    """The sealer alone, again and again, and then all of it at once, while events come in."""
    server = fresh_server(EVENTLANE_JOURNAL_MAX_AGE_SECONDS="0.5", EVENTLANE_SEAL_INTERVAL_SECONDS="0.2")
    deploy(server, {"connector": "dataset", "event": "logs", "filters": [{"path": "/n", "matches": "0$"}]})
    acknowledged: set[str] = set()
    for power_cut in (True, True, False):
        with Sender(server, "kills", threads=1, events=1) as sender:
            for _ in range(2):
                enough = len(sender.acknowledged) + 120
                server.wait_until(lambda: len(sender.acknowledged) >= enough, "events come in", 60)  # noqa: B023
                for pid in server.pids_of("seal --forever"):
                    os.kill(pid, signal.SIGKILL)
                server.wait_until(lambda: server.pids_of("seal --forever"), "the sealer is back")
            if power_cut:
                server.kill()
        acknowledged |= sender.acknowledged
        if power_cut:
            server.start()
    matching = {name for name in acknowledged if name.endswith("0")}
    assert len(matching) > 50
    server.wait_until(lambda: matching <= {data["n"] for data in fired(server)}, "every match has fired", 60)
    assert_once(server)
    server.wait_until(lambda: not list((server.home / "journal").glob("*.journal")), "all is sealed", 60)
    time.sleep(2)
    assert_once(server)


def assert_once(server: Server) -> None:
    doubled = {name: count for name, count in Counter(data["n"] for data in fired(server)).items() if count > 1}
    assert not doubled


@pytest.mark.slow
def test_hook_of_a_deployed_trigger_takes_what_is_sent(fresh_server):
    server = fresh_server()
    project = deploy(server, {"connector": "webhook", "event": "order"})
    [hook] = call(server, "GET", "/hooks", project=project)["elements"]
    path = hook["address"].removeprefix(server.url) + "/order"
    response = server.request("POST", path, b'{"total": 12}')
    assert (response.status, response.data) == (202, b'{"events": 1}')
    assert fired(server) == [{"total": 12}]
    assert server.request("POST", path.replace("/hooks/", "/hooks/x"), b"{}").status == 404
    assert hook["address"].rpartition("/")[2] not in server.log


@pytest.mark.slow
def test_numbers_keep_their_digits_from_the_event_to_the_task(fresh_server):
    server = fresh_server(**local_settings())
    automation = Automation(server)
    task = TASK | {"data": {"runtime": {"name": "local"}, "steps": [{"code": 'cat "$EVENTLINE_CONTEXT_PATH"'}]}}
    data = {"connector": "dataset", "event": "logs", "filters": [{"path": "/n", "is_equal_to": 1.1}]}
    spec = {"type": "trigger", "version": 1, "name": "t", "data": data | {"pipelines": ["handle"]}}
    automation.deploy(spec, PIPELINE, task)

    event = b'[{"n":1.10,"id":12345678901234567890123,"pi":-0.1234567890123456789}]'
    shown = '"data":{"n":1.1,"id":12345678901234567890123,"pi":-0.1234567890123456789}'
    assert server.post("/v1/logs/web", event).status == 202

    automation.wait_until(lambda: automation.call("GET", "/pipelines")["elements"], "the trigger fires")
    [started] = automation.call("GET", "/pipelines")["elements"]
    automation.wait_for(started["id"], "successful")
    assert shown in automation.output(started["id"])
    for answer in (
        automation.send("GET", f"/events/id/{started['event_id']}"),
        automation.send("POST", f"/events/id/{started['event_id']}/replay"),
    ):
        assert shown in answer.data.decode()
