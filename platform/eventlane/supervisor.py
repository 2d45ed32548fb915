"""`manage.py up`: runs the database, the web server and the sealer, and stops them in the right order.

It is a separate process without Django: it needs only 12 MB, and no bug in the application can take it down:

    supervisor ─┬─ postgres   if DATABASE_URL is unset; gets SIGINT if the supervisor is killed
                ├─ set-up     once: migrates, creates the first organization, returns what to show
                ├─ web-1 …    the web server, EVENTLANE_WEB_PROCESSES of them on one port
                ├─ sealer     manage.py seal --forever
                ├─ worker-1 … manage.py work, EVENTLANE_WORKER_PROCESSES of them
                ├─ syslog     manage.py syslog, if it is to listen anywhere
                └─ maintain   manage.py maintain, from time to time

Each child leads its own session: Ctrl-C in the terminal reaches only the supervisor, which stops syslog, then web,
then sealer, then PostgreSQL, so that no process loses the one it writes to. If the supervisor is killed with -9, the
kernel kills the children (processes.py). The supervisor has a single thread, because the kernel watches the thread
that started a child, not the process.
"""

import fcntl
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from eventlane.children import Child, Lines, LogStream
from eventlane.configuration import MIB, ROOT, InvalidSetting, read_settings
from eventlane.embedded_postgres import PostgresUnavailable, open_postgres
from eventlane.free_space import FreeSpace
from eventlane.installation import WrongInstallation
from eventlane.processes import SUPERVISOR_VARIABLE, describe_exit, dies_with_parent
from eventlane.progress import ProgressWatch
from eventlane.shared_memory import VARIABLE, make_shared_memory

LOCK = "up.lock"
SYSLOG_KINDS = ("TCP", "TLS", "UDP")
WEB_SECONDS = 60.0  # from its start to its first reply
PORT_SECONDS = 5.0  # a server that is just being stopped releases the port within this time
TICK_SECONDS = 0.5
SPARE_CONNECTIONS = 150  # for sealer, maintenance and commands; DuckDB alone may open 64 per lake
WEB_LAST_DELAY_SECONDS = 1.0  # between starts of a web process that keeps dying; each start takes another


START_ERRORS = (PostgresUnavailable, OSError, subprocess.SubprocessError)  # no memory, no processes or no files left


class StartFailed(RuntimeError):
    """The platform can't start; the message is for the user."""


class Stopped(Exception):
    """SIGTERM or SIGINT arrived during startup."""


