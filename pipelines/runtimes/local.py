"""The runtime `local`: steps run as processes on the worker's machine. docs/tasks.md says what they can reach."""

import marshal
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from django.conf import settings

from eventlane.embedded_postgres import recorded_folder
from pipelines.models import Task
from pipelines.runtimes.environment import FILES_ROOT, TaskEnvironment
from pipelines.runtimes.limits import Limits
from pipelines.runtimes.outcome import TaskFailed
from pipelines.runtimes.sandbox import WORK, counts_processes, sandboxed, why_not_sandboxed
from pipelines.runtimes.steps import SCRIPTS, command_of, scripts_of
from pipelines.runtimes.watch import Process, Sink, Watch

REAPER = Path(__file__).with_name("reaper.py")
ENVIRONMENT = "task/environment"  # below FILES_ROOT: the variables in a form for shells
END_SECONDS = 12.0  # how long the reaper may take after the grace period to kill everything
TASK_VARIABLE = "EVENTLINE_TASK_ID"
UNPROTECTED = (
    "Without it, a task could read the server's keys and its database: "
    "install bubblewrap, or allow that with EVENTLANE_TASK_ISOLATION=none"
)


class LocalRuntime:
    """An attempt at a task, in a folder of its own that is removed afterwards."""

    def __init__(self, task: Task, environment: TaskEnvironment, limits: Limits, watch: Watch) -> None:
        self._task, self._environment, self._limits, self._watch = task, environment, limits, watch
        self._header = task.project.code_header
        self._user = task_user()
        self._sandboxed = _wants_sandbox(self._user)
        if not self._sandboxed and _owns_database(self._user):
            raise TaskFailed(
                "without bubblewrap, local tasks need their own user (EVENTLANE_TASK_USER): "
                "otherwise they would run as the owner of the database's files"
            )

    def __enter__(self) -> "LocalRuntime":
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="eventlane-task-"))
        except OSError as error:
            raise TaskFailed(f"the worker can't create a folder for the task: {error.strerror}") from None
        try:
            self._fill()
        except OSError as error:
            remove(self._folder)
            raise TaskFailed(f"the worker can't write the task's files: {error.strerror}") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._sandboxed:
            kill_marked(self._task.pk)
        remove(self._folder)

    def run(self, position: int, step: Mapping[str, Any], sink: Sink) -> int:
        """Run a step and return its exit code."""
        root = FILES_ROOT if self._sandboxed else f"{self._folder}{FILES_ROOT}"
        argv = command_of(step, self._header, f"{root}/{SCRIPTS}/{position}")
        reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(REAPER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={},
            cwd="/",
            start_new_session=True,
        )
        try:
            assert reaper.stdin is not None
            with reaper.stdin:
                reaper.stdin.write(marshal.dumps(self._plan(argv)))
            return self._watch.follow(reaper, sink, lambda: self._end(reaper))
        finally:
            if reaper.poll() is None:
                self._end(reaper)

    def _plan(self, argv: list[str]) -> dict[str, Any]:
        """Return the plan for the reaper."""
        limits = self._limits
        base = {"PATH": os.environ.get("PATH") or os.defpath}
        own_count = self._sandboxed and counts_processes()
        processes = limits.processes if own_count else limits.processes + _threads_of(self._user)
        inside = self._sandboxed
        return {
            "argv": sandboxed(argv, self._folder, processes) if inside else argv,
            # The task's variables must not reach bubblewrap: LD_PRELOAD would take effect outside the sandbox.
            "environment": base if inside else self._variables(),
            "cwd": "/" if inside else f"{self._folder}/work",
            "parent": os.getpid(),
            "folder": str(self._folder),
            "user": self._user,
            "sandboxed": inside,
            "grace_seconds": limits.grace_seconds,
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
            "processes": None if inside else processes,
        }

    def _end(self, reaper: Process) -> None:
        """Have the reaper end everything; if it can't, do what is possible from here."""
        reaper.terminate()
        try:
            reaper.wait(self._limits.grace_seconds + END_SECONDS)
        except subprocess.TimeoutExpired:
            reaper.kill()
            reaper.wait()
            kill_marked(self._task.pk)

    def _variables(self) -> dict[str, str]:
        home, scratch = (WORK, "/tmp") if self._sandboxed else (f"{self._folder}/work", f"{self._folder}/tmp")
        base = {
            "PATH": os.environ.get("PATH") or os.defpath,
            "LANG": os.environ.get("LANG") or "C.UTF-8",
            "HOME": home,
            "TMPDIR": scratch,
        }
        return base | self._environment.variables(FILES_ROOT if self._sandboxed else f"{self._folder}{FILES_ROOT}")

    def _fill(self) -> None:
        """Write the task's files, and give them all to the task's user."""
        files = dict(self._environment.files) | dict(scripts_of(self._task.spec["data"]["steps"], self._header))
        if self._sandboxed:
            files[ENVIRONMENT] = exports(self._variables())
        for folder in ("work", "tmp", f"{FILES_ROOT[1:]}/task", f"{FILES_ROOT[1:]}/identities"):
            (self._folder / folder).mkdir(mode=0o700, parents=True)
        write_files(self._folder / FILES_ROOT[1:], files, mode=0o400)
        if self._user is not None:
            hand_over(self._folder, *self._user)


