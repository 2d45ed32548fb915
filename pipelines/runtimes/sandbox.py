"""Bubblewrap: local tasks in their own namespaces, with only those files of this machine that programs need.

Inside there are /usr and a few files of /etc, read-only; /tmp and /work are the attempt's own; /eventline has its
files. Other processes are invisible. There is no network, unless EVENTLANE_TASK_NETWORK gives access to this machine's.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from platform import release
from typing import Any

from django.conf import settings

from pipelines.runtimes.environment import FILES_ROOT

WORK = "/work"
PROBE_SECONDS = 10
PROGRAMS = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")  # links into /usr; on old systems, folders
CONFIGURATION = (
    "alternatives", "ca-certificates", "crypto-policies", "gai.conf", "group", "host.conf", "hosts", "ld.so.cache",
    "ld.so.conf", "ld.so.conf.d", "localtime", "mime.types", "nsswitch.conf", "os-release", "passwd", "pki",
    "protocols", "resolv.conf", "services", "ssl", "timezone",
)  # fmt: skip
NAMESPACES_COUNT_PROCESSES = (
    5,
    14,
)  # since this Linux, RLIMIT_NPROC counts a user's processes separately in each namespace

# The limit of processes is set inside, where only the task's count; dash calls it -p, bash -u.
INSIDE = '{ ulimit -p "$0" || ulimit -u "$0"; } 2>/dev/null; . /eventline/task/environment; exec "$@"'


def sandboxed(argv: Sequence[str], folder: Path, processes: int) -> list[str]:
    """Return the command line that runs `argv` in a sandbox, with an attempt's folder."""
    own = ["--bind", f"{folder}/tmp", "/tmp", "--bind", f"{folder}/work", WORK, "--chdir", WORK]
    files = ["--ro-bind", f"{folder}{FILES_ROOT}", FILES_ROOT]
    # After the attempt's own /tmp, which would hide folders below /tmp.
    given = [word for path in settings.EVENTLANE_TASK_FOLDERS for word in ("--ro-bind-try", path, path)]
    return [*_bubblewrap(), *own, *given, *files, "/bin/sh", "-c", INSIDE, str(processes), *argv]


@lru_cache(maxsize=4)
def why_not_sandboxed(user: tuple[int, int] | None) -> str:
    """Return why a user can't use bubblewrap; empty if they can. Tried once."""
    if shutil.which("bwrap") is None:
        return "bubblewrap (bwrap) is not installed on the worker"
    identity: dict[str, Any] = {} if user is None else {"user": user[0], "group": user[1], "extra_groups": []}
    try:
        done = subprocess.run(
            [*_bubblewrap(), "--tmpfs", "/tmp", "/bin/sh", "-c", ":"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            env={},
            **identity,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not work on the worker: {type(error).__name__}"
    reason = done.stderr.decode(errors="replace").strip()
    return f"bubblewrap does not work on the worker: {reason}" if done.returncode else ""


def counts_processes() -> bool:
    """Return whether the kernel counts a sandbox's processes separately from the user's others."""
    version = re.match(r"(\d+)\.(\d+)", release())
    return version is not None and (int(version[1]), int(version[2])) >= NAMESPACES_COUNT_PROCESSES


def _bubblewrap() -> list[str]:
    return [
        shutil.which("bwrap") or "bwrap",
        *disabled_namespaces(),
        *("--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *(() if settings.EVENTLANE_TASK_NETWORK else ("--unshare-net",)),
        *("--die-with-parent", "--new-session", "--hostname", "task"),
        *("--ro-bind", "/usr", "/usr"),
        *_programs(),
        *(word for name in CONFIGURATION for word in ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")),
        *("--proc", "/proc", "--dev", "/dev"),
    ]


@lru_cache(maxsize=1)
def disabled_namespaces() -> tuple[str, ...]:
    """Return options that keep tasks from creating namespaces, a way to kernel bugs. Needs bubblewrap 0.8."""
    try:
        help_text = subprocess.run(["bwrap", "--help"], capture_output=True, timeout=PROBE_SECONDS, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return ("--disable-userns",) if b"--disable-userns" in help_text else ()


def _programs() -> Iterator[str]:
    for name in PROGRAMS:
        folder = Path(name)
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), name)
        elif folder.is_dir():
            yield from ("--ro-bind", name, name)
