"""What slow clients do to a normal sender, whose requests are due at a fixed rate: in turns without and with them.

To run it: `python -m benchmarks.slow`, with `--help` for how many clients, how fast and how long.
"""

import argparse
import asyncio
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks import sample
from benchmarks.platforms import eventlane, free_port

SETTLE_SECONDS = 2.0
BYTE_SECONDS = 1.0  # between two bytes of a slow client
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Paced:
    """How long requests took from when they were due, and how many weren't accepted."""

    p50_ms: float
    p99_ms: float
    requests_per_second: float
    failures: int


def paced(url: str, key: str, body: bytes, rate: float, seconds: float) -> Paced:
    """Send requests when they are due, on as many connections as that takes."""
    return asyncio.run(_Paced(url, key, body).run(rate, seconds))


class _Paced:
    def __init__(self, url: str, key: str, body: bytes) -> None:
        self._host, self._port, path = _parts(url)
        head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nx-api-key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
        self._request = head.encode() + body
        self._free: list[Connection] = []
        self._took: list[float] = []
        self._failures = 0

    async def run(self, rate: float, seconds: float) -> Paced:
        begin = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            for number in range(round(rate * seconds)):
                due = begin + number / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                tasks.create_task(self._send(due))
        took = time.monotonic() - begin
        for _, writer in self._free:
            writer.close()
        ordered = sorted(self._took)
        at = [1000 * ordered[int(len(ordered) * share)] for share in (0.5, 0.99)]
        return Paced(*at, len(ordered) / took, self._failures)

    async def _send(self, due: float) -> None:
        connection = self._free.pop() if self._free else await asyncio.open_connection(self._host, self._port)
        reader, writer = connection
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        await reader.readexactly(int(length[1]) if length else 0)
        self._took.append(time.monotonic() - due)
        self._failures += head[9:10] != b"2"
        self._free.append(connection)


@contextmanager
def slow_clients(url: str, key: str, count: int) -> Iterator[None]:
    """Have half of so many clients trickle heads, the others bodies, in a process of their own."""
    words = [sys.executable, "-m", "benchmarks.slow", "--trickle", url, "--key", key, "--clients", str(count)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE)
    try:
        assert process.stdout and process.stdout.readline()  # all are connected
        yield
    finally:
        process.kill()
        process.wait()


async def _trickle(url: str, key: str, count: int) -> None:
    host, port, path = _parts(url)
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\n".encode()
    whole = head + f"x-api-key: {key}\r\nContent-Length: 100000\r\n\r\n[".encode()
    connected = asyncio.Semaphore(0)
    clients = [_drip(host, port, head + b"x-pad: " if number % 2 else whole, connected) for number in range(count)]
    running = asyncio.gather(*clients)
    for _ in range(count):
        await connected.acquire()
    print("connected", flush=True)
    await running


async def _drip(host: str, port: int, begin: bytes, connected: asyncio.Semaphore) -> None:
    """Send a byte a second, and begin anew when the server has had enough."""
    while True:
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(begin)
            connected.release()
            while not reader.at_eof():
                writer.write(b"1")
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1000), BYTE_SECONDS)
            writer.close()


def _parts(url: str) -> tuple[str, int, str]:
    parts = urlsplit(url)
    return parts.hostname or "127.0.0.1", parts.port or 80, parts.path


def _measure(options: argparse.Namespace) -> None:
    body = b"[" + b",".join(sample.events(10)) + b"]"
    alone, beside = [], []
    with eventlane(free_port()) as running:
        url, key = f"{running.url}/v1/logs/slow", running.keys["ingest"]
        paced(url, key, body, options.rate, SETTLE_SECONDS)
        for _ in range(options.rounds):
            alone.append(paced(url, key, body, options.rate, options.seconds))
            with slow_clients(url, key, options.clients):
                time.sleep(SETTLE_SECONDS)
                beside.append(paced(url, key, body, options.rate, options.seconds))
            print(f"alone {alone[-1]}\nbeside {options.clients} slow clients {beside[-1]}")
    ratio = statistics.median(slow.p99_ms / quiet.p99_ms for quiet, slow in zip(alone, beside, strict=True))
    print(f"p99 beside {options.clients} slow clients is {ratio:.2f} times that without them (median of the rounds)")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slow", description=__doc__)
    parser.add_argument("--clients", type=int, default=1000, help="half of them trickle heads, half bodies")
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second of the normal sender")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trickle", metavar="URL", default="", help=argparse.SUPPRESS)
    parser.add_argument("--key", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    given = _options()
    if given.trickle:
        asyncio.run(_trickle(given.trickle, given.key, given.clients))
    else:
        _measure(given)