def task_user() -> tuple[int, int] | None:
    """Return user and group for steps, or None for the worker's own. Only root can change users."""
    if os.geteuid() != 0:
        return None
    name = settings.EVENTLANE_TASK_USER or "nobody"
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise TaskFailed(
            f"there is no system user {name!r} on the worker to run tasks as (EVENTLANE_TASK_USER)"
        ) from None
    return found.pw_uid, found.pw_gid


def _owns_database(user: tuple[int, int] | None) -> bool:
    """Return whether root would run tasks as the user of the embedded PostgreSQL, which must not happen."""
    folder = (recorded_folder(settings.EVENTLANE_HOME) or settings.EVENTLANE_HOME / "postgres") / "data"
    try:
        return user is not None and folder.stat().st_uid == user[0]
    except OSError:
        return False  # there is none


def _wants_sandbox(user: tuple[int, int] | None) -> bool:
    if settings.EVENTLANE_TASK_ISOLATION == "none":
        return False
    reason = why_not_sandboxed(user)
    if reason and settings.EVENTLANE_TASK_ISOLATION == "bwrap":
        raise TaskFailed(f"EVENTLANE_TASK_ISOLATION requires bubblewrap: {reason}")
    if reason and user is None:
        raise TaskFailed(f"{reason}. {UNPROTECTED}")
    return not reason


def why_refused() -> str:
    """Return why a worker on this machine would refuse local tasks; empty if it wouldn't."""
    try:
        _wants_sandbox(task_user())
    except TaskFailed as failure:
        return str(failure)
    return ""


def _threads_of(user: tuple[int, int] | None) -> int:
    """Return how many threads a user currently has: RLIMIT_NPROC counts them all, including the worker's."""
    uid = os.geteuid() if user is None else user[0]
    count = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and entry.stat().st_uid == uid:
                count += len(list((entry / "task").iterdir()))
        except OSError:
            continue
    return count


def kill_marked(task_id: str) -> None:
    """Kill processes with the task's id in their environment. There are none unless the reaper was killed."""
    mark = f"{TASK_VARIABLE}={task_id}".encode()
    deadline = time.monotonic() + END_SECONDS
    while (found := _marked(mark)) and time.monotonic() < deadline:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        time.sleep(0.01)


def _marked(mark: bytes) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def exports(variables: Mapping[str, str]) -> bytes:
    """Return variables in a form for shells."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()).encode()


def write_files(root: Path, files: Mapping[str, bytes], *, mode: int) -> None:
    """Write files to their paths below `root`."""
    for path, data in files.items():
        file = root / path
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_bytes(data)
        file.chmod(mode)


def hand_over(folder: Path, user: int, group: int) -> None:
    """Give a folder and everything in it to a user.

    The folder itself comes last: otherwise, a process of that user could add a link while root is at work, and gain
    what it points to.
    """
    for path in (*folder.rglob("*"), folder):
        os.chown(path, user, group, follow_symlinks=False)


def remove(folder: Path) -> None:
    """Remove a folder, including what a task made read-only in it."""
    try:
        shutil.rmtree(folder)
    except OSError:
        if os.geteuid() != 0:  # root needs no permissions, and must not grant any through a link added meanwhile
            _open_up(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _open_up(folder: Path) -> None:
    """Give the owner access to a folder and all folders below it."""
    for path, names, _ in os.walk(folder):
        for one in (Path(path), *(Path(path, name) for name in names)):
            if not one.is_symlink():
                one.chmod(0o700)
