"""The processes a supervisor keeps, and the one log they write to. No Django import."""

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from eventlane.progress import ProgressWatch

FIRST_DELAY_SECONDS = 0.5  # before a child that died is started again; doubles up to…
LAST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 60.0  # a child that ran this long begins anew with the first delay
COLOURS = {"up": 1, "web": 36, "sealer": 32, "postgres": 34, "maintain": 35, "worker": 33}


@dataclass
class Child:
    """A process and how to start, stop and restart it."""

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
        """Tell whether the process has ended, without taking its number away from it yet."""
        if self.running().returncode is not None:
            return True
        return os.waitid(os.P_PID, self.running().pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def kill_all(self) -> None:
        """Kill it and whatever it started. While its number isn't given back, the group can't be another's."""
        if self.running().returncode is not None:
            return
        try:
            os.killpg(self.running().pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):  # macOS, where a process that ended can't be signalled
            pass

    def reap(self) -> int:
        """Clear the ended process away, with what it left behind, and return how it ended."""
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
    """All processes' lines in one stream, each behind the name of its process."""

    stream: BinaryIO

    def __post_init__(self) -> None:
        self.coloured = self.stream.isatty() and "NO_COLOR" not in os.environ

    def write(self, name: str, line: bytes) -> None:
        """Write one line. A terminal that went away must not keep us from stopping the children."""
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
    """Cuts what one process writes into lines for the log."""

    name: str
    log: LogStream
    rest: bytes = b""

    def take(self, data: bytes) -> None:
        """Log the lines that are whole now; at the end, or when one is endless, what there is of it."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        if self.rest and (not data or len(self.rest) > 65536):
            lines.append(self.rest)
            self.rest = b""
        for line in lines:
            self.log.write(self.name, line.rstrip(b"\r"))
