"""Workers that die, lose their database or are told to stop while tasks run: no task is stuck, none runs twice."""

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.automation import Automation, local_settings
from tests.pipelines.resources.samples import command, pipeline, task
from tests.server import Server

pytestmark = pytest.mark.drill

LOST_SECONDS = 5
ENDED_SECONDS = 60.0  # the loss, the sweep that finds it, and a machine with much else to do
ODD_SECONDS = 1_000_000_000 + os.getpid()  # of sleep that nobody else asks for
SLEEP = f"echo began; sleep {ODD_SECONDS} & sleep {ODD_SECONDS}; wait"


def settings() -> dict[str, str]:
    lost = {"EVENTLANE_TASK_LOST_SECONDS": str(LOST_SECONDS), "EVENTLANE_WORKER_STOP_SECONDS": "2"}
    return {"EVENTLANE_WEB_PROCESSES": "1", **lost, **local_settings()}


def start(fresh_server: Callable[..., Server], **more: str) -> Automation:
    return Automation(fresh_server(**settings(), **more))


@pytest.fixture(scope="module")
def shared() -> Iterator[Automation]:
    """A platform that lives through many losses."""
    server = Server(**settings())
    try:
        yield Automation(server)
    finally:
        print(server.log[-10_000:])
        server.close()


@pytest.fixture
def automation(shared: Automation) -> Iterator[Automation]:
    """The shared platform, without any tasks that an earlier test left behind."""
    yield shared
    for pid in sleepers():
        os.kill(pid, signal.SIGKILL)


def deploy(automation: Automation, code: str, **options: Any) -> None:
    """Deploy a command `go` whose one task runs this code; options are the task's in its pipeline."""
    of_pipeline = {name: options.pop(name) for name in ("concurrent",) if name in options}
    automation.deploy(
        task("work", steps=[{"code": code}]),
        pipeline("work", {"task": "work", **options}, **{"concurrent": True, **of_pipeline}),
        command("go", pipelines=["work"]),
    )


def begin(automation: Automation) -> str:
    """Execute `go`; return the id of its pipeline once its task has written something."""
    [pipeline_id] = automation.execute("go")
    automation.wait_for_output(pipeline_id, "began")
    return pipeline_id


def workers(server: Server) -> list[int]:
    return server.pids_of("manage.py work")


def sleepers() -> list[int]:
    """Return the processes of tasks, whoever their parent is now."""
    word = str(ODD_SECONDS).encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes() == b"sleep\0" + word + b"\0":
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def kill_worker(automation: Automation) -> int:
    """Kill the only worker with -9; return its number once another has taken its place."""
    [worker] = workers(automation.server)
    os.kill(worker, signal.SIGKILL)
    automation.wait_until(
        lambda: (pids := workers(automation.server)) and worker not in pids, "the supervisor has a new worker"
    )
    return worker


def failure_of(automation: Automation, pipeline_id: str) -> str:
    [row] = automation.tasks(pipeline_id)
    return str(row["failure_message"])


def test_killed_worker(automation):
    deploy(automation, SLEEP)
    pipeline_id = begin(automation)
    assert len(sleepers()) == 2

    worker = kill_worker(automation)

    automation.wait_until(lambda: not sleepers(), "no process of the task is left")
    automation.wait_for(pipeline_id, "failed", ENDED_SECONDS)
    assert f"/{worker} was lost while running the task" in failure_of(automation, pipeline_id)
    deploy(automation, "echo began")
    automation.wait_for(begin(automation), "successful")


def test_worker_that_hangs_is_replaced_and_its_task_is_lost(fresh_server):
    automation = start(fresh_server, EVENTLANE_WORKER_HANG_SECONDS="6")
    server = automation.server
    server.wait_until(lambda: (server.home / "worker-1.progress").exists(), "it goes on")
    deploy(automation, SLEEP)
    pipeline_id = begin(automation)
    [worker] = workers(server)

    os.kill(worker, signal.SIGSTOP)

    server.wait_until(lambda: "worker-1 has made no progress for 6 s: killed" in server.log, "it is noticed", 60)
    server.wait_until(lambda: not sleepers(), "no process of the task is left")
    automation.wait_for(pipeline_id, "failed", ENDED_SECONDS)
    assert f"/{worker} was lost while running the task" in failure_of(automation, pipeline_id)
    deploy(automation, "echo began")
    automation.wait_for(begin(automation), "successful")