class Supervisor:
    """Starts everything, keeps it running until SIGTERM, SIGINT or SIGHUP, then stops everything."""

    def __init__(self, settings: dict[str, Any], log: LogStream) -> None:
        self.settings = settings
        self.home: Path = settings["EVENTLANE_HOME"]
        self.log = log
        self.selector = selectors.DefaultSelector()
        self.stop_requested = False
        self.database: Child | None = None
        self.shared_memory = make_shared_memory()
        self.web = [self._web(f"web-{number + 1}") for number in range(settings["EVENTLANE_WEB_PROCESSES"])]
        self.sealer = self._watched("sealer", [*MANAGE, "seal", "--forever"], settings["EVENTLANE_SEALER_HANG_SECONDS"])
        self.sealer.stop_seconds = 30.0
        self.workers = [
            self._worker(f"worker-{number + 1}") for number in range(settings["EVENTLANE_WORKER_PROCESSES"])
        ]
        self.syslog = [self._syslog()] if any(settings[f"EVENTLANE_SYSLOG_{kind}"] for kind in SYSLOG_KINDS) else []
        hang_seconds = settings["EVENTLANE_MAINTAIN_HANG_SECONDS"]
        self.maintenance = self._watched("maintain", [*MANAGE, "maintain"], hang_seconds)
        self.maintenance.stop_seconds = 10.0
        self.maintenance_time = 0.0
        self.kept_up: list[Child] = []

    def run(self) -> int:
        """Run until told to stop; return the exit status."""
        self._listen_for_signals()
        try:
            with self._only_one():
                try:
                    self._bring_up()
                    self._keep_up()
                except Stopped:
                    pass
                finally:
                    self._stop_all()
        except (StartFailed, PostgresUnavailable, WrongInstallation) as error:
            self.say(f"{error}")
            return 1
        self.say("stopped")
        return 0

    def say(self, text: str) -> None:
        """Write a line of the supervisor itself."""
        self.log.write("up", f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}".encode())

    # Start

    def _bring_up(self) -> None:
        """Start the parts one after the other; each needs the previous one."""
        self._wait_for_free_port()
        self._look_for_free_space()
        if not self.settings["DATABASE_URL"]:
            self._bring_up_database()
        welcome = self._set_up()
        self._bring_up_web()
        for child in (self.sealer, *self.workers, *self.syslog):
            self._start(child)
        self.kept_up += [*self.web, self.sealer, *self.workers, *self.syslog]
        self.maintenance_time = time.monotonic() + self.settings["EVENTLANE_MAINTAIN_INTERVAL_SECONDS"]
        self._show(welcome)

    def _bring_up_database(self) -> None:
        folder, user = self.settings["EVENTLANE_POSTGRES_DIR"], self.settings["EVENTLANE_POSTGRES_USER"]
        postgres = open_postgres(self.home, folder, user)
        self.say(f"PostgreSQL in {postgres.folder}, as user {postgres.user.name}")
        web = self.settings["EVENTLANE_WEB_PROCESSES"] * self.settings["EVENTLANE_DATABASE_CONNECTIONS"]
        database = Child(
            "postgres", lambda output: postgres.spawn(output, web + SPARE_CONNECTIONS), signal.SIGINT, 30.0
        )
        self.database = database
        self.kept_up.append(database)
        self._start(database)
        # No time limit: after a crash, PostgreSQL first replays its log. It takes as long as it takes, and logs it.
        self._wait_until(lambda: postgres.is_ready(database.running()))

    def _set_up(self) -> str:
        """Migrate and create the first organization; return the JSON that the set-up command printed."""
        parts: list[bytes] = []
        reading, writing = os.pipe()
        child = Child("set-up", lambda output: self._spawn([*MANAGE, "set_up", "--json"], writing, output))
        self._start(child)
        os.close(writing)
        self._read(reading, parts.append)
        try:
            self._wait_until(child.has_ended)
        finally:
            self._drain()
            code = self._finish(child)
        if code != 0:
            raise StartFailed(f"the set-up ended with {describe_exit(code)}; see its last lines")
        return b"".join(parts).decode()

    def _bring_up_web(self) -> None:
        """Start web and wait for its first reply."""
        for child in self.web:
            self._start(child)
        deadline = time.monotonic() + WEB_SECONDS
        while not _answers(*_reachable(self.settings["EVENTLANE_BIND"])):
            self._pump(0.05)
            if ended := [child for child in self.web if child.has_ended()]:
                self._drain()
                raise StartFailed(f"web ended during startup with {describe_exit(self._finish(ended[0]))}")
            if time.monotonic() > deadline:
                raise StartFailed(f"web does not answer on {self.settings['EVENTLANE_BIND']} after {WEB_SECONDS:.0f} s")

    def _show(self, welcome: str) -> None:
        """Print the console's address, and after the first start login and keys."""
        subprocess.run(
            [*PYTHON, "-m", "eventlane.banner", self._public_url()],
            input=welcome.encode(),
            env=self._environment(),
            preexec_fn=dies_with_parent(signal.SIGTERM),
        )

    def _public_url(self) -> str:
        host, port = _reachable(self.settings["EVENTLANE_BIND"])
        host = f"[{host}]" if ":" in host else host
        return self.settings["EVENTLANE_PUBLIC_URL"] or f"http://{host}:{port}"

    def _look_for_free_space(self) -> None:
        least_bytes = self.settings["EVENTLANE_MIN_FREE_MB"] * MIB
        if shortage := FreeSpace((self.home, self.home / "journal"), least_bytes).shortage():
            self.say(f"{shortage}: events are refused until there is room; `manage.py doctor` says what to do")

    def _wait_for_free_port(self) -> None:
        """Refuse a port that is in use. Granian wouldn't: it shares the port with others that share it."""
        host, _, port = self.settings["EVENTLANE_BIND"].rpartition(":")
        deadline = time.monotonic() + PORT_SECONDS
        while error := _bind_error(host.strip("[]"), int(port)):
            if time.monotonic() > deadline:
                raise StartFailed(f"can't listen on {host}:{port}: {error}. Set EVENTLANE_BIND to another HOST:PORT")
            self._pump(0.1)

    @contextmanager
    def _only_one(self) -> Iterator[None]:
        """Hold the lock of EVENTLANE_HOME. The kernel releases it when we die, so there is nothing to clean up."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / LOCK).open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                raise StartFailed(
                    f"Eventlane already runs on {self.home} (process {lock.read().strip() or 'unknown'}). "
                    "Stop it first, or set EVENTLANE_HOME to another folder"
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    # Keep running

    def _keep_up(self) -> None:
        """Restart what died or hangs, and run maintenance on time, until told to stop."""
        while True:
            self._pump(TICK_SECONDS)
            now = time.monotonic()
            for child in self.kept_up:
                self._restart_if_ended(child, now)
                self._kill_if_hanging(child, now)
            self._maintain(now)

    def _restart_if_ended(self, child: Child, now: float) -> None:
        """Restart a child that died, after a delay that grows with each failure in a row."""
        if child.process and child.has_ended():
            self._drain()
            how = describe_exit(self._finish(child))
            delay = child.next_delay(now)
            child.restart_time = now + delay
            self.say(f"{child.name} died with {how}; restarting it in {delay:g} s")
        elif child.restart_time is not None and now >= child.restart_time:
            try:
                self._start(child)
                self.say(f"{child.name} restarted")
            except START_ERRORS as error:
                delay = child.next_delay(now)
                child.restart_time = now + delay
                self.say(f"{child.name} can't be started; trying again in {delay:g} s: {error}")

    def _kill_if_hanging(self, child: Child, now: float) -> None:
        """Kill a child that makes no progress. It then counts as dead."""
        if not (child.watch and child.process):
            return
        allowed = child.watch.allowed
        if child.watch.hangs(child.process.pid, now):
            self.say(f"{child.name} has made no progress for {allowed:g} s: killed")
            child.kill_all()

    def _maintain(self, now: float) -> None:
        """Run maintenance if it is due and the last run has ended."""
        self._kill_if_hanging(self.maintenance, now)
        if self.maintenance.process:
            if self.maintenance.has_ended() and (code := self._finish(self.maintenance)) != 0:
                self.say(f"maintenance ended with {describe_exit(code)}; the next run starts on time")
        elif now >= self.maintenance_time:
            self.maintenance_time = now + self.settings["EVENTLANE_MAINTAIN_INTERVAL_SECONDS"]
            try:
                self._start(self.maintenance)
            except START_ERRORS as error:
                self.say(f"maintenance can't be started; the next run starts on time: {error}")

    # Stop

    def _stop_all(self) -> None:
        """Stop senders before the sealer, and everything else before the database."""
        for children in (self.syslog, self.web, (self.sealer, self.maintenance, *self.workers), (self.database,)):
            running = [child for child in children if child and child.process]
            for child in running:
                self._tell(child, child.stop_signal)
            for child in running:
                self._wait_for_end(child)

    def _wait_for_end(self, child: Child) -> None:
        deadline = time.monotonic() + child.stop_seconds
        while not child.has_ended():
            if time.monotonic() > deadline:
                self.say(f"{child.name} did not stop within {child.stop_seconds:.0f} s: killed")
                child.kill_all()
                deadline = float("inf")
            self._forward(0.1)
        self._drain()
        self._finish(child)

    def _tell(self, child: Child, number: signal.Signals) -> None:
        if child.process and not child.has_ended():
            child.process.send_signal(number)

    # Children

    def _start(self, child: Child) -> None:
        """Start a child, with its output going to the log."""
        reading, writing = os.pipe()
        try:
            child.process = child.start(writing)
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        child.start_time, child.restart_time = time.monotonic(), None
        self._read(reading, Lines(child.name, self.log).take)

    def _finish(self, child: Child) -> int:
        """Forget a child that ended, killing it if necessary; return how it ended."""
        if child.process and not child.has_ended():
            child.kill_all()
        return child.reap()

    def _web(self, name: str) -> Child:
        seconds, shared = self.settings["EVENTLANE_WEB_HANG_SECONDS"], self.shared_memory
        child = self._watched(name, [*PYTHON, "-m", "eventlane.web"], seconds, shared)
        child.last_delay_seconds = WEB_LAST_DELAY_SECONDS
        return child

    def _worker(self, name: str) -> Child:
        child = self._watched(name, [*MANAGE, "work"], self.settings["EVENTLANE_WORKER_HANG_SECONDS"])
        child.stop_seconds = self.settings["EVENTLANE_WORKER_STOP_SECONDS"] + 15.0
        return child

    def _syslog(self) -> Child:
        return Child("syslog", lambda output: self._spawn([*MANAGE, "syslog"], output, output), stop_seconds=10.0)

    def _watched(self, name: str, command: list[str], hang_seconds: float, shared: int | None = None) -> Child:
        """Return a child that touches a file while it makes progress and is killed if it doesn't for this long."""
        watch = ProgressWatch(self.home / f"{name}.progress", hang_seconds)
        words = [*command, "--progress", str(watch.file)]
        return Child(name, lambda output: self._spawn(words, output, output, shared), watch=watch)

    def _spawn(
        self, command: list[str], output: int, errors: int, shared: int | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a process, and pass it the descriptor of shared memory if there is one."""
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=self._environment() | ({} if shared is None else {VARIABLE: str(shared)}),
            pass_fds=() if shared is None else (shared,),
            start_new_session=True,
            preexec_fn=dies_with_parent(signal.SIGTERM),
        )

    def _environment(self) -> dict[str, str]:
        own = {"PYTHONPATH": _python_path(), "PYTHONUNBUFFERED": "1", SUPERVISOR_VARIABLE: str(os.getpid())}
        return os.environ | own

    # Waiting and reading

    def _listen_for_signals(self) -> None:
        """Let signals interrupt `_pump`: they write a byte to a socket that the selector watches."""
        reading, writing = socket.socketpair()
        for end in (reading, writing):
            end.setblocking(False)
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        self._wakeup = (reading, writing)
        self.selector.register(reading, selectors.EVENT_READ, lambda: reading.recv(4096))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._request_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _request_stop(self, number: int, frame: object) -> None:
        if not self.stop_requested:
            self.say(f"{signal.Signals(number).name}: stopping")
        self.stop_requested = True

    def _wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._pump(0.02)

    def _pump(self, timeout: float) -> None:
        """Forward the children's output for at most `timeout`; raise Stopped once a signal arrived."""
        self._forward(timeout)
        if self.stop_requested:
            raise Stopped

    def _forward(self, timeout: float) -> None:
        for key, _ in self.selector.select(timeout):
            key.data()

    def _drain(self) -> None:
        """Forward the last output of a child that ended."""
        while events := self.selector.select(0):
            for key, _ in events:
                key.data()

    def _read(self, descriptor: int, take: Callable[[bytes], None]) -> None:
        """Pass what arrives on the pipe to `take`, and an empty piece at its end."""

        def ready() -> None:
            data = os.read(descriptor, 65536)
            if not data:
                self.selector.unregister(descriptor)
                os.close(descriptor)
            take(data)

        self.selector.register(descriptor, selectors.EVENT_READ, ready)


PYTHON = [sys.executable, "-P"]  # -P: modules in the current folder aren't ours
MANAGE = [sys.executable, str(ROOT / "manage.py")]


def _python_path() -> str:
    """Return our folders followed by the user's, each once."""
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    return os.pathsep.join(dict.fromkeys([str(ROOT / "platform"), str(ROOT), *given]))


def replace_this_process() -> NoReturn:
    """Become the supervisor: the same process number, without Django's memory."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(sys.executable, [*PYTHON, "-m", "eventlane.supervisor"], os.environ | {"PYTHONPATH": _python_path()})


def _reachable(bind: str) -> tuple[str, int]:
    """Return host and port under which this machine reaches a server that listens on `bind`."""
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), int(port)


def _bind_error(host: str, port: int) -> str:
    """Say why nobody can listen there now; "" if somebody can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _answers(host: str, port: int) -> bool:
    """Return whether an HTTP server answers there."""
    try:
        with socket.create_connection((host, port), timeout=1) as connection:
            connection.sendall(b"OPTIONS /v1/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(5) == b"HTTP/"
    except OSError:
        return False


def main() -> int:
    """Run the platform in the foreground; return the exit status."""
    log = LogStream(sys.stderr.buffer)
    try:
        settings = read_settings()
    except InvalidSetting as error:
        log.write("up", str(error).encode())
        return 2
    return Supervisor(settings, log).run()


if __name__ == "__main__":
    sys.exit(main())
