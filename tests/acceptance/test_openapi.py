"""/v0/openapi.json is true: schemathesis sends what it allows and what it forbids to the running server."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.examples import examples
from tests.pipelines.resources.samples import command, pipeline, task, trigger
from tests.server import ROOT, Server

EXAMPLES = 10  # for each operation; a count and not a time, so that every machine tries the same
CONFIGURATION = """
[parameters]
"header.X-Eventline-Project-Id" = "{project}"
"path.dataset" = "logs"
"""
CHECKED = "--exclude-checks=positive_data_acceptance,negative_data_rejection"  # openapi_hooks.py has them, more exact


class Client:
    """What the test creates beforehand with its key, in its project."""

    def __init__(self, server: Server, key: str) -> None:
        self.server = server
        self.headers = {"authorization": f"Bearer {key}"}
        self.project = self.elements("/v0/projects")[0]["id"]
        self.headers["x_eventline_project_id"] = self.project
        [self.logs] = self.ids("/v0/datasets")

    def call(self, method: str, path: str, body: Any = None) -> Any:
        response = self.server.request(method, path, json.dumps(body).encode() if body else None, **self.headers)
        assert response.status < 300, response.data
        return json.loads(response.data) if response.data else None

    def elements(self, path: str) -> list[dict[str, Any]]:
        return self.call("GET", path)["elements"]

    def ids(self, path: str) -> list[str]:
        return [row["id"] for row in self.elements(path)]


def known_ids(client: Client) -> dict[str, list[str]]:
    """Make something of every kind; return ids, by what their paths begin with. All but the first may be deleted."""
    none = task(runtime={"name": "none"}, steps=[])
    hooked = trigger("hooked", connector="webhook", event="order")
    specs = [none, pipeline(concurrent=True), command(), trigger(), hooked]
    client.call("PUT", f"/v0/projects/id/{client.project}/resources", {"specs": specs})
    [row] = client.elements("/v0/resources?type=command")
    execution = client.call("POST", f"/v0/commands/id/{row['id']}/execute")
    secret = {"connector": "generic", "type": "password", "data": {"login": "alice", "password": "secret"}}
    made = {
        "/v0/projects": {},
        "/v0/datasets": {},
        "/v0/api_keys": {"rights": ["read"]},
        "/v0/identities": secret,
    }
    spare = {
        path: [client.call("POST", path, {"name": f"spare-{n}"} | body)["id"] for n in range(2)]
        for path, body in made.items()
    }
    return spare | {
        "/v0/accounts": client.ids("/v0/accounts"),
        "/v0/namespaces": client.ids(f"/v0/namespaces?dataset={client.logs}"),
        "/v0/hooks": client.ids("/v0/hooks"),
        "/v0/resources": [row["id"]],
        "/v0/commands": [row["id"]],
        "/v0/command_executions": [execution["id"]],
        "/v0/events": [execution["event_id"]],
        "/v0/pipelines": execution["pipeline_ids"],
        "/v0/tasks": client.ids("/v0/tasks"),
    }


@pytest.mark.drill
@pytest.mark.property
def test_server_does_what_the_description_says(fresh_server, tmp_path: Path) -> None:
    server = fresh_server()
    key = server.keys["all"]
    client = Client(server, key)
    spared = [client.project, client.logs, *client.ids("/v0/api_keys")]
    assert server.post("/v1/logs/web", [{"n": n} for n in range(50)]).status == 202
    server.wait_until(lambda: client.ids(f"/v0/namespaces?dataset={client.logs}"), "the namespace is there")
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION.format(project=client.project))
    done = subprocess.run(
        [
            Path(sys.executable).with_name("st"), "--no-color", "run", f"{server.url}/v0/openapi.json",
            "-H", f"Authorization: Bearer {key}", "-H", f"x-api-key: {server.keys['ingest']}",
            "--seed", "7", "--max-examples", str(examples(EXAMPLES)), "--continue-on-failure", "--checks=all", CHECKED,
            "--exclude-path-regex", "/tail$",  # its reply has no end
        ],
        cwd=tmp_path,
        env=server.environment
        | {
            "PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}",
            "SCHEMATHESIS_HOOKS": "tests.acceptance.openapi_hooks",
            "OPENAPI_KNOWN_IDS": json.dumps(known_ids(client)),
            "OPENAPI_SPARED_IDS": ",".join(spared),
        },
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5000:]
    assert "Authentication failed" not in done.stdout, done.stdout[-20_000:]
    assert "Traceback" not in server.log
