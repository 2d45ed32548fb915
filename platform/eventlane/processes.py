"""Parents, children and what becomes of a child when its parent is killed. No Django import."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path

PR_SET_PDEATHSIG = 1
SUPERVISOR_VARIABLE = "SUPERVISOR_PID"  # no EVENTLANE_ name: those are settings, and unknown ones are refused

_libc = ctypes.CDLL(None, use_errno=True)


def allow_many_files() -> None:
    """Raise the number of files this process and its children may have open as far as the system lets us.

    A reader opens every journal file, and after a long standstill of the sealer there are thousands.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def ask_for_death_signal(number: int) -> None:
    """Have the kernel send this process the signal when the thread that made it dies. Linux only, else nothing."""
    if sys.platform == "linux" and _libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")


def dies_with_parent(number: int) -> Callable[[], None]:
    """Return a preexec_fn: the child gets the signal when its parent dies, however that happens.

    It has to run behind a switch of the user, which clears the request; Popen calls a preexec_fn last.
    """
    parent = os.getpid()

    def prepare() -> None:
        ask_for_death_signal(number)
        if os.getppid() != parent:  # it died before the request
            os.kill(os.getpid(), signal.SIGKILL)

    return prepare


def parent_of(pid: int) -> int | None:
    """Return the parent of a process, None when there is no such process."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(status.rpartition(")")[2].split()[1])  # the name in parentheses may hold anything


def is_running(pid: int) -> bool:
    """Tell whether the process exists, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def describe_exit(code: int) -> str:
    """Say in words what Popen.returncode means."""
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
