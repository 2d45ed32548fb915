"""What gram files bring to searches over a million unlike events, and what they cost: `python -m benchmarks.needles`.

Each search asks for the newest 100 events. Its processor time is taken with the gram files and without, in turns, in a
process that has the lake open.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import django
from rich.console import Console
from rich.table import Table

from benchmarks.platforms import Platform, eventlane, free_port
from benchmarks.questions import DATASET, PART, Client
from benchmarks.unlike import MISSING, RARE, UnlikeEvents
from eventlane.configuration import ROOT

EVENTS = int(os.environ.get("NEEDLES_EVENTS", "1000000"))
ROUNDS = 5


def report(console: Console, running: Platform) -> None:
    """Fill a dataset, merge its files, and print the tables."""
    client, events = Client(running), UnlikeEvents(EVENTS)
    for first in range(0, EVENTS, PART):
        console.print(client.send(events, first))
    steps = _maintain(running.home)
    console.print(_costs(running.home / "lake", steps))
    os.environ |= {"EVENTLANE_HOME": str(running.home), "DJANGO_SETTINGS_MODULE": "eventlane.settings"}
    django.setup()
    console.print(_searches(running.home / "lake", events.a_request_id()))


def _searches(folder: Path, request_id: str) -> Table:
    from events.lake.connection import Lake  # only now it is known where
    from events.models import Dataset
    from events.query.body import read_query
    from events.query.run import ask

    dataset = Dataset.objects.get(name=DATASET)
    lake = Lake(read_only=True, threads=1)

    def search(line: str) -> tuple[float, int]:
        query = read_query({"datasets": [DATASET], "from": "2d", "q": line}, now_us=time.time_ns() // 1000)
        began = time.process_time()
        found = len(ask(lake, [dataset], query).events)
        return time.process_time() - began, found

    searches = {
        "a rare word": RARE,
        "a phrase that isn't there": f'"{MISSING}"',
        "part of a value": f"message:*{RARE[2:]}*",
        "one event by its request id": f"request_id:{request_id}",
        "the newest with a level": "level:error",
        "a common word": "level",
    }
    table = Table("search", "found", "with gram files", "without", "ratio")
    for name, line in searches.items():
        table.add_row(name, *_in_turns(partial(search, line), folder))
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


if __name__ == "__main__":
    with eventlane(free_port(), EVENTLANE_MAINTAIN_INTERVAL_SECONDS="86400") as platform:
        report(Console(), platform)
