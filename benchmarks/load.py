"""Load on one URL from many connections, with wrk if it is installed, otherwise with our own generator.

Both report requests per second, latencies, and replies that weren't 2xx. Our own generator needs more CPU than wrk,
which the server on the same machine then lacks: its results are lower.
"""

import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True)
class Result:
    """The result of a run."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    failures: int


def generator_name() -> str:
    """Return the name of the generator that `run` uses."""
    return "wrk" if shutil.which("wrk") else "the built-in generator"


def run(url: str, *, body: bytes = b"", key: str = "", seconds: float, connections: int) -> Result:
    """Send the same request repeatedly on `connections` connections; POST if it has a body."""
    if shutil.which("wrk"):
        return _run_wrk(url, body, key, seconds, connections)
    return _run_own(url, body, key, seconds, connections)


def _run_wrk(url: str, body: bytes, key: str, seconds: float, connections: int) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "body").write_bytes(body)
        script = Path(folder) / "post.lua"
        script.write_text(
            f'local file = io.open("{folder}/body", "rb")\n'
            f'wrk.method, wrk.body = "POST", file:read("*a")\n'
            f'wrk.headers["x-api-key"], wrk.headers["Content-Type"] = "{key}", "application/json"\n'
        )
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "--latency"]
        words += ["-s", str(script)] if body else []
        text = subprocess.run([*words, url], capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if rate is None:
        raise RuntimeError(f"wrk said nothing useful: {text}")
    failures = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    return Result(
        float(rate[1]),
        _percentile(text, "50%"),
        _percentile(text, "99%"),
        (int(failures[1]) if failures else 0) + sum(map(int, errors.groups() if errors else ())),
    )


def _percentile(text: str, name: str) -> float:
    found = re.search(rf"{name}\s+([\d.]+)(us|ms|s)\b", text)
    return float(found[1]) * UNITS[found[2]] if found else float("nan")


def _run_own(url: str, body: bytes, key: str, seconds: float, connections: int) -> Result:
    parts = urlsplit(url)
    head = f"{'POST' if body else 'GET'} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
    head += f"x-api-key: {key}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    address = (parts.hostname or "127.0.0.1", parts.port or 80)
    senders = [_Sender(address, head.encode() + body, time.monotonic() + seconds) for _ in range(connections)]
    start = time.monotonic()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    elapsed = time.monotonic() - start
    latencies = sorted(latency for sender in senders for latency in sender.latencies_ms)
    if not latencies:
        raise RuntimeError(f"{url} answered nothing")
    at = lambda share: latencies[min(len(latencies) - 1, int(len(latencies) * share))]  # noqa: E731
    return Result(len(latencies) / elapsed, at(0.5), at(0.99), sum(sender.failures for sender in senders))


class _Sender(threading.Thread):
    """A connection that sends the request and reads the reply, repeatedly."""

    def __init__(self, address: tuple[str, int], request: bytes, end: float) -> None:
        super().__init__()
        self._address, self._request, self._end = address, request, end
        self.latencies_ms: list[float] = []
        self.failures = 0

    def run(self) -> None:
        with socket.create_connection(self._address, timeout=30) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (start := time.monotonic()) < self._end:
                connection.sendall(self._request)
                self.failures += not self._read_reply(connection)
                self.latencies_ms.append((time.monotonic() - start) * 1000)

    @staticmethod
    def _read_reply(connection: socket.socket) -> bool:
        """Read a reply; return whether it was a 2xx."""
        reply = b""
        while b"\r\n\r\n" not in reply:
            if not (part := connection.recv(65536)):
                raise ConnectionError("the server closed the connection")
            reply += part
        head, _, rest = reply.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        missing = int(length[1] if length else 0) - len(rest)
        while missing > 0:
            missing -= len(connection.recv(missing))
        return head[9:10] == b"2"
