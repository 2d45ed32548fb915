"""Check the machine, and the settings that it is run with."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from django.conf import settings

from eventlane.configuration import MIB, ROOT
from eventlane.free_space import existing, free_bytes
from events.doctor.finding import OK, PROBLEM, WARNING, Result

OLDEST_PYTHON = (3, 11)
FEW_INODES = 1000
LAKE_FULL = "events wait in the journal once it is full"
ROOM_ADVICE = (
    "make room; or shorten a dataset's retention or delete datasets: `manage.py maintain` removes their files, "
    "1 to 2 times EVENTLANE_SNAPSHOT_HOURS later"
)
SHORT_SECRET = 32


def check_versions() -> Iterator[Result]:
    """Check Python's version, and all packages against their pins."""
    if sys.version_info < OLDEST_PYTHON:
        yield PROBLEM, f"Python {sys.version.split()[0]} is too old", "install Python 3.11 or newer"
    wrong = [f"{name} {found} instead of {pin}" for name, pin in _pins() if (found := _installed(name)) != pin]
    duckdb = _installed("duckdb")
    if any(_installed(f"duckdb-extension-{name}") != duckdb for name in ("ducklake", "postgres-scanner")):
        advice = "pip install -r requirements.txt; until then DuckDB fetches its extensions from the network"
        yield WARNING, f"DuckDB's extensions don't have DuckDB's version, {duckdb}", advice
    elif wrong:
        yield WARNING, f"packages differ from requirements.txt: {', '.join(wrong)}", "pip install -r requirements.txt"
    else:
        yield OK, f"Python {sys.version.split()[0]}, Django {_installed('Django')}, DuckDB {duckdb}"


def _pins() -> list[tuple[str, str]]:
    return re.findall(r"^([\w-]+)(?:\[.*\])?==(\S+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def check_debug() -> Iterator[Result]:
    """Check that stack traces are shown only on a developer's own machine."""
    if not settings.DEBUG:
        yield OK, "off"
        return
    host = settings.EVENTLANE_BIND.rpartition(":")[0]
    state = WARNING if host in ("127.0.0.1", "localhost", "[::1]") else PROBLEM
    yield state, f"on, listening on {host}: the console shows stack traces and settings", "set EVENTLANE_DEBUG=false"


def check_secret_key() -> Iterator[Result]:
    """Check that nobody else can read the key: with it, anyone can sign in as anybody."""
    file = settings.EVENTLANE_HOME / "secret_key"
    if len(settings.SECRET_KEY) < SHORT_SECRET:
        yield WARNING, f"shorter than {SHORT_SECRET} characters", "set EVENTLANE_SECRET_KEY to a long random text"
    elif file.exists() and file.stat().st_mode & 0o077:
        yield PROBLEM, f"{file} can be read by others", f"chmod 600 {file}"
    elif file.exists():
        yield OK, f"{file}, readable by its owner only"
    else:
        yield OK, "set by EVENTLANE_SECRET_KEY" if settings.EVENTLANE_IN_USE else "none yet: the first start creates it"


def check_proxies() -> Iterator[Result]:
    """Check that the limit on logins sees the senders' addresses if there is a proxy in front of the server."""
    if settings.EVENTLANE_PUBLIC_URL.startswith("https://") and not settings.EVENTLANE_PROXIES:
        yield (
            WARNING,
            "EVENTLANE_PUBLIC_URL is https, but no proxy is trusted: every login seems to come from the proxy",
            "set EVENTLANE_PROXIES to how many append to X-Forwarded-For; see docs/operations.md, Logins",
        )
    else:
        yield (
            OK,
            f"EVENTLANE_PROXIES={settings.EVENTLANE_PROXIES}: the number of proxies trusted to name the sender",
        )


def check_disk() -> Iterator[Result]:
    """Check that there is enough space to write."""
    folders = {"EVENTLANE_HOME": settings.EVENTLANE_HOME, "journal": settings.EVENTLANE_JOURNAL}
    if is_folder(settings.EVENTLANE_LAKE_PATH):
        folders["EVENTLANE_LAKE_PATH"] = Path(settings.EVENTLANE_LAKE_PATH)
    by_device = {existing(folder).stat().st_dev: (name, folder) for name, folder in reversed(folders.items())}
    for name, folder in reversed(by_device.values()):
        yield _disk_result(existing(folder), is_lake=name == "EVENTLANE_LAKE_PATH")


def _disk_result(folder: Path, is_lake: bool) -> Result:
    """Judge a disk by the space below which events are refused. If only the lake's disk is full, they wait."""
    inodes = os.statvfs(folder)
    if inodes.f_files and inodes.f_favail < FEW_INODES:
        return PROBLEM, f"{folder}: only {inodes.f_favail} more files can be created", ROOM_ADVICE
    free, least = free_bytes(folder), settings.EVENTLANE_MIN_FREE_MB * MIB
    message, limit = f"{folder}: {free / MIB:,.0f} MiB free", f"EVENTLANE_MIN_FREE_MB={settings.EVENTLANE_MIN_FREE_MB}"
    if free < least:
        effect = LAKE_FULL if is_lake else "events are refused"
        return PROBLEM, f"{message}, less than {limit}: {effect}", ROOM_ADVICE
    if free < 2 * least:
        effect = LAKE_FULL if is_lake else "events are refused below that"
        return WARNING, f"{message}, less than twice {limit}: {effect}", ROOM_ADVICE
    return OK, message


def is_folder(path: str) -> bool:
    """Return whether a path of the lake is that of a folder, and no URL."""
    return "://" not in path


def write_error(folder: Path) -> str | None:
    """Write and sync an unnamed file where `folder` is or will be; return what went wrong."""
    try:
        with tempfile.TemporaryFile(dir=existing(folder)) as file:
            file.write(b"\0" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return None
