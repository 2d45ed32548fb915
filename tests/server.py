"""The whole platform as a user runs it: `manage.py up` on a scratch home, a port of its own, an embedded PostgreSQL.

Two fixtures, both a `Server`:

    server        one for the whole session, about 2 s once. For contract tests: make datasets, keys and namespaces of
                  your own in it, and never stop it.
    fresh_server  one for each test that asks. For tests that kill, stop or configure it; call it to start one. It
                  runs on a copy of a home that was started before; for the very first start, give it an empty home:
                  fresh_server(home=scratch_home()); to look at what a start does, fresh_server(started=False).

        def test_event_survives_a_crash(fresh_server):
            server = fresh_server(EVENTLANE_JOURNAL_MAX_AGE_SECONDS="1")     # any settings
            server.post("/v1/logs/demo", b'[{"a":1}]')                        # urllib3 response, ingest key sent
            server.kill()                                                     # -9 to every process of it
            server.start()                                                    # again, on the same home and port
            assert '"a":1' in server.manage("tail", "logs", "--json").stdout  # a command on the same home
            server.stop()                                                     # SIGTERM; returns the exit status

A test that fails shows the server's log.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from eventlane.banner import SECRETS_FILE
from eventlane.configuration import ROOT
from eventlane.scratch import ScratchPlatform, free_port
from tests.postgres import be_careless, made_once, scratch_home

__all__ = ["ROOT", "Server", "free_port", "fresh_server", "server"]


class Server(ScratchPlatform):
    """A running platform (what eventlane/scratch.py says, and these).

    email, password   the administrator's login
    keys["all"]       reads, writes and deploys; not of a home given
    """

    def __init__(
        self,
        home: Path | None = None,
        user: int | None = None,
        python: str = "",
        variables: dict[str, str] | None = None,
        started: bool = True,
        **settings: str,
    ) -> None:
        super().__init__(home or copy_of_prepared_home(), settings | (variables or {}), user=user, python=python)
        self.http = urllib3.PoolManager(retries=False, timeout=30)
        try:
            if started:
                self.start()
        except BaseException:
            self.close()
            raise

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """Send a request; `x_api_key="…"` becomes the header x-api-key."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, self.url + path, body=body, headers=named, redirect=False)

    def post(self, path: str, body: Any, **headers: str) -> urllib3.BaseHTTPResponse:
        """POST bytes as they are, anything else as JSON, with the ingest key unless another is given."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, data, **{"x_api_key": self.keys["ingest"], **headers})

    def close(self) -> None:
        """Stop it in whatever state it is, and remove everything it wrote."""
        super().close()
        self.http.clear()


def prepared_home() -> Path:
    """Return a home of this run whose first start is over: 5 s that a copy of it need not spend again."""
    return made_once("prepared", _prepare_home)


def _prepare_home(path: Path) -> None:
    first = Server(scratch_home())
    try:
        key = first.manage("create_api_key", "all", "--rights", "read,write,deploy").stdout.strip()
        be_careless(first.database_url)
        first.stop()
        with (first.home / SECRETS_FILE).open("a") as secrets:
            secrets.write(f"all key {key}\n")
        first.home.rename(path)
    finally:
        first.close()


def copy_of_prepared_home() -> Path:
    """Return a home that is ready to start, as if it had been moved here: it is an installation like any other."""
    home = scratch_home()
    subprocess.run(["cp", "-a", f"{prepared_home()}/.", home], check=True)
    return home


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One platform for the session; see the top of tests/server.py."""
    running = Server()
    yield running
    running.close()


@pytest.fixture
def fresh_server() -> Iterator[Callable[..., Server]]:
    """Start a platform of the test's own, with any settings; see the top of tests/server.py."""
    started: list[Server] = []

    def start(home: Path | None = None, **settings: Any) -> Server:
        started.append(Server(home, **settings))
        return started[-1]

    yield start
    for one in started:
        print(one.log[-10_000:])  # pytest shows it when the test failed
        one.close()
