"""The listener as `manage.py up` runs it: senders over TCP, TLS and UDP, and a web server that goes away."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.server import Server, free_port
from tests.waiting import wait_until

LINE = "<13>1 2026-01-02T03:04:05.678Z web-1 shop - - - {}"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    file = tmp_path / "own.pem"
    words = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=test"]
    files = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run([*words, *files], check=True, capture_output=True)
    file.write_text(file.read_text() + Path(f"{file}.crt").read_text())
    return file


@pytest.fixture
def listening(fresh_server: Callable[..., Server], certificate: Path) -> Server:
    """A platform that listens on three ports, with its own key."""
    server = fresh_server(started=False)
    key = re.search(r"^ingest key +(\S+)$", server.secrets, re.MULTILINE)
    assert key
    places = {f"EVENTLANE_SYSLOG_{kind}": f"127.0.0.1:{free_port()}" for kind in ("TCP", "TLS", "UDP")}
    server.environment |= {**places, "EVENTLANE_SYSLOG_KEY": key[1], "EVENTLANE_SYSLOG_CERTIFICATE": str(certificate)}
    server.environment |= {"EVENTLANE_SYSLOG_CLIENT_CA": str(certificate), "EVENTLANE_SYSLOG_CONNECTIONS": "2"}
    server.start()
    return server


def port_of(server: Server, kind: str) -> int:
    return int(server.environment[f"EVENTLANE_SYSLOG_{kind}"].rpartition(":")[2])


@contextmanager
def connected(server: Server, kind: str) -> Iterator[socket.socket]:
    def connect() -> socket.socket | None:
        with suppress(ConnectionRefusedError):  # it starts after the web server
            return socket.create_connection(("127.0.0.1", port_of(server, kind)))
        return None

    with wait_until(connect, 60) as connection:
        yield connection


def stored(server: Server) -> list[dict[str, Any]]:
    tail = server.manage("tail", "logs", "--namespace", "syslog", "--from", "1h", "--json", check=False).stdout
    return [json.loads(line) for line in tail.splitlines()]


def status(server: Server) -> dict[str, int]:
    found: dict[str, int] = json.loads((server.home / "syslog.json").read_bytes())
    return {name: count for name, count in found.items() if name != "connections"}


def answer_to_stranger(server: Server, certificate: Path) -> bytes:
    """Send a line over TLS without a certificate, and return what comes back."""
    context = ssl.create_default_context(cafile=str(certificate))
    with connected(server, "TLS") as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
        try:  # with TLS 1.3, a client learns only later that it should have had one
            tls.sendall(b"<13>stranger\n")
            return tls.recv(1)
        except OSError:
            return b""


def test_lines_are_stored_over_tcp_tls_and_udp_and_none_is_lost_or_doubled_when_web_is_killed(
    listening: Server, certificate: Path
) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    context.load_cert_chain(certificate)
    with connected(listening, "TCP") as tcp:
        tcp.sendall(f"{LINE.format('one')}\n".encode())
        assert answer_to_stranger(listening, certificate) == b""
        with (
            connected(listening, "TLS") as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1") as tls,
        ):
            text = LINE.format("two").encode()
            tls.sendall(b"%d %s" % (len(text), text))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
                udp.sendto(LINE.format("three").encode(), ("127.0.0.1", port_of(listening, "UDP")))
            wait_until(lambda: len(stored(listening)) == 3, 120)
            with connected(listening, "TCP") as third:
                assert third.recv(1) == b""  # it was sent away
        for pid in listening.pids_of("eventlane.web"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        tcp.sendall("".join(f"{LINE.format(number)}\n" for number in range(500)).encode())
        wait_until(lambda: len(stored(listening)) >= 503, 120)
    rows = stored(listening)
    messages = [row["event"].pop("message") for row in rows]
    assert sorted(messages) == sorted(["one", "two", "three", *map(str, range(500))])
    assert {(row["service"], row["event_time"]) for row in rows} == {("shop", "2026-01-02T03:04:05.678000Z")}
    assert rows[0]["event"] == {
        "timestamp": "2026-01-02T03:04:05.678Z",
        "service": "shop",
        "host": "web-1",
        "level": "notice",
        "facility": "user",
        "peer": "127.0.0.1",
    }
    assert "127.0.0.1 was sent away: there are 2 connections already" in listening.log
    wait_until(lambda: status(listening) == {"received": 503, "waiting": 0, "refused": 0, "dropped": 0}, 60)
    assert listening.stop() == 0
