"""The servers under measurement, each with its own scratch folder and port."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from eventlane.banner import SECRETS_FILE
from eventlane.configuration import ROOT
from events.journal import backlog

START_SECONDS = 120.0
SCRATCH = "/var/tmp"  # on a disk: /tmp may be memory, where fdatasync costs nothing


@dataclass
class Platform:
    """A running Eventlane."""

    url: str
    home: Path
    process: "subprocess.Popen[bytes]"
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def journal(self) -> Path:
        """The folder of its journal files."""
        return self.home / "journal"

    def sealer(self) -> int:
        """Return the sealer's process number."""
        [pid] = [pid for pid, command in self.processes().items() if "seal --forever" in command]
        return pid

    def processes(self) -> dict[int, str]:
        """Return all its processes except PostgreSQL's: number → command line."""
        return {pid: text for pid, text in self.family().items() if _name(text) != "postgres"}

    def family(self) -> dict[int, str]:
        """Return all its processes: number → command line."""
        family = {self.process.pid}
        parents = dict(_parents())
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return {pid: text for pid in family if (text := _command(pid))}

    def processor_seconds(self) -> dict[str, float]:
        """Return the processor time used by its processes, by name."""
        seconds: Counter[str] = Counter()
        for pid, command in self.family().items():
            seconds[_name(command)] += _processor_seconds(pid)
        return dict(seconds)

    def memory_mb(self) -> dict[str, float]:
        """Return the memory (PSS) of its processes by name."""
        return {f"{_name(command)} {pid}": _pss_mb(pid) for pid, command in sorted(self.processes().items())}

    def wait_until_closed(self) -> None:
        """Wait until the web processes have closed their journal files by age."""
        time.sleep(6)

    def wait_until_sealed(self) -> None:
        """Wait until no journal file is left."""
        while backlog(self.journal).files:
            time.sleep(0.02)


@contextmanager
def eventlane(port: int, **settings: str) -> Iterator[Platform]:
    """Run the whole platform like `make run`, with these settings."""
    home = Path(tempfile.mkdtemp(prefix="eventlane-bench-", dir=SCRATCH))
    home.chmod(0o711)  # for the user that PostgreSQL runs as if we are root
    ours = {name: value for name, value in os.environ.items() if not name.startswith("EVENTLANE_")}
    environment = {**ours, "EVENTLANE_HOME": str(home), "EVENTLANE_BIND": f"127.0.0.1:{port}", **settings}
    environment.pop("DATABASE_URL", None)
    log = home.with_suffix(".log")
    command = [sys.executable, str(ROOT / "manage.py"), "up"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    try:
        _wait_for_banner(process, log)
        secrets = (home / SECRETS_FILE).read_text()
        keys = dict(re.findall(r"^(\w+) key +(evl_\w+)$", secrets, re.MULTILINE))
        yield Platform(f"http://127.0.0.1:{port}", home, process, keys)
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(home)
        log.unlink()


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_banner(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while "Eventlane is up" not in (text := log.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the platform did not start:\n{text}")
        time.sleep(0.1)


@contextmanager
def empty_view(port: int) -> Iterator[str]:
    """Run the empty view under the same server with the same numbers of processes and threads; yield its URL."""
    command = [sys.executable, "-m", "granian", "--interface=wsgi", f"--port={port}", "--workers=2"]
    command += ["--blocking-threads=16", "--backpressure=2048", "--no-ws", "--no-access-log", "--no-log"]
    process = subprocess.Popen([*command, "benchmarks.empty_view:application"], cwd=ROOT)
    url = f"http://127.0.0.1:{port}/empty"
    try:
        _wait_for_answer(url)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_for_answer(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            urlopen(url).close()
            return
        except URLError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer")


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _name(command: str) -> str:
    for mark, name in (
        ("eventlane.supervisor", "supervisor"),
        ("-m eventlane.web", "web"),
        (" seal ", "sealer"),
        (" work", "worker"),
    ):
        if mark in command:
            return name
    if "postgres" in command.split(" ")[0]:
        return "postgres"
    return command.rpartition("/")[2][:20]


def _processor_seconds(pid: int) -> float:
    """Return the time used by a process and its ended children; 0 if it has just ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _pss_mb(pid: int) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1]) / 1024  # type: ignore[index]
