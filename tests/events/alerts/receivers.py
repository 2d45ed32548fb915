"""Servers that receive messages for tests: a mail server and a web server, on this machine."""

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much of SMTP as it takes to receive mail."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.received: list[tuple[list[str], str]] = []  # recipients, and the message as it came

    @property
    def port(self) -> int:
        return self.server_address[1]


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        recipients: list[str] = []
        self._say("220 sink")
        for line in self.rfile:
            word = line.decode().strip().upper()
            if word.startswith("RCPT TO:"):
                recipients.append(line.decode().strip()[9:-1])
            if word == "DATA":
                self._say("354 go on")
                self.server.received.append((recipients, self._read_message()))
            self._say("221 bye" if word == "QUIT" else "250 ok")
            if word == "QUIT":
                return

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _read_message(self) -> str:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.decode())
        return "".join(lines)


class WebServer(ThreadingHTTPServer):
    """Receives requests and answers with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Web)
        self.status = 200
        self.location = ""
        self.received: list[tuple[str, dict[str, str], bytes]] = []  # path, headers with small letters, body

    def url(self, path: str = "/alerts") -> str:
        return f"http://localhost:{self.server_port}{path}"


class _Web(BaseHTTPRequestHandler):
    server: WebServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append((self.path, headers, body))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def running(server: Any) -> Iterator[Any]:
    """Serve meanwhile."""
    with server:
        thread = Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
