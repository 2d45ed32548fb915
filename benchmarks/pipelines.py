"""How fast pipelines run: from an event to the end of its pipeline, and how many tasks two workers finish per second.

The baseline for the latter is the rate of procrastinate's bare jobs in the same run, taking turns with ours. To run
only this: `python -m benchmarks.pipelines`.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import urllib3
from rich.console import Console
from rich.table import Table

from benchmarks.platforms import Platform, eventlane, free_port
from eventlane.configuration import ROOT
from eventlane.embedded_postgres import database_url

TASKS, ROUNDS, WORKERS = 500, 3, 2
CONCURRENCY = 4  # per worker
BARE_JOB = "bench.noop"
EVENTS, WARM_UP_EVENTS = 100, 5
MIN_SHARE = 0.5
DEADLINE_SECONDS = 120.0
SPECS = [
    {"type": "task", "name": "noop", "data": {"runtime": {"name": "none"}}},
    {
        "type": "task",
        "name": "local",
        "data": {"runtime": {"name": "local"}, "steps": [{"command": "true"}]},
    },
    {"type": "pipeline", "name": "noop", "data": {"concurrent": True, "tasks": [{"task": "noop"}]}},
    {"type": "pipeline", "name": "local", "data": {"concurrent": True, "tasks": [{"task": "local"}]}},
    {"type": "trigger", "name": "noop", "data": {"connector": "custom", "event": "noop", "pipelines": ["noop"]}},
    {"type": "trigger", "name": "local", "data": {"connector": "custom", "event": "local", "pipelines": ["local"]}},
]
OURS = """
SELECT count(*) / extract(epoch FROM max(end_time) - min(start_time)) FROM
    (SELECT start_time, end_time FROM projects_task WHERE status = 'successful' ORDER BY end_time DESC LIMIT %s) AS t
"""
BARE = """
SELECT count(*) FILTER (WHERE type = 'succeeded')
     / extract(epoch FROM max(at) FILTER (WHERE type = 'succeeded') - min(at) FILTER (WHERE type = 'started'))
FROM procrastinate_events AS e JOIN procrastinate_jobs AS j ON j.id = e.job_id WHERE j.task_name = %s
"""


class Automation:
    """A platform with the pipelines of the measurement."""

    def __init__(self, running: Platform) -> None:
        self.running = running
        self.http = urllib3.HTTPConnectionPool(*running.url.removeprefix("http://").split(":"), maxsize=1)
        self.database = psycopg.connect(database_url(running.home), autocommit=True)
        self.database.execute("UPDATE projects_project SET local_runtime = true")
        [self.project] = self.database.execute("SELECT id FROM projects_project ORDER BY id LIMIT 1").fetchone() or [""]
        specs = [{"version": 1} | spec for spec in SPECS]
        self.send("PUT", f"/projects/id/{self.project}/resources", {"specs": specs}, right="deploy")

    def send(self, method: str, path: str, body: object, right: str = "write") -> bytes:
        """Send a request with the key that has this right."""
        headers = {"Authorization": f"Bearer {self.running.keys[right]}", "X-Eventline-Project-Id": self.project}
        answer = self.http.request(method, f"/v0{path}", body=json.dumps(body).encode(), headers=headers)
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {answer.data.decode()}")
        return answer.data

    def emit(self, name: str) -> None:
        """Send the event that starts a pipeline."""
        self.send("POST", "/events", {"connector": "custom", "name": name, "data": {}})

    def wait_until_finished(self, look_seconds: float) -> None:
        """Wait until no pipeline is left to run, checking at this interval."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        unfinished = "SELECT count(*) FROM projects_pipeline WHERE status IN ('created', 'started')"
        while self.number(unfinished):
            if time.monotonic() > deadline:
                raise SystemExit("the pipelines did not end")
            time.sleep(look_seconds)

    def number(self, query: str, *values: object) -> float:
        """Return the result of a query."""
        [value] = self.database.execute(query, values).fetchone() or [0]
        return float(value)


def report(console: Console, running: Platform) -> None:
    """Measure on a platform that runs no workers of its own, and print the table."""
    automation = Automation(running)
    ours, bare = [], []
    for _ in range(ROUNDS):
        bare.append(_bare_rate(automation))
        ours.append(_our_rate(automation))
    table = Table("", "", title="Pipelines")
    table.add_row(f"bare procrastinate jobs a second, {WORKERS} workers", f"{statistics.median(bare):,.0f}")
    share = statistics.median(mine / theirs for mine, theirs in zip(ours, bare, strict=True))
    verdict = "" if share >= MIN_SHARE else f", below {MIN_SHARE}"
    table.add_row("tasks finished a second that start no process", f"{statistics.median(ours):,.0f}")
    table.add_row("of the rate of bare jobs", f"{share:.2f}{verdict}")
    milliseconds = sorted(_latencies(automation))
    for share in (50, 99):
        value = milliseconds[min(len(milliseconds) - 1, len(milliseconds) * share // 100)]
        table.add_row(f"event → end of a pipeline of one local task, p{share}", f"{value:,.0f} ms")
    console.print(table)


def _our_rate(automation: Automation) -> float:
    for _ in range(TASKS):
        automation.emit("noop")
    with _workers(automation.running, str(ROOT / "manage.py"), "work", f"--tasks={CONCURRENCY}"):
        automation.wait_until_finished(0.1)
    return automation.number(OURS, TASKS)


def _bare_rate(automation: Automation) -> float:
    module = ["-m", "benchmarks.bare_jobs"]
    subprocess.run([sys.executable, *module, "defer", str(TASKS)], env=_environment(automation.running), check=True)
    with _workers(automation.running, *module, "work") as workers:
        for worker in workers:
            worker.wait(DEADLINE_SECONDS)
    rate = automation.number(BARE, BARE_JOB)
    automation.database.execute("DELETE FROM procrastinate_jobs WHERE task_name = %s", [BARE_JOB])
    return rate


def _latencies(automation: Automation) -> Iterator[float]:
    """Yield milliseconds from before the request with the event until the database has the pipeline's end."""
    with _workers(automation.running, str(ROOT / "manage.py"), "work", count=1):
        for number in range(WARM_UP_EVENTS + EVENTS):
            begin = time.monotonic()
            automation.emit("local")
            automation.wait_until_finished(0.002)
            if number >= WARM_UP_EVENTS:
                yield (time.monotonic() - begin) * 1000
    failed = automation.number("SELECT count(*) FROM projects_pipeline WHERE status <> 'successful'")
    if failed:
        raise SystemExit(f"{failed:.0f} pipelines were not successful: the results would mean nothing")


@contextmanager
def _workers(running: Platform, *words: str, count: int = WORKERS) -> Iterator[list["subprocess.Popen[bytes]"]]:
    command, environment = [sys.executable, *words], _environment(running)
    workers = [subprocess.Popen(command, env=environment, cwd=ROOT) for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait(60)


def _environment(running: Platform) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("EVENTLANE_")}
    return ours | {
        "EVENTLANE_HOME": str(running.home),
        "DATABASE_URL": database_url(running.home),
        "DJANGO_SETTINGS_MODULE": "eventlane.settings",
        "PYTHONPATH": f"{ROOT / 'platform'}{os.pathsep}{ROOT}",
    }


if __name__ == "__main__":
    with eventlane(free_port(), EVENTLANE_WORKER_PROCESSES="0") as platform:
        report(Console(width=None if os.isatty(1) else 110), platform)
