"""What gram files bring to searches over a million unlike events, and what they cost: `python -m benchmarks.needles`.

Each search is timed with the gram files and with them out of the way, in turns, in a process that has the lake open.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import django
import urllib3
from rich.console import Console
from rich.table import Table

from benchmarks.platforms import Platform, eventlane, free_port
from eventlane.configuration import ROOT

EVENTS = int(os.environ.get("NEEDLES_EVENTS", "1000000"))
BATCH = 5000
ROUNDS = 7
RARE, MISSING = "Xylophonist", "no such phrase anywhere"
LETTERS = "aaabcdeeeefghiiiklmnooprrsstttuvw"


def report(console: Console, running: Platform) -> None:
    """Fill a dataset, merge its files, and print the tables."""
    client = Client(running)
    request_id = client.fill()
    running.wait_until_closed()
    running.wait_until_sealed()
    steps = _maintain(running.home)
    console.print(_costs(running.home / "lake", steps))
    os.environ |= {"EVENTLANE_HOME": str(running.home), "DJANGO_SETTINGS_MODULE": "eventlane.settings"}
    django.setup()
    console.print(_searches(running.home / "lake", request_id))


def _searches(folder: Path, request_id: str) -> Table:
    from events.lake.connection import Lake  # only now it is known where
    from events.lake.query import EventQuery, newest
    from events.lake.snapshot import open_snapshot
    from events.models import Dataset

    dataset = Dataset.objects.get(name="needles")
    lake = Lake(read_only=True)

    def search(given: dict[str, Any]) -> tuple[float, int]:
        query = EventQuery(dataset, limit=100, **given)
        began = time.perf_counter()
        with open_snapshot(lake, [dataset], query.conditions()) as snapshot:
            found = len(list(newest(snapshot, query)))
        return time.perf_counter() - began, found

    searches: dict[str, dict[str, Any]] = {
        "a rare word": {"search": RARE.lower()},
        "a phrase that isn't there": {"search": MISSING},
        "one event by its request id": {"filters": (("requestId", request_id),)},
        "a common word": {"search": "level"},
    }
    table = Table("search", "found", "with gram files", "without", "ratio")
    for name, query in searches.items():
        table.add_row(name, *_in_turns(partial(search, query), folder))
    lake.close()
    return table


def _maintain(home: Path) -> dict[str, float]:
    """Run maintenance, and return how many seconds each step took."""
    ours = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    command = [sys.executable, "-u", str(ROOT / "manage.py"), "maintain"]
    steps, last = {}, 0.0
    with subprocess.Popen(
        command, env={**ours, "EVENTLANE_HOME": str(home)}, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        for line in process.stdout:
            steps[line.partition(":")[0]] = time.monotonic() - last
            last = time.monotonic()
    return steps


def _costs(lake: Path, steps: dict[str, float]) -> Table:
    table = Table("events", "Parquet files", "gram files", "merging them", "making the gram files")
    sizes = [sum(path.stat().st_size for path in _in_use(lake, pattern)) / 1e6 for pattern in ("", ".grams")]
    table.add_row(
        f"{EVENTS:,}", *(f"{size:.1f} MB" for size in sizes), f"{steps['merge']:.1f} s", f"{steps['grams']:.1f} s"
    )
    return table


def _in_use(lake: Path, suffix: str) -> Iterator[Path]:
    """Yield the Parquet files that have a gram file (those that were merged have none), with this suffix."""
    for path in lake.rglob("*.parquet.grams"):
        yield path.with_name(path.name.removesuffix(".grams") + suffix)


def _in_turns(search: Callable[[], tuple[float, int]], lake: Path) -> list[str]:
    times: dict[bool, list[float]] = {True: [], False: []}
    found = set()
    for turn in range(2 * ROUNDS + 2):
        has_grams = turn % 2 == 0
        _show_grams(lake, has_grams)
        took, count = search()
        found.add(count)
        if turn > 1:
            times[has_grams].append(took)
    _show_grams(lake, True)
    if len(found) != 1:
        raise SystemExit(f"one search finds {found} with gram files and without")
    ours, scan = statistics.median(times[True]), statistics.median(times[False])
    return [str(*found), f"{ours * 1000:.0f} ms", f"{scan * 1000:.0f} ms", f"{scan / ours:.1f}"]


def _show_grams(lake: Path, shown: bool) -> None:
    """Put the gram files back, or out of the way."""
    before, after = (".hidden", ".grams") if shown else (".grams", ".hidden")
    for path in lake.rglob(f"*.parquet{before}"):
        path.rename(path.with_name(path.name.removesuffix(before) + after))


class Client:
    """Sends events."""

    def __init__(self, running: Platform) -> None:
        self._running = running
        self._http = urllib3.PoolManager(retries=False)
        self._headers = {"Authorization": f"Bearer {running.keys['write']}"}
        self._headers["X-Eventline-Project-Id"] = self._get("/v0/projects/name/main").json()["id"]
        answer = self._http.request(
            "POST", f"{running.url}/v0/datasets", json={"name": "needles"}, headers=self._headers
        )
        if answer.status != 201:
            raise SystemExit(f"no dataset: {answer.status} {answer.data!r}")

    def fill(self) -> str:
        """Send the events; return the request id of one of them."""
        chance = random.Random(7)
        words = ["".join(chance.choices(LETTERS, k=chance.randint(3, 10))) for _ in range(3000)]
        request_id = ""
        for start in range(0, EVENTS, BATCH):
            events = [_event(chance, words) for _ in range(BATCH)]
            if start <= EVENTS // 3 < start + BATCH:
                events[0]["message"] = f"{events[0]['message']} {RARE}"
                request_id = str(events[1]["requestId"])
            self._send(json.dumps(events, separators=(",", ":")).encode())
        return request_id

    def _send(self, body: bytes) -> None:
        headers = {"x-api-key": self._running.keys["ingest"]}
        answer = self._http.request("POST", f"{self._running.url}/v1/needles/web", body=body, headers=headers)
        if answer.status != 202:
            raise SystemExit(f"events were refused: {answer.status} {answer.data!r}")

    def _get(self, path: str) -> urllib3.BaseHTTPResponse:
        return self._http.request("GET", self._running.url + path, headers=self._headers)


def _event(chance: random.Random, words: list[str]) -> dict[str, object]:
    """Return an event of about 340 bytes."""
    return {
        "level": chance.choice(["info"] * 8 + ["error", "warn"]),
        "service": chance.choice(["api", "web", "billing", "auth"]),
        "message": " ".join(chance.choices(words, k=8)),
        "requestId": str(uuid.UUID(int=chance.getrandbits(128))),
        "traceId": f"{chance.getrandbits(128):032x}",
        "duration": round(chance.random() * 900, 3),
        "http": {
            "status": chance.choice([200, 200, 404, 500]),
            "path": f"/v1/{chance.choice(words)}/{chance.randrange(10**6)}",
        },
        "user": {"id": chance.randrange(100_000)},
    }


if __name__ == "__main__":
    with eventlane(free_port(), EVENTLANE_MAINTAIN_INTERVAL_SECONDS="86400") as platform:
        report(Console(), platform)