def test_killed_worker_of_a_task_with_retries(automation):
    """The second run begins after the first has ended, and says so in the scratchpad."""
    deploy(automation, f"echo began; sleep {ODD_SECONDS}", nb_retries=1)
    pipeline_id = begin(automation)

    kill_worker(automation)

    automation.wait_until(lambda: automation.tasks(pipeline_id)[0]["retry"] == 1, "it is retried", ENDED_SECONDS)
    automation.wait_until(lambda: len(sleepers()) == 1, "the second run, and only that, is there")
    automation.wait_for_output(pipeline_id, "began")
    assert automation.pipeline(pipeline_id)["status"] == "started"
    automation.call("POST", f"/pipelines/id/{pipeline_id}/abort")
    automation.wait_until(lambda: not sleepers(), "abort stops the second run")


def test_killed_platform(automation):
    deploy(automation, SLEEP)
    running = begin(automation)

    automation.server.kill()
    automation.wait_until(lambda: not sleepers(), "no process of the task is left")
    automation.server.start()

    automation.wait_for(running, "failed", ENDED_SECONDS)
    assert "was lost while running the task" in failure_of(automation, running)


def test_killed_platform_runs_what_waited(fresh_server):
    """Jobs that hadn't started aren't lost with the worker that had fetched them."""
    automation = start(fresh_server, EVENTLANE_WORKER_TASKS="1")
    deploy(automation, "echo began; sleep 3")
    first = begin(automation)
    waiting = [automation.execute("go")[0] for _ in range(3)]

    automation.server.kill()
    automation.server.start()

    for pipeline_id in waiting:
        automation.wait_for(pipeline_id, "successful", 60)
    automation.wait_for(first, "failed", ENDED_SECONDS)


@contextmanager
def standstill(server: Server) -> Iterator[None]:
    """Suspend all of PostgreSQL's processes for a while."""
    stopped = server.pids_of("postgres")
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass


def test_database_that_stands_still_for_a_while(automation):
    """For less time than a task may be silent: the task continues and succeeds."""
    deploy(automation, "echo began; sleep 6; echo ended")
    pipeline_id = begin(automation)

    with standstill(automation.server):
        time.sleep(LOST_SECONDS * 0.5)

    automation.wait_for(pipeline_id, "successful", 60)
    assert automation.output(pipeline_id) == "began\nended\n"


def test_database_that_stands_still_when_a_task_ends(automation):
    deploy(automation, "echo began; sleep 1; echo ended")
    pipeline_id = begin(automation)

    with standstill(automation.server):
        time.sleep(3)

    automation.wait_for(pipeline_id, "successful", 60)
    assert automation.output(pipeline_id) == "began\nended\n"


def test_killed_database(fresh_server):
    """Every connection breaks; the supervisor starts it again in a second or two."""
    automation = start(fresh_server)
    deploy(automation, "echo began; sleep 6; echo ended")
    pipeline_id = begin(automation)

    parents = [pid for pid, line in automation.server.pids().items() if line.split(" ")[0].endswith("/postgres")]
    os.kill(min(parents), signal.SIGKILL)
    automation.server.wait_until(lambda: "postgres restarted" in automation.server.log, "PostgreSQL is back")

    automation.wait_for(pipeline_id, "successful", 60)
    assert automation.output(pipeline_id) == "began\nended\n"


def test_database_that_stands_still_for_longer_than_a_task_may_be_silent(automation):
    """Nobody could consider the task lost meanwhile: it continues, once, or has failed; it isn't stuck."""
    deploy(automation, f"echo began; sleep {ODD_SECONDS}", nb_retries=1)
    pipeline_id = begin(automation)

    with standstill(automation.server):
        time.sleep(LOST_SECONDS * 2)

    for _ in range(20):  # twice as long as a sweep and a retry take
        assert len(sleepers()) <= 1
        time.sleep(0.5)
    automation.call("POST", f"/pipelines/id/{pipeline_id}/abort")
    automation.wait_until(lambda: not sleepers(), "no process of the task is left")
    deploy(automation, "echo began")
    automation.wait_for(begin(automation), "successful")


