"""Servers that refuse everything, each with a status of its own, and keep what was sent to them."""

import gzip
import threading
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATUSES = (400, 429, 500, 503)
RETRY_AFTER = {429, 503}  # the statuses that say, as Eventlane's do, when to try again: after a second


class Refuser(ThreadingHTTPServer):
    """A server that answers every POST with one status.

    bodies   of the requests so far, decompressed
    """

    daemon_threads = True

    def __init__(self, status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = status
        self.bodies: list[bytes] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def tries(self, text: bytes) -> int:
        """Return how many requests held the text."""
        return sum(text in body for body in self.bodies)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Refuser

    def handle(self) -> None:
        with suppress(ConnectionError):  # clients are killed when they have done enough
            super().handle()

    def do_POST(self) -> None:
        self.server.bodies.append(self._decoded(self._body()))
        if self.server.status in RETRY_AFTER and self.path.endswith("/_bulk"):
            self._answer(
                self.server.status, b"refused", "text/plain"
            )  # as events/ingest/dialects/elasticsearch.py does
        else:
            self._answer(self.server.status, b'{"message":"refused"}')

    def do_GET(self) -> None:
        self._answer(200, b"<main></main>", "text/html")

    def do_OPTIONS(self) -> None:
        self._answer(204)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _decoded(self, body: bytes) -> bytes:
        decode = {"gzip": gzip.decompress, "deflate": zlib.decompress}.get(self.headers.get("Content-Encoding", ""))
        return decode(body) if decode else body

    def _answer(self, status: int, body: bytes = b"", kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "*")
        if status in RETRY_AFTER:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def refusers() -> Iterator[list[Refuser]]:
    """Run one server for each status."""
    with ExitStack() as stack:
        servers = [stack.enter_context(Refuser(status)) for status in STATUSES]
        for server in servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            stack.callback(server.shutdown)
        yield servers
