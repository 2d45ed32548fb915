"""Parents and children, and what happens to a child when its parent is killed. No Django import."""

import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
SUPERVISOR_VARIABLE = "SUPERVISOR_PID"  # not EVENTLANE_…: those are settings, and unknown ones are refused

_libc = ctypes.CDLL(None, use_errno=True)


def allow_many_files() -> None:
    """Raise the number of files that this process and its children may open as far as the system permits.

    A reader opens all journal files, and there are thousands if the sealer has stood still for long.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def ask_for_death_signal(number: int) -> None:
    """Have the kernel send this process a signal when the thread that started it dies. Does nothing but on Linux."""
    if sys.platform == "linux" and _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def dies_with_parent(number: int) -> Callable[[], None]:
    """Return a preexec_fn that sends the child a signal when its parent dies for any reason.

    It must run after a change of user, which clears the request; Popen calls preexec_fn last.
    """
    parent = os.getpid()

    def prepare() -> None:
        ask_for_death_signal(number)
        if os.getppid() != parent:  # it died before the request
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def parent_of(pid: int) -> int | None:
    """Return the parent of a process, or None if there is no such process."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(status.rpartition(")")[2].split()[1])  # the name in parentheses may contain anything


def is_running(pid: int) -> bool:
    """Return whether the process exists, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def processor_seconds(pid: int) -> float:
    """Return the processor time that a running process has used; 0 where the system can't tell."""
    clock = ctypes.c_int()
    if not hasattr(_libc, "clock_getcpuclockid") or _libc.clock_getcpuclockid(pid, ctypes.byref(clock)) != 0:
        return 0.0
    try:
        return time.clock_gettime(clock.value)
    except OSError:  # it has just ended
        return 0.0


def describe_exit(code: int) -> str:
    """Describe Popen.returncode in words."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
