"""What a query that runs again and again does to ingest."""

import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks import load, sample
from benchmarks.platforms import Platform

EVENTS, CONNECTIONS = 10, 16
SECONDS, ROUNDS = 4.0, 3


def ingest_beside(running: Platform, ask: Callable[[], object], seconds: float = SECONDS) -> str:
    """Send small batches, in turns with nothing else going on and beside a query; say how long requests took."""
    quiet, beside = [], []
    _send(running, seconds)
    for _ in range(ROUNDS):
        quiet.append(_send(running, seconds))
        with _again_and_again(ask):
            beside.append(_send(running, seconds))
    alone, busy = (statistics.median(result.p99_ms for result in results) for results in (quiet, beside))
    rates = [statistics.median(result.requests_per_second for result in results) for results in (quiet, beside)]
    return (
        f"ingest, {EVENTS} events a request on {CONNECTIONS} connections: p99 {alone:.1f} ms quiet,"
        f" {busy:.1f} ms beside the query, {busy / alone:.1f} times as long;"
        f" {rates[0]:,.0f} and {rates[1]:,.0f} requests/s"
    )


def _send(running: Platform, seconds: float) -> load.Result:
    body = b"[" + b",".join(sample.events(EVENTS)) + b"]"
    url, key = f"{running.url}/v1/logs/beside", running.keys["ingest"]
    return load.run(url, body=body, key=key, seconds=seconds, connections=CONNECTIONS)


@contextmanager
def _again_and_again(ask: Callable[[], object]) -> Iterator[None]:
    """Ask all the time, until the block ends."""
    ended = threading.Event()

    def keep_asking() -> None:
        while not ended.is_set():
            ask()

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        yield
    finally:
        ended.set()
        asking.join()
