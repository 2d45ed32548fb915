"""How long after its 202 an event is there in open tails: `python -m benchmarks.tails`.

Tails and load share one event loop here, on the machine of the platform, so the times include what these take.
"""

import argparse
import asyncio
import itertools
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.request import Request, urlopen

from rich.console import Console
from rich.table import Table

from benchmarks import sample
from benchmarks.platforms import Platform, eventlane, free_port

CONNECTIONS = 16
WARM_UP_SECONDS, LAST_SECONDS = 2.0, 6.0  # the last events may still be on their way
NUMBER = re.compile(rb'"event":\{"n":(\d+)')
MISSING = re.compile(rb'"dropped":(\d+),"skipped":(\d+)')


@dataclass
class Measurement:
    """When events were accepted, and when they arrived in tails."""

    accepted: dict[int, float] = field(default_factory=dict)  # by number, those that the tails ask for
    arrived: list[tuple[int, float]] = field(default_factory=list)
    missing: int = 0
    counts: bool = False  # otherwise it warms up
    begun: int = 0  # tails

    def row(self, tails: int) -> list[str]:
        """Return how many came, and p50, p99 and the longest time in ms."""
        times = sorted(max(0.0, at - self.accepted[n]) * 1000 for n, at in self.arrived if n in self.accepted)
        lost = len(self.accepted) * tails - len(times)
        shown = [f"{times[min(len(times) - 1, int(len(times) * share))]:,.0f}" for share in (0.5, 0.99, 1.0)]
        return [f"{len(self.accepted):,}", *shown, f"{lost:,} ({self.missing:,} named)"]


def report(console: Console, running: Platform, options: argparse.Namespace) -> None:
    """Measure with one tail and with many, in turns with little and with much coming in."""
    target = Target(running)
    table = Table("tails", "requests/s", "events", "p50 ms", "p99 ms", "most ms", "missing", "CPU s", title="Live")
    for number, lines in ((1, 1), (options.tails, 1), (options.tails, options.tails)):
        for rate in (2, options.rate):
            before = sum(running.processor_seconds().values())
            found = asyncio.run(_measure(target, number, lines, rate, options.seconds))
            used = sum(running.processor_seconds().values()) - before
            named = f"{number}, {lines} lines"
            table.add_row(named, str(rate), *found.row(number), f"{used:.1f}")
    console.print(table)


class Target:
    """A dataset of the platform, and how to ask for its tail and send to it."""

    def __init__(self, running: Platform) -> None:
        self.host, _, self.port = running.url.removeprefix("http://").partition(":")
        self.post = f"POST /v1/live/live HTTP/1.1\r\nHost: localhost\r\nx-api-key: {running.keys['ingest']}\r\n"
        headers = {"Authorization": f"Bearer {running.keys['write']}"}
        headers["X-Eventline-Project-Id"] = self._ask(running, headers, "projects/name/main")
        self.dataset = self._ask(running, headers, "datasets", b'{"name": "live"}')
        headers["Authorization"] = f"Bearer {running.keys['read']}"
        self.head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **headers}.items())

    @staticmethod
    def _ask(running: Platform, headers: dict[str, str], path: str, body: bytes | None = None) -> str:
        """Return the id of an object."""
        json_headers = headers | {"Content-Type": "application/json"}
        with urlopen(Request(f"{running.url}/v0/{path}", body, json_headers)) as answer:
            return str(json.load(answer)["id"])

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        return await asyncio.open_connection(self.host, int(self.port))


async def _measure(target: Target, tails: int, lines: int, rate: float, seconds: float) -> Measurement:
    found = Measurement()
    searches = [f"level:error%20-service:none{number % lines}" for number in range(tails)]
    readers = [asyncio.create_task(_read(target, search, found)) for search in searches]
    numbers = itertools.count()
    while found.begun < tails:
        await asyncio.sleep(0.1)
    await _send(target, found, numbers, rate, WARM_UP_SECONDS)
    found.counts = True
    await _send(target, found, numbers, rate, seconds)
    await asyncio.sleep(LAST_SECONDS)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return found


async def _read(target: Target, search: str, found: Measurement) -> None:
    """Read a tail until cancelled."""
    reader, writer = await target.connect()
    path = f"/v0/datasets/id/{target.dataset}/tail?q={search}"
    writer.write(f"GET {path} HTTP/1.1\r\n{target.head}\r\n".encode())
    try:
        if b"200" not in await reader.readline():
            raise SystemExit(f"a tail was refused: {await reader.read(1000)!r}")
        found.begun += 1
        rest = b""
        while part := await reader.read(1 << 16):
            now = time.monotonic()
            whole, _, rest = (rest + part).rpartition(b"\n\n")
            found.arrived += [(int(number), now) for number in NUMBER.findall(whole)]
            found.missing += sum(sum(map(int, numbers)) for numbers in MISSING.findall(whole))
        raise SystemExit(f"a tail was ended: {rest!r}")
    finally:
        writer.close()


async def _send(target: Target, found: Measurement, numbers: Iterator[int], rate: float, seconds: float) -> None:
    begin, connections = time.monotonic(), min(CONNECTIONS, max(1, round(rate / 10)))
    due = iter([begin + number / rate for number in range(int(rate * seconds))])
    await asyncio.gather(*(_send_when_due(target, found, numbers, due) for _ in range(connections)))


async def _send_when_due(target: Target, found: Measurement, numbers: Iterator[int], due: Iterator[float]) -> None:
    reader, writer = await target.connect()
    events = [json.loads(text) for text in sample.events(100)]
    for at in due:
        await asyncio.sleep(at - time.monotonic())
        number = next(numbers)
        event = {"n": number} | events[number % len(events)]
        body = json.dumps([event]).encode().replace(b'"n": ', b'"n":')
        writer.write(f"{target.post}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", answer)
        await reader.readexactly(int(length[1]) if length else 0)
        if b" 202 " not in answer:
            raise SystemExit(f"an event was refused: {answer!r}")
        if found.counts and event["level"] == "error":
            found.accepted[number] = time.monotonic()
    writer.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tails", type=int, default=200)
    parser.add_argument("--rate", type=int, default=500, help="requests/s, of one event each")
    parser.add_argument("--seconds", type=float, default=15.0)
    return parser.parse_args()


if __name__ == "__main__":
    with eventlane(free_port()) as platform:
        report(Console(width=None if os.isatty(1) else 130), platform, _options())
