"""The parent of a step's processes: a separate program, so that no process outlives it or the worker.

A worker starts it with a plan on standard input. It starts the step in a new session, with limits and as another
user, and waits. When the step ends, when the worker sends SIGTERM, or when the worker dies (the kernel signals that),
it kills all that is left. Orphans become its own children, so no process escapes by changing its session or parent.

Imports nothing of ours or Django's: its start-up time is part of every step.
"""

import ctypes
import marshal
import os
import resource
import signal
import sys
import time

TYPE_CHECKING = False  # type checkers know the name; importing typing would slow down the start
if TYPE_CHECKING:
    from typing import Any

    Plan = dict[str, Any]

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
KILL_SECONDS = 10.0
OPEN_FILES = 4096
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # exit codes, as in shells

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> int:
    """Run the plan; return the step's exit code, or 128 plus the signal that ended it."""
    plan = marshal.loads(sys.stdin.buffer.read())
    signal.pthread_sigmask(signal.SIG_BLOCK, (*STOPPING, signal.SIGCHLD))
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    if os.getppid() != plan["parent"]:  # the worker died before the request
        return 128 + signal.SIGKILL
    child = os.fork()
    if child == 0:
        _become(plan)
    code = _wait(child, plan)
    _end_family()
    if os.getppid() != plan["parent"]:
        _remove(plan["folder"])  # nobody else will
    return code


def _wait(child: int, plan: "Plan") -> int:
    """Wait for the step. After a signal to stop, wait a while, then kill it."""
    deadline = None
    while True:
        number = _next_signal(None if deadline is None else deadline - time.monotonic())
        if number == signal.SIGCHLD:
            code = _reap(child)
            if code is not None:
                return code
        elif number is None:
            _end_family()
            return 128 + signal.SIGKILL
        elif deadline is None:
            deadline = time.monotonic() + plan["grace_seconds"]
            # Bubblewrap would kill its sandbox at once: ask the processes inside instead.
            _signal_all(signal.SIGTERM, but=child if plan["sandboxed"] else None)


def _next_signal(seconds: float | None) -> int | None:
    if seconds is None:
        return signal.sigwait((*STOPPING, signal.SIGCHLD))
    found = signal.sigtimedwait((*STOPPING, signal.SIGCHLD), max(0, seconds))
    return None if found is None else found.si_signo


def _reap(child: int) -> int | None:
    """Collect all children that have ended; return the exit code of `child` if it is one of them."""
    code = None
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == child:
                code = os.waitstatus_to_exitcode(ended[1])
    except ChildProcessError:
        pass  # that was the last one
    return code if code is None or code >= 0 else 128 - code


def _end_family() -> None:
    """Kill all descendants, and repeat until there are none: new ones may appear meanwhile."""
    deadline = time.monotonic() + KILL_SECONDS
    while time.monotonic() < deadline:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return  # no children means no descendants: orphans become children
        _signal_all(signal.SIGKILL)
        time.sleep(0.005)


def _signal_all(number: int, but: int | None = None) -> None:
    for pid in _descendants():
        if pid != but:
            try:
                os.kill(pid, number)
            except (ProcessLookupError, PermissionError):
                pass  # gone, or a setuid program where those are allowed


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208  (pathlib takes as long to import as all the rest)
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as file:  # noqa: PTH123
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry))
    family = [os.getpid()]
    for pid in family:
        family += children.get(pid, ())
    return family[1:]


# In the child


def _become(plan: "Plan") -> None:
    """Turn the forked child into the step's program. Doesn't return."""
    program = plan["argv"][0]
    try:
        os.setsid()
        _limit(plan)
        if plan["user"] is not None:
            uid, gid = plan["user"]
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
        if not plan["sandboxed"]:  # bubblewrap does it itself, after what it may need privileges for
            _prctl(PR_SET_NO_NEW_PRIVS, 1)
        os.umask(0o077)
        os.chdir(plan["cwd"])
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these, and the program would inherit that
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _execute(plan["argv"], plan["environment"])
        _give_up(f"{program}: not found", NOT_FOUND)
    except BaseException as error:
        _give_up(f"{program}: {getattr(error, 'strerror', None) or type(error).__name__}", NOT_EXECUTABLE)


def _execute(argv: list[str], environment: dict[str, str]) -> None:
    """Run the program, looked up in its environment's PATH; return if there is none.

    os.execvpe would work, but it imports a module that this user may not be allowed to read.
    """
    program = argv[0]
    folders = [""] if "/" in program else [f"{folder}/" for folder in environment.get("PATH", "").split(":")]
    refusal = None
    for folder in folders:
        try:
            os.execve(folder + program, argv, environment)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError as error:
            if os.path.exists(folder + program):  # noqa: PTH110  else it is the folder that isn't for this user
                refusal = error
    if refusal:
        raise refusal


def _limit(plan: "Plan") -> None:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: plan["file_bytes"],
        resource.RLIMIT_DATA: plan["memory_bytes"],
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_NPROC: plan["processes"],
    }
    for number, limit in limits.items():
        if limit is not None:
            most = resource.getrlimit(number)[1]
            limit = limit if most == resource.RLIM_INFINITY else min(limit, most)
            resource.setrlimit(number, (limit, limit))


def _give_up(reason: str, code: int) -> None:
    os.write(2, f"{reason}\n".encode(errors="replace"))
    os._exit(code)


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
