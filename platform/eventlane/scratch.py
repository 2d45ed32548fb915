"""A complete platform on a scratch home: `manage.py up` with an embedded PostgreSQL and its own port.

For drills, tests and measurements. It shares nothing with the user's platform, and its only settings are those
given here.
"""

import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from eventlane.banner import SECRETS_FILE
from eventlane.configuration import ROOT
from eventlane.embedded_postgres import SYSTEM_FOLDER, database_url, recorded_folder
from eventlane.processes import SUPERVISOR_VARIABLE, parent_of

START_SECONDS = 90.0
STOP_SECONDS = 60.0
PORTS = range(20_000, 32_000)  # below those that systems give to outgoing connections
UP = "Eventlane is up"


class DidNotHappen(AssertionError):
    """What was waited for did not happen in time."""


class ScratchPlatform:
    """A platform that can be stopped, killed, moved and started again.

    home      its EVENTLANE_HOME
    port, url where it listens
    keys      keys of the first start, by right: keys["ingest"], keys["read"], keys["write"], keys["deploy"]
    process   Popen of the supervisor
    """

    def __init__(
        self, home: Path, settings: dict[str, str] | None = None, *, user: int | None = None, python: str = ""
    ) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.email, self.password = "admin@example.com", "correct horse battery"
        self.keys: dict[str, str] = {}
        self.user, self.python = user, python or sys.executable
        self.environment = {
            **{name: value for name, value in os.environ.items() if not _is_ours(name)},
            "EVENTLANE_HOME": str(home),
            "EVENTLANE_BIND": f"127.0.0.1:{self.port}",
            "EVENTLANE_ADMIN_PASSWORD": self.password,
            **(settings or {}),
        }
        self.log_file = home.with_name(f"{home.name}.log")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start `manage.py up` and wait until it is up; raise DidNotHappen if it isn't."""
        begin = len(self.log)
        with self.log_file.open("ab") as log:
            self.process = self.popen("up", stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while UP not in (news := self.log[begin:]):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise DidNotHappen(f"the platform did not start (exit status {self.process.poll()}):\n{news}")
            time.sleep(0.05)
        self.keys |= dict(re.findall(r"^(\w+) key +(evl_\w+)$", self.secrets, re.MULTILINE))

    @property
    def secrets(self) -> str:
        """What the first start wrote for the administrator."""
        file = self.home / SECRETS_FILE
        return file.read_text() if file.exists() else ""

    @property
    def log(self) -> str:
        """Everything that its processes have written so far, line by line: "web-1    │ …"."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    @property
    def database_url(self) -> str:
        """The address of its PostgreSQL."""
        return self.environment.get("DATABASE_URL") or database_url(self.home)

    def manage(self, *words: str, check: bool = True, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run `manage.py` with these words against it and wait; .stdout and .stderr have the output."""
        options = {"capture_output": True, "text": True, "timeout": 120, **options}
        done = subprocess.run([self.python, str(ROOT / "manage.py"), *words], **self._popen_options(), **options)
        if check and done.returncode != 0:
            raise DidNotHappen(
                f"manage.py {' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def popen(self, *words: str, **options: Any) -> "subprocess.Popen[bytes]":
        """Start `manage.py` with these words against it, without waiting.

        Options in capitals are environment variables, the others go to Popen.
        """
        with_environment = self._popen_options()
        with_environment["env"] |= {name: options.pop(name) for name in [*options] if name.isupper()}
        return subprocess.Popen([self.python, str(ROOT / "manage.py"), *words], **with_environment, **options)

    def pids(self) -> dict[int, str]:
        """Return all its processes, including descendants: number → command line."""
        return _descendants(self.process.pid) if self.process and self.process.poll() is None else {}

    def pids_of(self, word: str) -> list[int]:
        """Return the processes whose command line contains `word`: eventlane.web, seal, postgres."""
        return [pid for pid, command in self.pids().items() if word in command]

    def leftovers(self) -> dict[int, str]:
        """Return all processes that still belong to this home, whoever their parent is now."""
        return {pid: command for pid, command in _processes().items() if self._belongs(pid)}

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it as a user would and return the exit status. It can be started again."""
        assert self.process
        self.process.send_signal(number)
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """Kill all its processes with -9 at once, like a power cut; wait until they are gone."""
        assert self.process
        for pid in [self.process.pid, *self.leftovers()]:
            _kill(pid)
        self.process.wait(STOP_SECONDS)
        self.wait_until(lambda: not self.leftovers(), "every killed process is gone")

    def wait_until(self, condition: Callable[[], Any], what: str, seconds: float = 30.0) -> None:
        """Wait for a condition; if it isn't met in time, raise DidNotHappen with the end of the log."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise DidNotHappen(f"not within {seconds:.0f} s: {what}\n{self.log[-5000:]}")
            time.sleep(0.05)

    def use(self, home: Path) -> None:
        """Use this home from now on. The platform must be stopped."""
        self.home = home
        self.environment["EVENTLANE_HOME"] = str(home)

    def close(self) -> None:
        """Stop it in whatever state it is, and remove everything it wrote."""
        self.halt()
        remove_home(self.home)
        self.log_file.unlink(missing_ok=True)

    def halt(self) -> None:
        """Stop it in whatever state it is."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        for pid in self.leftovers():
            _kill(pid)

    def _popen_options(self) -> dict[str, Any]:
        user = {"user": self.user, "group": self.user, "extra_groups": []} if self.user is not None else {}
        return {"env": dict(self.environment), "cwd": ROOT, **user}

    def _belongs(self, pid: int) -> bool:
        """Recognize a process of this home: by the environment the supervisor gave it, or PostgreSQL by its folder."""
        if _working_folder(pid) == (recorded_folder(self.home) or self.home / "postgres") / "data":
            return True
        environment = _environment(pid)
        return environment.get("EVENTLANE_HOME") == str(self.home) and SUPERVISOR_VARIABLE in environment


def scratch_home(purpose: str, parent: str = "/tmp") -> Path:
    """Create an empty EVENTLANE_HOME. Any user may pass through it: root's embedded PostgreSQL runs as another user."""
    home = Path(
        tempfile.mkdtemp(prefix=f"eventlane-{purpose}-", dir=parent)
    )  # short: the path of a socket has 107 bytes at most
    home.chmod(0o711)
    return home


def remove_home(home: Path) -> None:
    """Remove a scratch home, and the database's folder if it is elsewhere."""
    folder = recorded_folder(home)
    for path in (folder or home, home):
        shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):  # it doesn't exist, or it contains someone's real database
        SYSTEM_FOLDER.rmdir()


def free_port() -> int:
    """Return a port on which nobody listens, and that no outgoing connection can get while its server restarts."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise DidNotHappen(f"no port of {PORTS.start} to {PORTS.stop - 1} is free")


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
    """Return `root` and all its descendants: number → command line."""
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
