"""Measure this machine and print one table. `make bench ARGS="--seconds 10"` for steadier figures."""

import argparse
import os
import platform
import signal
import socket
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import load, pages, sample
from benchmarks.disk import synced_writes_per_second
from benchmarks.platforms import Platform, empty_view, eventlane
from events.journal import backlog

BATCHES = (1, 10, 100, 1000)
WARM_UP_SECONDS = 1.0
SETTLE_SECONDS = 3.0


def main() -> None:
    """Run everything and print it."""
    options = _options()
    console = Console(width=None if os.isatty(1) else 110)
    console.print(
        f"{_machine()}; load from {load.generator_name()} on the same machine, {options.connections} connections"
    )
    table = Table("", "requests/s", "events/s", "p50 ms", "p99 ms", "of the empty view", title="Events in")
    with empty_view(_free_port()) as url:
        load.run(url, seconds=WARM_UP_SECONDS, connections=options.connections)
        empty = load.run(url, seconds=options.seconds, connections=options.connections)
    table.add_row("empty Django view", _count(empty.requests_per_second), "", *_latencies(empty), "1")
    with eventlane(_free_port()) as running:
        idle = _memory(running)
        for size in (300, 20_000):
            rate = synced_writes_per_second(running.home, size, options.seconds)
            table.add_row(f"write {size:,} B + fdatasync", _count(rate), "", "", "", "")
        accepted = _measure_ingest(running, table, empty.requests_per_second, options)
        console.print(table)
        _report_sealing(console, running, accepted, options)
        console.print(f"Memory (PSS, without PostgreSQL) idle after the start: {idle}")
        console.print(f"after all that: {_memory(running)}")
        pages.report(console, running)


def _measure_ingest(running: Platform, table: Table, empty: float, options: argparse.Namespace) -> int:
    """Fill in the ingest rows, the sealer stopped; return the events accepted in all."""
    os.kill(running.sealer(), signal.SIGSTOP)
    accepted = 0
    for size in BATCHES:
        result = _send(running, size, options)
        rate = result.requests_per_second
        accepted += round(rate * size * options.seconds)
        per = f"{rate / empty:.2f} requests, {rate * size / empty:.1f} events"
        table.add_row(f"{size:,} a request", _count(rate), _count(rate * size), *_latencies(result), per)
    return accepted


def _send(running: Platform, size: int, options: argparse.Namespace) -> load.Result:
    body = b"[" + b",".join(sample.events(size)) + b"]"
    url, key = f"{running.url}/v1/logs/bench", running.keys["ingest"]
    result = load.run(url, body=body, key=key, seconds=options.seconds, connections=options.connections)
    if result.failures:
        raise SystemExit(f"{result.failures} requests of {size} events failed: the figures would mean nothing")
    return result


def _report_sealing(console: Console, running: Platform, accepted: int, options: argparse.Namespace) -> None:
    """Let the sealer catch up and time it, then load and seal at once."""
    running.wait_until_closed()
    begin = time.monotonic()
    os.kill(running.sealer(), signal.SIGCONT)
    running.wait_until_sealed()
    alone = accepted / (time.monotonic() - begin)
    console.print(f"Sealer catching up, nothing else going on: {_count(alone)} events/s")
    result = _send(running, 100, options)
    left = backlog(running.journal).bytes / _journal_bytes_of_one()
    both = result.requests_per_second * 100
    sealed = both - left / options.seconds
    console.print(f"100 a request, sealer running: {_count(both)} events/s in, {_count(sealed)} sealed meanwhile")


def _journal_bytes_of_one() -> float:
    """Return what an event of a hundred takes in the journal: its text and its length."""
    texts = sample.events(100)
    return sum(map(len, texts)) / len(texts) + 4


def _memory(running: Platform) -> str:
    """Say what its processes take, in all and each."""
    time.sleep(SETTLE_SECONDS)
    parts = running.memory_mb()
    listed = ", ".join(f"{name.rpartition(' ')[0]} {size:.0f}" for name, size in parts.items())
    return f"{sum(parts.values()):.0f} MB ({listed})"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each run of load")
    parser.add_argument("--connections", type=int, default=32, help="connections that send at once")
    return parser.parse_args()


def _machine() -> str:
    cpu = Path("/proc/cpuinfo").read_text().partition("model name")[2].partition("\n")[0].strip("\t :")
    return f"{os.cpu_count()} cores ({cpu or platform.machine()}), Python {platform.python_version()}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _count(number: float) -> str:
    return f"{number:,.0f}"


def _latencies(result: load.Result) -> tuple[str, str]:
    return f"{result.p50_ms:.1f}", f"{result.p99_ms:.1f}"


if __name__ == "__main__":
    main()
