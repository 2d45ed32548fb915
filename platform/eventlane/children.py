"""The processes that a supervisor runs, and the log they share. No Django import."""

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from eventlane.progress import ProgressWatch

FIRST_DELAY_SECONDS = 0.5  # before restarting a child that died; doubles up to…
LAST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 60.0  # after a run of this length, delays start over
COLOURS = {"up": 1, "web": 36, "sealer": 32, "postgres": 34, "maintain": 35, "worker": 33, "syslog": 34}


@dataclass
class Child:
    """A process, with how to start, stop and restart it."""

    name: str
    start: Callable[[int], "subprocess.Popen[bytes]"]
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 20.0
    last_delay_seconds: float = LAST_DELAY_SECONDS
    watch: ProgressWatch | None = None
    process: "subprocess.Popen[bytes] | None" = None
    start_time: float = 0.0
    restart_time: float | None = None
    failures: int = 0

    def running(self) -> "subprocess.Popen[bytes]":
        """Return the process of a child that was started."""
        assert self.process is not None, f"{self.name} was not started"
        return self.process

    def has_ended(self) -> bool:
        """Return whether the process has ended. Its process number stays taken until `reap`."""
        if self.running().returncode is not None:
            return True
        return os.waitid(os.P_PID, self.running().pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def kill_all(self) -> None:
        """Kill it and everything it started. Until its process number is released, no other group can have it."""
        if self.running().returncode is not None:
            return
        try:
            os.killpg(self.running().pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # on macOS, a process that has ended can't be signalled
            pass

    def reap(self) -> int:
        """Kill what the ended process left behind, release its number, and return its exit code."""
        self.kill_all()
        code = self.running().wait()
        self.process = None
        return code

    def next_delay(self, now: float) -> float:
        """Count a failure and return how long to wait before the next start."""
        if now - self.start_time >= STEADY_SECONDS:
            self.failures = 0
        self.failures += 1
        return min(FIRST_DELAY_SECONDS * 2 ** (self.failures - 1), self.last_delay_seconds)


@dataclass
class LogStream:
    """The lines of all processes in one stream, each prefixed with its process's name."""

    stream: BinaryIO

    def __post_init__(self) -> None:
        self.coloured = self.stream.isatty() and "NO_COLOR" not in os.environ

    def write(self, name: str, line: bytes) -> None:
        """Write one line. A terminal that is gone must not keep us from stopping the children."""
        head = f"{name:<8} │ "
        if self.coloured:
            head = f"\x1b[{COLOURS.get(name.partition('-')[0], 33)}m{head}\x1b[0m"
        try:
            self.stream.write(head.encode() + line + b"\n")
            self.stream.flush()
        except OSError:
            pass


@dataclass
class Lines:
    """Splits the output of one process into lines for the log."""

    name: str
    log: LogStream
    rest: bytes = b""

    def take(self, data: bytes) -> None:
        """Log all complete lines; log the remainder, too, at the end or if a line gets too long."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        if self.rest and (not data or len(self.rest) > 65536):
            lines.append(self.rest)
            self.rest = b""
        for line in lines:
            self.log.write(self.name, line.rstrip(b"\r"))
