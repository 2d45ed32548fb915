"""A running platform whose tasks really run: local tasks in it, and a client of its platform API."""

import json
import os
import pwd
import time
from collections.abc import Callable
from typing import Any

import psycopg

from tests.server import Server

TASK_USER = "games"  # there on every system, and never the embedded database's
END_SECONDS = 30.0


def local_settings() -> dict[str, str]:
    """Return the settings that let a server run local tasks, as whatever user the tests run."""
    has_user = any(entry.pw_name == TASK_USER for entry in pwd.getpwall())
    return {"EVENTLANE_TASK_USER": TASK_USER} if os.geteuid() == 0 and has_user else {}


class Automation:
    """The platform API of a server, on its project `main`, where local tasks are allowed."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.key = server.keys["all"]
        self.project = self.call("GET", "/projects/name/main", project=False)["id"]
        self.execute_sql("UPDATE projects_project SET local_runtime = true")

    def execute_sql(self, statement: str, *values: Any) -> None:
        """Change the database behind the platform's back."""
        with psycopg.connect(self.server.database_url) as connection:
            connection.execute(statement, values)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database for what the API doesn't show."""
        with psycopg.connect(self.server.database_url) as connection:
            return connection.execute(statement, values).fetchall()

    def send(self, method: str, path: str, body: Any = None, *, project: bool = True, **headers: str) -> Any:
        """Send a request to /v0 + `path`; bytes go as they are, anything else as JSON. Return the response."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {"authorization": f"Bearer {self.key}"} | ({"x_eventline_project_id": self.project} if project else {})
        return self.server.request(method, f"/v0{path}", data, **named | headers)

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Send a request that is granted; return the reply's JSON."""
        response = self.send(method, path, body, **options)
        assert response.status < 300, response.data
        return json.loads(response.data) if response.data else None

    def deploy(self, *specs: dict[str, Any]) -> None:
        """Make these specs what the project has."""
        self.call("PUT", f"/projects/id/{self.project}/resources", {"specs": specs})

    def execute(self, name: str, **values: Any) -> list[str]:
        """Execute a command; return the ids of its pipelines."""
        command = self.call("GET", f"/resources/type/command/name/{name}")["id"]
        return list(self.call("POST", f"/commands/id/{command}/execute", {"parameters": values})["pipeline_ids"])

    def pipeline(self, pipeline_id: str) -> dict[str, Any]:
        """Return a pipeline as it is now."""
        return dict(self.call("GET", f"/pipelines/id/{pipeline_id}"))

    def tasks(self, pipeline_id: str) -> list[dict[str, Any]]:
        """Return a pipeline's tasks as they are now."""
        return list(self.call("GET", f"/tasks?pipeline_id={pipeline_id}&size=100")["elements"])

    def output(self, pipeline_id: str) -> str:
        """Return all that a pipeline's steps wrote so far."""
        steps = [self.call("GET", f"/tasks/id/{task['id']}/steps")["steps"] for task in self.tasks(pipeline_id)]
        return "".join(step["output"] for of_task in steps for step in of_task)

    def wait_for(self, pipeline_id: str, status: str, seconds: float = END_SECONDS) -> dict[str, Any]:
        """Wait until a pipeline has a status, and return it then; fail when it ends with another."""
        deadline = time.monotonic() + seconds
        while (found := self.pipeline(pipeline_id))["status"] != status:
            assert time.monotonic() < deadline, f"not {status} within {seconds:.0f} s: {found}"
            if found["status"] not in ("created", "started"):
                why = [task.get("failure_message", task["status"]) for task in self.tasks(pipeline_id)]
                raise AssertionError(f"{found}\n{why}\n{self.output(pipeline_id)}")
            time.sleep(0.1)
        return found

    def wait_for_output(self, pipeline_id: str, text: str) -> None:
        """Wait until a pipeline's steps have written a text."""
        self.wait_until(lambda: text in self.output(pipeline_id), f"the output has {text!r}")

    def wait_until(self, condition: Callable[[], Any], what: str, seconds: float = END_SECONDS) -> None:
        """Wait for a condition, or fail naming it."""
        self.server.wait_until(condition, what, seconds)
