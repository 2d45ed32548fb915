"""`manage.py run` and `restart --follow` in front of a real worker: live output, notes, exit statuses."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from subprocess import PIPE, CompletedProcess
from typing import Any

import pytest

from tests.automation import Automation, local_settings
from tests.pipelines.resources.samples import command, pipeline, task
from tests.server import ROOT, Server

pytestmark = pytest.mark.slow

WHO = {"name": "who", "type": "string", "default": "world", "environment": "WHO"}
PAUSE = {"name": "pause", "type": "number", "default": 5, "environment": "PAUSE"}
TWO_STEPS = [{"code": 'echo "hello $WHO"; sleep ${PAUSE:-0.5}\nprintf "no end"'}, {"code": "echo second"}]


@pytest.fixture(scope="module")
def automation() -> Iterator[Automation]:
    server = Server(**local_settings())
    try:
        made = Automation(server)
        made.deploy(
            task("greet", steps=TWO_STEPS),
            task("fail", steps=[{"label": "break", "code": "echo before; exit 3"}]),
            task("sleep", steps=[{"code": "echo asleep; exec sleep 300"}]),
            pipeline("greetings", {"task": "greet"}, concurrent=True),
            pipeline("several", {"name": "a", "task": "greet"}, {"name": "b", "task": "fail", "dependencies": ["a"]}),
            pipeline("sleeping", {"task": "sleep"}, concurrent=True),
            command("hello", parameters=[WHO], pipelines=["greetings"]),
            command("slowly", parameters=[WHO, PAUSE], pipelines=["greetings"]),
            command("both", parameters=[WHO], pipelines=["several"]),
            command("sleep", pipelines=["sleeping"]),
        )
        yield made
    finally:
        print(server.log[-10_000:])
        server.close()


def run(automation: Automation, *words: str) -> "CompletedProcess[str]":
    return automation.server.manage("run", *words, check=False)


def follow(automation: Automation, *words: str) -> Any:
    """Start `run`, and return the process once its task says that it sleeps."""
    process = automation.server.popen("run", *words, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"asleep\n"
    return process


def last_pipeline(automation: Automation) -> str:
    [newest] = automation.call("GET", "/pipelines?sort=event_time&order=desc&size=1")["elements"]
    return str(newest["id"])


def test_output_and_notes(automation):
    done = run(automation, "hello", "who=Ann")

    assert (done.returncode, done.stdout) == (0, "hello Ann\nno end\nsecond\n")
    first, last = done.stderr.splitlines()
    assert first == f"pipeline greetings {last_pipeline(automation)}"
    assert last.startswith(f"{first}: successful after ")


def test_output_is_live(automation):
    process = automation.server.popen("run", "slowly", stdout=PIPE, stderr=PIPE)
    assert process.stdout.readline() == b"hello world\n"
    seen = time.monotonic()
    rest, _ = process.communicate(timeout=60)

    assert rest == b"no end\nsecond\n"
    assert time.monotonic() - seen > 1, "the first line came while the step slept"


def test_failure_of_one_of_several(automation):
    done = run(automation, "both")

    assert done.returncode == 1
    assert done.stdout == "a │ hello world\na │ no end\na │ second\nb │ before\n"
    assert "b: failed: step 1 (break): exit status 3" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"pipeline several {last_pipeline(automation)}: failed after ")


def test_aborted_by_somebody(automation):
    process = follow(automation, "sleep")
    assert automation.server.manage("abort", last_pipeline(automation)).stdout.endswith(": aborted\n")
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 2
    assert b": aborted after " in errors


def test_ctrl_c_stops_following_and_says_how_to_go_on(automation):
    process = follow(automation, "sleep")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)

    made = last_pipeline(automation)
    assert process.returncode == 130
    assert f"`manage.py pipelines {made}` shows it, `manage.py abort {made}` stops it".encode() in errors
    assert b"Traceback" not in errors
    assert automation.pipeline(made)["status"] == "started"
    automation.server.manage("abort", made)


def test_timeout(automation):
    done = run(automation, "sleep", "--timeout", "1")

    assert (done.returncode, "no longer following" in done.stderr) == (3, True)
    automation.server.manage("abort", last_pipeline(automation))


def test_nothing_is_run(automation):
    before = last_pipeline(automation)
    done = run(automation, "hello", "wo=Ann", "--project", "main")

    assert (done.returncode, done.stdout) == (64, "")
    assert "wo: there is no such parameter" in done.stderr and "who=string, default 'world'" in done.stderr
    assert last_pipeline(automation) == before


def test_reader_that_goes_away(automation):
    """`manage.py run … | head -1` ends quietly."""
    line = f"{sys.executable} {ROOT / 'manage.py'} run hello | head -1"
    done = subprocess.run(
        ["sh", "-c", line], env=automation.server.environment, capture_output=True, text=True, timeout=60, cwd=ROOT
    )

    assert done.stdout == "hello world\n"
    assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


def test_restart_and_follow(automation):
    run(automation, "both")
    made = last_pipeline(automation)
    done = automation.server.manage("restart", made, "--from-failure", "--follow", check=False)

    assert done.returncode == 1
    assert "b │ before\n" in done.stdout
    again = automation.server.manage("restart", made, "--follow", check=False)
    assert again.stdout == "a │ hello world\na │ no end\na │ second\nb │ before\n"
    assert "b" in automation.server.manage("pipelines", made).stdout


def test_nobody_works(fresh_server):
    """It says so, and continues once there is a worker."""
    server = fresh_server(EVENTLANE_WORKER_PROCESSES="0", **local_settings())
    automation = Automation(server)
    automation.deploy(
        task("say", steps=[{"code": "echo said"}]), pipeline("p", {"task": "say"}), command("c", pipelines=["p"])
    )
    process = server.popen("run", "c", stdout=PIPE, stderr=PIPE)
    assert b"pipeline p " in process.stderr.readline()
    assert b"nothing runs it yet: there is no worker" in process.stderr.readline()

    worker = server.popen("work")
    output, _ = process.communicate(timeout=60)
    worker.send_signal(signal.SIGTERM)

    assert (process.returncode, output) == (0, b"said\n")
    assert worker.wait(timeout=30) == 0