def test_stop_of_the_platform_ends_tasks_in_time(automation):
    deploy(automation, "trap '' TERM; " + SLEEP)  # one that doesn't want to end
    long = begin(automation)
    deploy(automation, "echo began; sleep 1; echo ended")
    short = begin(automation)

    before = time.monotonic()
    assert automation.server.stop() == 0
    seconds = time.monotonic() - before

    assert seconds < 30, f"stopping took {seconds:.1f} s"
    assert "did not stop within" not in automation.server.log
    assert not sleepers()
    automation.server.start()
    assert automation.pipeline(short)["status"] == "successful", "it had the time to end"
    assert automation.pipeline(long)["status"] == "failed"
    assert failure_of(automation, long) == "The worker was stopped while running the task."


def test_one_pipeline_of_a_definition_at_a_time_with_two_workers(fresh_server):
    """They run one after the other, in the order of their events, also with a worker killed in the middle."""
    automation = start(fresh_server, EVENTLANE_WORKER_PROCESSES="2")
    deploy(automation, "echo began; sleep 0.3", concurrent=False)
    server = automation.server
    made = [automation.execute("go")[0] for _ in range(6)]
    for pipeline_id in made:
        automation.wait_for(pipeline_id, "successful", 60)
    assert_in_turn(automation, made)

    deploy(automation, "echo began; sleep 1", concurrent=False)
    made = [automation.execute("go")[0] for _ in range(4)]
    automation.wait_for_output(made[0], "began")
    os.kill(workers(server)[0], signal.SIGKILL)
    automation.wait_until(lambda: is_ended(automation, made[-1]), "the last one has ended", 60)
    assert all(is_ended(automation, pipeline_id) for pipeline_id in made)
    assert_in_turn(automation, made)


def is_ended(automation: Automation, pipeline_id: str) -> bool:
    return automation.pipeline(pipeline_id)["status"] in ("successful", "failed")


def assert_in_turn(automation: Automation, made: list[str]) -> None:
    """Check with the database's own moments, since the wire has whole seconds."""
    spans = automation.query(
        "SELECT start_time, end_time FROM projects_pipeline WHERE id = ANY(%s) ORDER BY array_position(%s, id)",
        made,
        made,
    )
    assert len(spans) == len(made)
    for (_, end), (begin_of_next, _) in pairwise(spans):
        assert end <= begin_of_next


class Wire:
    """The way of one worker to the database, over TCP; it can go dead without a word, as a network does."""

    def __init__(self, database_url: str) -> None:
        parts = conninfo_to_dict(database_url)
        self._target = f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}"
        self._dead = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"postgresql://{parts['user']}@127.0.0.1:{port}/{parts['dbname']}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on nothing comes through, and nothing is refused."""
        self._dead.set()

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            self._sockets += [near, far]
            far.connect(self._target)
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while data := one.recv(65536):
                if self._dead.is_set():
                    return
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_worker_that_is_cut_off(fresh_server):
    """It ends its task before others run it again: two at once would be worse than none."""
    automation = start(fresh_server, EVENTLANE_WORKER_PROCESSES="0")
    server = automation.server
    deploy(automation, f"echo began; sleep {ODD_SECONDS}", nb_retries=1)
    wire = Wire(server.database_url)
    lonely = server.popen("work", DATABASE_URL=wire.url)
    other = None
    try:
        pipeline_id = begin(automation)
        [first] = sleepers()
        other = server.popen("work")
        automation.wait_until(lambda: len(automation.query("SELECT id FROM procrastinate_workers")) == 2, "two workers")

        wire.cut()

        deadline = time.monotonic() + ENDED_SECONDS
        while (running := sleepers()) == [first] or not running:
            assert time.monotonic() < deadline, "it is run again"
            time.sleep(0.02)
        assert first not in running and len(running) == 1
        automation.call("POST", f"/pipelines/id/{pipeline_id}/abort")
        automation.wait_until(lambda: not sleepers(), "abort stops the second run")
    finally:
        for worker in (lonely, other):
            if worker is not None:
                worker.kill()
                worker.wait()
        wire.close()
