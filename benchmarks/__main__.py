"""Measure this machine and print a table. `make bench ARGS="--seconds 10"` gives steadier results."""

import argparse
import os
import platform
import signal
import statistics
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import load, pages, pipelines, questions, sample, triggers
from benchmarks.disk import synced_writes_per_second
from benchmarks.platforms import Platform, empty_view, eventlane, free_port
from events.journal import backlog

BATCHES = (1, 10, 100, 1000)
ROUNDS = 3  # empty view and ingest take turns: a slow moment of the machine affects both
WARM_UP_SECONDS = 1.0
SETTLE_SECONDS = 3.0


def main() -> None:
    """Run everything and print the results."""
    options = _options()
    console = Console(width=None if os.isatty(1) else 110)
    console.print(
        f"{_machine()}; load from {load.generator_name()} on the same machine, {options.connections} connections"
    )
    with empty_view(free_port()) as empty_url, eventlane(free_port()) as running:
        idle = _memory(running)
        table, accepted = _measure_ingest(running, empty_url, options)
        console.print(table)
        _report_sealing(console, running, accepted, options)
        console.print(f"Memory (PSS, without PostgreSQL) idle after the start: {idle}")
        console.print(f"after all that: {_memory(running)}")
        pages.report(console, running)
    triggers.report(console)
    with eventlane(free_port(), EVENTLANE_WORKER_PROCESSES="0") as running:
        pipelines.report(console, running)
    with eventlane(free_port(), EVENTLANE_MAINTAIN_INTERVAL_SECONDS="86400") as running:
        questions.report(console, running, options.events)


def _measure_ingest(running: Platform, empty_url: str, options: argparse.Namespace) -> tuple[Table, int]:
    """Return the table of ingest, measured with the sealer stopped, and the total number of accepted events.

    Each size takes turns with the empty view. The table shows medians.
    """
    table = Table("", "requests/s", "events/s", "p50 ms", "p99 ms", "of the empty view", title="Events in")
    for size in (300, 20_000):
        rate = synced_writes_per_second(running.home, size, options.seconds)
        table.add_row(f"write {size:,} B + fdatasync", _count(rate), "", "", "", "")
    os.kill(running.sealer(), signal.SIGSTOP)
    accepted, empties = 0, []
    for size in BATCHES:
        _send(running, size, WARM_UP_SECONDS, options)
        rounds = [(_empty(empty_url, options), _send(running, size, options.seconds, options)) for _ in range(ROUNDS)]
        empties += [empty for empty, _ in rounds]
        ratio = statistics.median(full.requests_per_second / empty.requests_per_second for empty, full in rounds)
        middle = sorted((full for _, full in rounds), key=lambda full: full.requests_per_second)[ROUNDS // 2]
        rate = middle.requests_per_second
        accepted += round(sum(full.requests_per_second for _, full in rounds) * size * options.seconds)
        per = f"{ratio:.2f} requests, {ratio * size:.1f} events"
        table.add_row(f"{size:,} a request", _count(rate), _count(rate * size), *_latencies(middle), per)
    middle = sorted(empties, key=lambda empty: empty.requests_per_second)[len(empties) // 2]
    table.add_row("empty Django view", _count(middle.requests_per_second), "", *_latencies(middle), "1")
    return table, accepted


def _empty(url: str, options: argparse.Namespace) -> load.Result:
    return load.run(url, seconds=options.seconds, connections=options.connections)


def _send(running: Platform, size: int, seconds: float, options: argparse.Namespace) -> load.Result:
    body = b"[" + b",".join(sample.events(size)) + b"]"
    url, key = f"{running.url}/v1/logs/bench", running.keys["ingest"]
    result = load.run(url, body=body, key=key, seconds=seconds, connections=options.connections)
    if result.failures:
        raise SystemExit(f"{result.failures} requests of {size} events failed: the results would mean nothing")
    return result


def _report_sealing(console: Console, running: Platform, accepted: int, options: argparse.Namespace) -> None:
    """Let the sealer catch up and time it, then load and seal at the same time."""
    running.wait_until_closed()
    begin = time.monotonic()
    os.kill(running.sealer(), signal.SIGCONT)
    running.wait_until_sealed()
    alone = accepted / (time.monotonic() - begin)
    console.print(f"Sealer catching up, nothing else going on: {_count(alone)} events/s")
    result = _send(running, 100, options.seconds, options)
    left = backlog(running.journal).bytes / _journal_bytes_of_one()
    both = result.requests_per_second * 100
    sealed = both - left / options.seconds
    console.print(f"100 a request, sealer running: {_count(both)} events/s in, {_count(sealed)} sealed meanwhile")


def _journal_bytes_of_one() -> float:
    """Return the size in the journal of an event in a batch of a hundred: its text and its length."""
    texts = sample.events(100)
    return sum(map(len, texts)) / len(texts) + 4


def _memory(running: Platform) -> str:
    """Describe the memory of its processes, in total and each."""
    time.sleep(SETTLE_SECONDS)
    parts = running.memory_mb()
    listed = ", ".join(f"{name.rpartition(' ')[0]} {size:.0f}" for name, size in parts.items())
    return f"{sum(parts.values()):.0f} MB ({listed})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each run of load")
    parser.add_argument("--connections", type=int, default=32, help="connections that send at once")
    parser.add_argument("--events", type=int, default=questions.EVENTS, help="events to which questions are asked")
    return parser.parse_args()


def _machine() -> str:
    cpu = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition("\n")[0].strip("\t :")
    return f"{os.cpu_count()} cores ({cpu or platform.machine()}), Python {platform.python_version()}"


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _latencies(result: load.Result) -> tuple[str, str]:
    return f"{result.p50_ms:.1f}", f"{result.p99_ms:.1f}"


if __name__ == "__main__":
    main()
