"""Servers that receive messages for tests: a mail server and a web server, on this machine."""

import socketserver
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


class MailServer(socketserver.ThreadingTCPServer):
    """Speaks as much of SMTP as it takes to receive mail."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mail)
        self.received: list[tuple[list[str], str]] = []  # recipients, and the message as it came
        self.refused: dict[str, str] = {}  # what is answered to these recipients
        self.is_away = False

    @property
    def port(self) -> int:
        return self.server_address[1]


class _Mail(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        recipients: list[str] = []
        if self.server.is_away:
            return
        self._say("220 sink")
        for line in self.rfile:
            word = line.decode().strip().upper()
            if word.startswith("RCPT TO:"):
                recipient = line.decode().strip()[9:-1]
                if answer := self.server.refused.get(recipient):
                    self._say(answer)
                    continue
                recipients.append(recipient)
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
        self.may_answer = Event()
        self.may_answer.set()
        self.scheme = "http"
        self.received: list[tuple[str, dict[str, str], bytes]] = []  # path, headers with small letters, body

    def url(self, path: str = "/alerts") -> str:
        return f"{self.scheme}://localhost:{self.server_port}{path}"

    def speak_https(self, certificate: Path) -> None:
        """Use a new certificate from now on, signed by nobody else, and write it into a file."""
        with_key = certificate.with_suffix(".key")
        with_key.write_bytes(_self_signed(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, with_key)
        self.socket, self.scheme = context.wrap_socket(self.socket, server_side=True), "https"


def _self_signed(file: Path) -> bytes:
    """Write a certificate for localhost and return its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    file.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class _Web(BaseHTTPRequestHandler):
    server: WebServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.received.append((self.path, headers, body))
        self.server.may_answer.wait(30)
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
