"""How fast a storm can be stopped: a trigger that matches 100,000 events is disabled while firing, its queue aborted.

`python -m benchmarks.storm`; without a rate limit, which would leave nothing to stop.
"""

import json
import os
import time
from collections.abc import Callable

import urllib3
from rich.console import Console
from rich.table import Table

from benchmarks.pipelines import Automation
from benchmarks.platforms import Platform, eventlane, free_port

EVENTS, A_REQUEST = 100_000, 1000
FIRING_SECONDS = 20.0
DEADLINE_SECONDS = 300.0
LOOK_SECONDS = 0.1
WAITING = "SELECT count(*) FROM events_triggermatch"
QUEUED = "SELECT count(*) FROM projects_pipeline WHERE status = 'created'"
UNFINISHED = "SELECT count(*) FROM projects_pipeline WHERE status IN ('created', 'started')"
NEWEST_PIPELINE = "SELECT extract(epoch FROM max(creation_time)) FROM projects_pipeline"
NEWEST_START = "SELECT extract(epoch FROM max(start_time)) FROM projects_task"
TRIGGER = "SELECT id FROM projects_resource WHERE type = 'trigger' AND name = 'storm'"
SPECS = [
    {"type": "task", "name": "local", "data": {"runtime": {"name": "local"}, "steps": [{"command": "true"}]}},
    {"type": "pipeline", "name": "local", "data": {"concurrent": True, "tasks": [{"task": "local"}]}},
    {"type": "trigger", "name": "storm", "data": {"connector": "dataset", "event": "logs", "pipelines": ["local"]}},
]


def report(console: Console, running: Platform) -> None:
    """Start a storm, stop it, and print how long each step took."""
    automation = Automation(running)
    specs = [{"version": 1} | spec for spec in SPECS]
    automation.send("PUT", f"/projects/id/{automation.project}/resources", {"specs": specs}, right="deploy")
    [trigger] = automation.database.execute(TRIGGER).fetchone() or [""]
    table = Table("", "", title=f"{EVENTS:,} matching events")
    table.add_row("until all are found", f"{_seconds(lambda: _raise(running, automation)):.1f} s")
    time.sleep(FIRING_SECONDS)
    made = automation.number("SELECT count(*) FROM projects_pipeline")
    table.add_row(f"pipelines made in the next {FIRING_SECONDS:g} s", f"{made:,.0f}")
    begin = time.time()
    automation.send("POST", f"/resources/id/{trigger}/disable", None, right="deploy")
    table.add_row("disabling it, until the reply", f"{time.time() - begin:.2f} s")
    time.sleep(5)
    table.add_row("until its last pipeline was made", f"{automation.number(NEWEST_PIPELINE) - begin:.2f} s")
    table.add_row("matching events left", f"{automation.number(WAITING):,.0f}")
    table.add_row("pipelines queued", f"{automation.number(QUEUED):,.0f}")
    begin = time.time()
    stopped = json.loads(automation.send("POST", "/pipelines/abort_queued", {"trigger_id": trigger}))
    table.add_row(f"aborting {stopped['pipelines']:,} of them, until the reply", f"{time.time() - begin:.2f} s")
    _wait(lambda: not automation.number(UNFINISHED))
    table.add_row("until the last task was started", f"{automation.number(NEWEST_START) - begin:.2f} s")
    table.add_row("until nothing runs", f"{time.time() - begin:.2f} s")
    console.print(table)


def _raise(running: Platform, automation: Automation) -> None:
    """Send the events and wait until the watcher has evaluated all of them."""
    http = urllib3.PoolManager()
    body = json.dumps([{"level": "error", "n": n} for n in range(A_REQUEST)]).encode()
    for _ in range(EVENTS // A_REQUEST):
        answer = http.request(
            "POST", f"{running.url}/v1/logs/storm", body=body, headers={"x-api-key": running.keys["ingest"]}
        )
        if answer.status != 202:
            raise SystemExit(f"an event was refused: {answer.status}")
    fired = "SELECT count(*) FROM projects_platformevent"
    _wait(lambda: automation.number(WAITING) + automation.number(fired) >= EVENTS)


def _seconds(act: Callable[[], None]) -> float:
    begin = time.monotonic()
    act()
    return time.monotonic() - begin


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("it did not come to an end")
        time.sleep(LOOK_SECONDS)


if __name__ == "__main__":
    with eventlane(free_port(), EVENTLANE_TRIGGER_RATE_LIMIT="none", EVENTLANE_TASK_ISOLATION="none") as platform:
        report(Console(width=None if os.isatty(1) else 110), platform)
