"""The whole platform as a user runs it: `manage.py up` on a scratch home, a port of its own, an embedded PostgreSQL.

Two fixtures, both a `Server`:

    server        one for the whole session, about 4 s once. For contract tests: make datasets, keys and namespaces of
                  your own in it, and never stop it.
    fresh_server  one for each test that asks. For tests that kill, stop or configure it; call it to start one:

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
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3

from eventlane.embedded_postgres import database_url, recorded_folder
from eventlane.processes import SUPERVISOR_VARIABLE, parent_of
from tests.postgres import remove_home, scratch_home

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 90.0
STOP_SECONDS = 60.0
UP = "Eventlane is up"


class Server:
    """A running platform.

    url       http://127.0.0.1:PORT
    port      its port
    keys      the first start's keys by right: keys["ingest"], keys["read"], keys["write"]
    email, password   the administrator's login
    home      its EVENTLANE_HOME
    process   Popen of the supervisor (`manage.py up`)
    log       everything the processes wrote so far, one line each: "web      │ …"
    database_url   of its PostgreSQL
    """

    def __init__(
        self,
        home: Path,
        user: int | None = None,
        python: str = sys.executable,
        variables: dict[str, str] | None = None,
        **settings: str,
    ) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.email, self.password = "admin@example.com", "correct horse battery"
        self.keys: dict[str, str] = {}
        self.user = user
        self.python = python
        self.environment = {
            **{name: value for name, value in os.environ.items() if not _is_ours(name)},
            "EVENTLANE_HOME": str(home),
            "EVENTLANE_BIND": f"127.0.0.1:{self.port}",
            "EVENTLANE_ADMIN_PASSWORD": self.password,
            **settings,
            **(variables or {}),
        }
        self.http = urllib3.PoolManager(retries=False, timeout=30)
        self.log_file = home.with_name(f"{home.name}.log")
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def start(self) -> None:
        """Start `manage.py up` and wait until it says that it is up."""
        begin = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self.process = self.popen("up", stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while UP not in (news := self.log[begin:]):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not start (exit status {self.process.poll()}):\n{news}")
            time.sleep(0.05)
        self.keys |= dict(re.findall(r"^(\w+) key +(evl_\w+)$", news, re.MULTILINE))

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    @property
    def database_url(self) -> str:
        return self.environment.get("DATABASE_URL") or database_url(self.home)

    def manage(self, *words: str, check: bool = True, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `manage.py` with these words against this server to its end; its output is in .stdout and .stderr."""
        options = {"capture_output": True, "text": True, "timeout": 120, **options}
        done = subprocess.run([self.python, str(ROOT / "manage.py"), *words], **self._surroundings(), **options)
        if check and done.returncode != 0:
            raise AssertionError(
                f"manage.py {' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def popen(self, *words: str, **options: Any) -> "subprocess.Popen[bytes]":
        """Start `manage.py` with these words against this server, and don't wait for it.

        Options in capitals are variables of its environment, the others are Popen's.
        """
        surroundings = self._surroundings()
        surroundings["env"] |= {name: options.pop(name) for name in [*options] if name.isupper()}
        return subprocess.Popen([self.python, str(ROOT / "manage.py"), *words], **surroundings, **options)

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """Send a request; `x_api_key="…"` becomes the header x-api-key."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(method, self.url + path, body=body, headers=named, redirect=False)

    def post(self, path: str, body: Any, **headers: str) -> urllib3.BaseHTTPResponse:
        """POST bytes as they are, anything else as JSON, with the ingest key unless another is given."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, data, **{"x_api_key": self.keys["ingest"], **headers})

    def pids(self) -> dict[int, str]:
        """Return every process of this server: number → command line. Children of children too."""
        return _descendants(self.process.pid) if self.process.poll() is None else {}

    def pids_of(self, word: str) -> list[int]:
        """Return the processes whose command line holds `word`: granian, seal, postgres."""
        return [pid for pid, command in self.pids().items() if word in command]

    def leftovers(self) -> dict[int, str]:
        """Return the processes that still belong to this home, whoever their parent is by now."""
        return {pid: command for pid, command in _processes().items() if self._belongs(pid)}

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it as a user would and return the exit status; it may be started again."""
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill every process of it with -9 at once, as a power cut would; wait until they are gone."""
        for pid in [self.process.pid, *self.leftovers()]:
            _kill(pid)
        self.process.wait(STOP_SECONDS)
        self.wait_until(lambda: not self.leftovers(), "every killed process is gone")

    def wait_until(self, condition: Callable[[], Any], what: str, seconds: float = 30.0) -> None:
        """Wait for a condition, or fail naming it."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}\n{self.log[-5000:]}"
            time.sleep(0.05)

    def close(self) -> None:
        """Stop it however it stands, and remove everything it wrote."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in self.leftovers():
            _kill(pid)
        self.http.clear()
        remove_home(self.home)
        self.log_file.unlink(missing_ok=True)

    def _surroundings(self) -> dict[str, Any]:
        user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user is not None else {}
        return {"env": dict(self.environment), "cwd": ROOT, **user}

    def _belongs(self, pid: int) -> bool:
        """Tell a process of this home by what the supervisor put in its environment, PostgreSQL by its folder."""
        if _working_folder(pid) == (recorded_folder(self.home) or self.home / "postgres") / "data":
            return True
        environment = _environment(pid)
        return environment.get("EVENTLANE_HOME") == str(self.home) and SUPERVISOR_VARIABLE in environment


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """One platform for the session; see the top of tests/server.py."""
    running = Server(scratch_home())
    yield running
    running.close()


@pytest.fixture
def fresh_server() -> Iterator[Callable[..., Server]]:
    """Start a platform of the test's own, with any settings; see the top of tests/server.py."""
    started: list[Server] = []

    def start(home: Path | None = None, **settings: Any) -> Server:
        started.append(Server(home or scratch_home(), **settings))
        return started[-1]

    yield start
    for one in started:
        print(one.log[-10_000:])  # pytest shows it when the test failed
        one.close()


def _is_ours(name: str) -> bool:
    return name.startswith("EVENTLANE_") or name in ("DATABASE_URL", "DJANGO_SETTINGS_MODULE", "PYTHONPATH")


def _processes() -> dict[int, str]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
    return found


def _descendants(root: int) -> dict[int, str]:
    """Return `root` and all below it: number → command line."""
    everybody = _processes()
    parents = {pid: parent_of(pid) for pid in everybody}
    family = {root}
    while more := {pid for pid, parent in parents.items() if parent in family and pid not in family}:
        family |= more
    return {pid: everybody[pid] for pid in family if pid in everybody}


def _working_folder(pid: int) -> Path | None:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


def _environment(pid: int) -> dict[str, str]:
    try:
        pieces = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(piece.split("=", 1) for piece in pieces if "=" in piece)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
