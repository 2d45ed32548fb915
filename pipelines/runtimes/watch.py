"""Wait for a process: read its output until it ends, time is up, or it is told to stop."""

import os
import select
import subprocess
import time
from collections.abc import Callable
from threading import Event
from typing import Protocol

from pipelines.runtimes.outcome import TaskFailed, TaskStopped

READ_BYTES = 64 * 1024
LOOK_SECONDS = 0.1  # how long a stop may go unnoticed
DRAIN_SECONDS = 1.0  # for a process's last output; others may keep its pipe open forever

Process = subprocess.Popen[bytes]


class Sink(Protocol):
    """Where output goes."""

    def add(self, data: bytes) -> None:
        """Add output."""

    def flush_if_due(self) -> None:
        """Do what output needs from time to time."""


class Watch:
    """The clock of an attempt: all waiting in it shares one deadline and one stop."""

    def __init__(self, stop: Event, seconds: float) -> None:
        self._stop = stop
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def check(self) -> None:
        """Raise TaskStopped or TaskFailed if the attempt must not continue."""
        if self._stop.is_set():
            raise TaskStopped
        if time.monotonic() >= self._deadline:
            raise TaskFailed(f"timed out after {self._seconds:g} s")

    def follow(self, process: Process, sink: Sink, end: Callable[[], None]) -> int:
        """Pass on a process's output until it ends, and return its exit code.

        If the attempt must not continue, calls `end`, which must end the process. Output until then is passed on, too.
        """
        try:
            while not _ended(process, sink):
                self.check()
        except (TaskStopped, TaskFailed):
            end()
            _drain(process, sink)
            raise
        _drain(process, sink)
        return process.wait()


def _ended(process: Process, sink: Sink) -> bool:
    """Pass on available output; return whether the process has ended. Waits a moment for either."""
    if process.stdout is None or process.stdout.closed:
        try:
            process.wait(LOOK_SECONDS)
            return True
        except subprocess.TimeoutExpired:
            return False
    if _readable(process, LOOK_SECONDS):
        _pass_on(process, sink)
    sink.flush_if_due()
    return process.poll() is not None


def _drain(process: Process, sink: Sink) -> None:
    """Pass on what is left in the pipe."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while process.stdout and not process.stdout.closed and _readable(process, deadline - time.monotonic()):
        _pass_on(process, sink)
    if process.stdout:
        process.stdout.close()


def _readable(process: Process, seconds: float) -> bool:
    if process.stdout is None or seconds < 0:
        return False
    poll = select.poll()  # select() refuses file descriptors above 1023
    poll.register(process.stdout, select.POLLIN)
    return bool(poll.poll(seconds * 1000))


def _pass_on(process: Process, sink: Sink) -> None:
    """Read once; close the pipe at its end."""
    assert process.stdout is not None
    data = os.read(process.stdout.fileno(), READ_BYTES)
    if data:
        sink.add(data)
    else:
        process.stdout.close()
