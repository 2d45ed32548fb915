"""Nothing acknowledged is lost or doubled: power cuts, dead sealers, full disks."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import urllib3

from tests.postgres import scratch_home


class Load:
    """Threads that send numbered events until stopped, and remember which were acknowledged."""

    def __init__(self, server, namespace, threads=6, events=20):
        self.acknowledged, self.refused = set(), 0
        self._server, self._namespace, self._events = server, namespace, events
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _send(self, thread):
        http = urllib3.PoolManager(retries=False, timeout=10)
        url = f"{self._server.url}/v1/logs/{self._namespace}"
        headers = {"x-api-key": self._server.keys["ingest"]}
        number = 0
        while not self._stop.is_set():
            names = [f"{thread}-{time.time_ns()}-{number + index}" for index in range(self._events)]
            number += self._events
            body = json.dumps([{"n": name, "pad": "x" * 100} for name in names])
            try:
                status = http.request("POST", url, body=body, headers=headers).status
            except urllib3.exceptions.HTTPError:
                status = 0
            with self._lock:
                if status == 202:
                    self.acknowledged.update(names)
                else:
                    self.refused += 1
            if status != 202:
                time.sleep(0.05)


def found(server, namespace):
    """Return every stored number of a namespace, sealed or not, as often as it is stored."""
    done = server.manage("tail", "logs", "--namespace", namespace, "--from", "1h", "--json", timeout=300)
    return [json.loads(line)["event"]["n"] for line in done.stdout.splitlines()]


def assert_exactly_once(server, namespace, acknowledged):
    names = found(server, namespace)
    assert len(names) == len(set(names)), "an event is stored twice"
    assert acknowledged <= set(names), f"{len(acknowledged - set(names))} acknowledged events are lost"


@pytest.mark.slow
def test_every_acknowledged_event_survives_repeated_power_cuts(fresh_server):
    server = fresh_server(EVENTLANE_JOURNAL_MAX_AGE_SECONDS="0.5", EVENTLANE_SEAL_INTERVAL_SECONDS="0.2")
    acknowledged = set()
    for seconds in (0.7, 1.5, 2.3):
        with Load(server, "cut") as load:
            time.sleep(seconds)
            server.kill()
        assert load.acknowledged
        acknowledged |= load.acknowledged
        server.start()
        assert_exactly_once(server, "cut", acknowledged)
    server.manage("seal")
    assert_exactly_once(server, "cut", acknowledged)


@pytest.mark.slow
def test_killed_sealer_and_web_processes_lose_and_double_nothing(fresh_server):
    server = fresh_server(EVENTLANE_JOURNAL_MAX_AGE_SECONDS="0.5", EVENTLANE_SEAL_INTERVAL_SECONDS="0.1")
    with Load(server, "kills") as load:
        for round_ in range(8):
            time.sleep(0.7)
            victims = server.pids_of("seal") if round_ % 2 else server.pids_of("granian")[-1:]
            for pid in victims:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
    assert len(load.acknowledged) > 100
    assert_exactly_once(server, "kills", load.acknowledged)


@pytest.fixture
def small_disk():
    """A home whose journal lies on a file system of 16 MiB, which only root can mount."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    home = scratch_home()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", _journal(home)], capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"tmpfs can't be mounted here: {mounted.stderr.decode().strip()}")
    yield home
    subprocess.run(["umount", "-l", home / "journal"], check=True)


def _journal(home: Path) -> Path:
    journal = home / "journal"
    journal.mkdir()
    return journal


@pytest.mark.slow
def test_full_disk_is_an_error_and_never_a_202(small_disk, fresh_server):
    server = fresh_server(home=small_disk, EVENTLANE_JOURNAL_MAX_AGE_SECONDS="1", EVENTLANE_SEAL_INTERVAL_SECONDS="0.5")
    ballast = small_disk / "journal" / "ballast"
    ballast.write_bytes(b"x" * (shutil.disk_usage(ballast.parent).free - 300_000))
    with Load(server, "full", events=200) as load:
        server.wait_until(lambda: load.refused > 20, "requests are refused")
    response = server.post("/v1/logs/full", [{"n": str(number), "pad": "x" * 1000} for number in range(2000)])
    assert (response.status, response.data) == (500, b'{"message": "Internal Error"}')
    ballast.unlink()
    server.wait_until(lambda: server.post("/v1/logs/full", [{"n": "after"}]).status == 202, "there is room again")
    assert_exactly_once(server, "full", load.acknowledged | {"after"})


def test_read_only_journal_is_an_error(fresh_server):
    if os.geteuid() == 0:
        pytest.skip("root writes to read-only folders; the full disk stands for it")
    server = fresh_server()
    folder = server.home / "journal"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o500)
    try:
        assert server.post("/v1/logs/web", [{}]).status == 500
    finally:
        folder.chmod(0o700)
    assert server.post("/v1/logs/web", [{}]).status == 202
