"""The cost of many datasets with occasional events: how long sealing takes, and a page of one of them.

To run only this: `python -m benchmarks.trickle`, with `--help` for how many, how often and how long.
"""

import argparse
import itertools
import os
import random
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import urllib3
from rich.console import Console
from rich.table import Table

from benchmarks import sample
from benchmarks.platforms import Platform, eventlane, free_port
from eventlane.configuration import read_settings
from eventlane.embedded_postgres import database_url
from events.journal.format import HEADER_BYTES, decode_header
from events.journal.reader import journal_paths

SENDERS = 4
PAGE_PAUSE_SECONDS = 0.25
LOOK_SECONDS = 0.02


@dataclass
class Measurements:
    """The measurements, in seconds."""

    rounds: list[float] = field(default_factory=list)  # from closing a file to the end of its sealing
    pages: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    sent: int = 0

    def note(self, response: urllib3.BaseHTTPResponse, wanted: int) -> None:
        """Record a reply that isn't the expected one."""
        if response.status != wanted:
            self.failures.append(f"{response.status} {response.data.decode(errors='replace')}")


def report(console: Console, running: Platform, datasets: int, every: float, seconds: float) -> None:
    """Send each dataset an event at this interval, for this long, and print the table."""
    trickle = _Trickle(running, datasets, every)
    trickle.run(seconds / 4)
    running.wait_until_closed()
    running.wait_until_sealed()  # now the tables exist and everything is warm
    before, cpu_before, begin = _lake(running), running.processor_seconds(), time.monotonic()
    measurements = trickle.run(seconds)
    after, cpu_after, took = _lake(running), running.processor_seconds(), time.monotonic() - begin
    if measurements.failures:
        raise SystemExit(
            f"{len(measurements.failures)} requests failed: the results would mean nothing. "
            f"The first: {measurements.failures[0]}"
        )
    title = f"{datasets} datasets, an event each every {every:g} s, {measurements.sent:,} in {took:.0f} s"
    table = Table("", "p50", "p95", "max", title=title)
    table.add_row("s from a journal file's closing until it is sealed", *_spread(measurements.rounds))
    table.add_row("s for the newest 20 events of one dataset", *_spread(measurements.pages))
    for what in after:
        table.add_row(f"{what} a minute", f"{(after[what] - before[what]) / took * 60:.1f}")
    for name in cpu_after:
        table.add_row(f"processor taken by {name}", f"{(cpu_after[name] - cpu_before.get(name, 0)) / took:.0%}")
    console.print(table)


class _Trickle:
    """Senders, a reader, and a thread that watches the journal."""

    def __init__(self, running: Platform, datasets: int, every: float) -> None:
        self._running, self._every = running, every
        self._http = urllib3.PoolManager(maxsize=SENDERS + 1, retries=False)
        self._names = [f"trickle-{number}" for number in range(datasets)]
        self._events = itertools.cycle(sample.events(100))
        self._headers = {"Authorization": f"Bearer {running.keys['write']}"}
        self._headers["X-Eventline-Project-Id"] = self._get("/v0/projects/name/main").json()["id"]
        self._ids = [self._new_dataset(name) for name in self._names]

    def run(self, seconds: float) -> Measurements:
        """Send, read and watch for this long."""
        measurements = Measurements()
        end = time.monotonic() + seconds
        work = [lambda part=part: self._send_until(end, measurements, part) for part in range(SENDERS)]
        work += [lambda: self._read_until(end, measurements), lambda: self._watch_until(end, measurements)]
        threads = [threading.Thread(target=one) for one in work]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return measurements

    def _new_dataset(self, name: str) -> str:
        response = self._http.request(
            "POST", f"{self._running.url}/v0/datasets", json={"name": name}, headers=self._headers
        )
        if response.status != 201:
            raise SystemExit(f"no dataset: {response.status} {response.data!r}")
        return str(response.json()["id"])

    def _send_until(self, end: float, measurements: Measurements, part: int) -> None:
        names = self._names[part::SENDERS]
        pause = self._every / len(names)
        due = time.monotonic()
        for name in itertools.cycle(names):
            time.sleep(max(0.0, due - time.monotonic()))
            if time.monotonic() > end:
                return
            measurements.note(self._send(name), 202)
            measurements.sent += 1
            due += pause

    def _send(self, name: str) -> urllib3.BaseHTTPResponse:
        headers = {"x-api-key": self._running.keys["ingest"]}
        url = f"{self._running.url}/v1/{name}/web"
        return self._http.request("POST", url, body=b"[%b]" % next(self._events), headers=headers)

    def _read_until(self, end: float, measurements: Measurements) -> None:
        while (begin := time.monotonic()) < end:
            response = self._get(f"/v0/datasets/id/{random.choice(self._ids)}/events?size=20&order=desc")
            measurements.pages.append(time.monotonic() - begin)
            measurements.note(response, 200)
            time.sleep(PAGE_PAUSE_SECONDS)

    def _get(self, path: str) -> urllib3.BaseHTTPResponse:
        return self._http.request("GET", self._running.url + path, headers=self._headers)

    def _watch_until(self, end: float, measurements: Measurements) -> None:
        """Record how long each closed file stays in the journal."""
        closed: dict[Path, float] = {}
        while (now := time.monotonic()) < end:
            there = set(journal_paths(self._running.journal))
            measurements.rounds += [now - closed.pop(path) for path in [*closed] if path not in there]
            for path in there - set(closed):
                if _is_closed(path):
                    closed[path] = now
            time.sleep(LOOK_SECONDS)
        measurements.rounds += [now - since for since in closed.values()]


def _is_closed(path: Path) -> bool:
    """Return whether its writer has put its size into its header."""
    try:
        with path.open("rb") as file:
            header = decode_header(file.read(HEADER_BYTES))
    except FileNotFoundError:
        return False
    return bool(header and header.size)


def _lake(running: Platform) -> dict[str, int]:
    """Return the number of snapshots ever created, and of files: maintenance creates and merges them."""
    schema = read_settings({})["EVENTLANE_LAKE_SCHEMA"]
    with psycopg.connect(database_url(running.home)) as database:
        [snapshots] = database.execute(f"SELECT max(snapshot_id) FROM {schema}.ducklake_snapshot").fetchone() or (0,)
    return {"snapshots": snapshots, "files": sum(1 for _ in (running.home / "lake").rglob("*.parquet"))}


def _spread(values: Sequence[float]) -> Iterator[str]:
    ordered = sorted(values)
    for value in (statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1]):
        yield f"{value:.2f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trickle", description=__doc__)
    parser.add_argument("--datasets", type=int, default=200)
    parser.add_argument("--every", type=float, default=4.0, help="seconds between two events of a dataset")
    parser.add_argument("--seconds", type=float, default=120.0, help="how long, after a quarter of it to warm up")
    return parser.parse_args()


if __name__ == "__main__":
    options = _options()
    with eventlane(free_port()) as platform:
        report(Console(width=None if os.isatty(1) else 110), platform, options.datasets, options.every, options.seconds)
