"""Nothing acknowledged is lost or doubled on full disks. `manage.py drill` has the power cuts and kills."""

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import pytest

from events.drill.sender import Sender, expect_exactly_once
from tests.postgres import scratch_home

pytestmark = pytest.mark.drill


@pytest.fixture
def small_disk():
    """A home whose journal is on a file system of 16 MiB, which only root can mount."""
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


QUICK = {"EVENTLANE_JOURNAL_MAX_AGE_SECONDS": "1", "EVENTLANE_SEAL_INTERVAL_SECONDS": "0.5"}
WEB_PROCESSES = 2


def test_full_disk_is_an_error_and_never_a_202(small_disk, fresh_server):
    server = fresh_server(home=small_disk, EVENTLANE_MIN_FREE_MB="0", **QUICK)
    ballast = small_disk / "journal" / "ballast"
    ballast.write_bytes(b"x" * (shutil.disk_usage(ballast.parent).free - 300_000))
    with Sender(server, "full", events=200) as sender:
        server.wait_until(lambda: sender.refused > 20, "requests are refused")
    assert 1 <= server.log.count("a request was not stored: [Errno 28]") <= WEB_PROCESSES
    response = server.post("/v1/logs/full", [{"n": str(number), "pad": "x" * 1000} for number in range(2000)])
    assert (response.status, response.data) == (500, b'{"message": "Internal Error"}')
    ballast.unlink()
    server.wait_until(lambda: server.post("/v1/logs/full", [{"n": "after"}]).status == 202, "there is room again")
    expect_exactly_once(server, "full", sender.acknowledged | {"after"})


def open_as_administrator(server, path) -> int:
    """Log in to the console, which writes to the database, and return the status of a page."""
    form = server.request("GET", "/console/login/")
    token = form.headers["Set-Cookie"].split("csrftoken=")[1].split(";")[0]
    fields = {"username": server.email, "password": server.password, "csrfmiddlewaretoken": token}
    sent = {"cookie": f"csrftoken={token}", "content_type": "application/x-www-form-urlencoded"}
    answer = server.request("POST", "/console/login/", urlencode(fields).encode(), **sent)
    assert answer.status == 302, answer.data
    cookies = "; ".join(text.split(";")[0] for text in answer.headers.getlist("Set-Cookie"))
    return server.request("GET", path, cookie=cookies).status


def test_nearly_full_disk_refuses_events_and_nothing_else(small_disk, fresh_server):
    server = fresh_server(home=small_disk, EVENTLANE_MIN_FREE_MB="8", **QUICK)
    assert "less than EVENTLANE_MIN_FREE_MB" not in server.log
    ballast = small_disk / "journal" / "ballast"
    ballast.write_bytes(b"x" * (10 << 20))
    with Sender(server, "nearly", events=5) as sender:
        server.wait_until(lambda: sender.refused > 200, "requests are refused")
        assert 1 <= server.log.count("less than EVENTLANE_MIN_FREE_MB=8") <= WEB_PROCESSES
        response = server.post("/v1/logs/nearly", [{}])
        assert (response.status, response.data) == (503, b'{"message": "Service Unavailable"}')
        assert response.headers["Retry-After"] == "5"
        assert response.headers["X-Error-Reason"].startswith("the disk is nearly full")
        assert open_as_administrator(server, "/console/events/dataset/") == 200
        assert "events are refused" in server.manage("doctor", check=False).stdout
    server.stop()
    server.start()
    assert "less than EVENTLANE_MIN_FREE_MB=8: events are refused until there is room" in server.log
    ballast.unlink()
    server.wait_until(lambda: server.post("/v1/logs/nearly", [{"n": "after"}]).status == 202, "there is room again")
    expect_exactly_once(server, "nearly", sender.acknowledged | {"after"})


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
