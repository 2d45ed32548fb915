"""The door: bodies that are slow, cut off, too large or too many, over real sockets."""

import gzip
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.automation import Automation
from tests.server import Server

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
BODY_SECONDS = 2.0
ROOM = 64 * MIB
HELD = 34  # one more than all threads of the web server once were


@pytest.fixture(scope="module")
def door(tmp_path_factory) -> Iterator[Server]:
    """A platform with a short deadline for bodies and its own folder for temporary files."""
    folder = tmp_path_factory.mktemp("temporary")
    folder.chmod(0o777)
    settings = {
        "EVENTLANE_WEB_PROCESSES": "1",
        "EVENTLANE_BODY_SECONDS": str(BODY_SECONDS),
        "EVENTLANE_BODY_MIN_BYTES_PER_SECOND": "1000",
    }
    settings |= {"EVENTLANE_MAX_HOOK_BYTES": "10000", "EVENTLANE_MAX_BODIES_BYTES": str(ROOM)}
    server = Server(variables={"TMPDIR": str(folder)}, **settings)
    yield server
    server.close()


@dataclass(frozen=True)
class Targets:
    """What can be sent to, and the heads of requests that may."""

    automation: Automation
    hook: str
    scratchpad: str
    ingest_key: str

    def heads(self, framing: str) -> dict[str, bytes]:
        """For each kind of request: its head with this header for the body."""
        write = f"Authorization: Bearer {self.automation.key}", f"X-Eventline-Project-Id: {self.automation.project}"
        form = "Content-Type: application/x-www-form-urlencoded"
        return {
            "console": head("POST", "/console/login/", form, framing),
            "ingest": head("POST", "/v1/logs/door", f"x-api-key: {self.ingest_key}", framing),
            "hook": head("POST", self.hook, framing),
            "platform": head("PUT", self.scratchpad, *write, framing),
        }


@pytest.fixture(scope="module")
def targets(door) -> Targets:
    """A hook that starts a pipeline, and a scratchpad entry `key` that holds `whole`."""
    automation = Automation(door)
    data = {"connector": "webhook", "event": "order", "pipelines": ["flow"]}
    task = {"runtime": {"name": "none"}, "steps": []}
    automation.deploy(
        {"type": "trigger", "version": 1, "name": "ordered", "data": data},
        {"type": "pipeline", "version": 1, "name": "flow", "data": {"tasks": [{"task": "nothing"}]}},
        {"type": "task", "version": 1, "name": "nothing", "data": task},
    )
    [address] = [hook["address"] for hook in automation.call("GET", "/hooks")["elements"]]
    hook = address.removeprefix(door.url) + "/order"
    assert door.request("POST", hook, b"{}").status == 202
    [pipeline] = automation.call("GET", "/pipelines")["elements"]
    scratchpad = f"/pipelines/id/{pipeline['id']}/scratchpad/key/key"
    assert automation.send("PUT", scratchpad, b"whole").status == 204
    return Targets(automation, hook, f"/v0{scratchpad}", door.keys["ingest"])


@contextmanager
def connected(server: Server, *parts: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(b"".join(parts))
        yield connection


def head(method: str, path: str, *lines: str) -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def reply(connection: socket.socket) -> bytes:
    """Everything that comes until the server closes the connection."""
    answer = b""
    try:
        while part := connection.recv(65536):
            answer += part
    except ConnectionResetError:
        pass
    return answer


def status_seconds(server: Server) -> float:
    """How long /v0/status takes to answer."""
    start = time.monotonic()
    assert server.request("GET", "/v0/status").status == 200
    return time.monotonic() - start


@pytest.mark.parametrize("kind", ["console", "ingest", "hook", "platform"])
def test_bodies_that_never_come_hold_up_nobody_and_end_with_408(door, targets, kind):
    start = time.monotonic()
    with ExitStack() as stack:
        one = targets.heads("Content-Length: 1000")[kind]
        held = [stack.enter_context(connected(door, one, b"[")) for _ in range(HELD)]
        assert status_seconds(door) < 1
        assert door.post("/v1/logs/meanwhile", [{"n": 1}]).status == 202
        assert door.request("GET", "/console/login/").status == 200
        answers = [reply(connection) for connection in held]
    assert time.monotonic() - start < BODY_SECONDS + 10
    assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}


def test_bodies_that_trickle_hold_up_nobody_and_end_with_408(door, targets):
    heads = list(targets.heads("Content-Length: 1000").values())
    with ExitStack() as stack:
        held = [stack.enter_context(connected(door, heads[number % 4])) for number in range(60)]
        end = time.monotonic() + 0.8 * BODY_SECONDS
        while time.monotonic() < end:
            for connection in held:
                connection.sendall(b"x")
            assert status_seconds(door) < 1
        answers = [reply(connection) for connection in held]
    assert {answer[:12] for answer in answers} == {b"HTTP/1.1 408"}


def test_slow_body_at_the_least_pace_is_taken(door):
    key = f"x-api-key: {door.keys['ingest']}"
    body = b'[{"pad":"' + b"x" * 3000 + b'"}]'
    with connected(door, head("POST", "/v1/logs/slow", key, f"Content-Length: {len(body)}")) as connection:
        for start in range(0, len(body), 500):
            time.sleep(0.4)
            connection.sendall(body[start : start + 500])
        assert connection.recv(1000).startswith(b"HTTP/1.1 202")


CUT_OFF = [
    ("Content-Length: 100", b'[{"half":1}]'),
    ("Transfer-Encoding: chunked", b'c\r\n[{"half":1}]\r\n'),
    ("Transfer-Encoding: chunked", b'20\r\n[{"half":1}]'),
    ("Transfer-Encoding: chunked", b'zz\r\n[{"half":1}]'),
]


def test_body_cut_off_is_refused_and_nothing_is_stored(door, targets):
    before = stored(door, targets)
    for framing, body in CUT_OFF:
        for kind, one in targets.heads(framing).items():
            with connected(door, one, body) as connection:
                connection.shutdown(socket.SHUT_WR)
                assert reply(connection).startswith(b"HTTP/1.1 400 Bad Request"), (kind, framing, body)
    assert stored(door, targets) == before


def stored(server: Server, targets: Targets) -> tuple[str, int, bytes]:
    """What the requests of `targets` would change."""
    events = server.manage("tail", "logs", "--namespace", "door", "--json", check=False).stdout
    [(hooked,)] = targets.automation.query("SELECT count(*) FROM projects_platformevent")
    return events, hooked, targets.automation.send("GET", targets.scratchpad.removeprefix("/v0")).data


@pytest.mark.parametrize(
    ("kind", "size", "status"),
    [("console", 150 * MIB, 413), ("ingest", 7 * MIB, 400), ("hook", 20_000, 413), ("platform", 33 * MIB, 413)],
)
def test_body_too_large_is_refused_before_it_is_read(door, targets, kind, size, status):
    with connected(door, targets.heads(f"Content-Length: {size}\r\nExpect: 100-continue")[kind]) as connection:
        answer = reply(connection)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert re.search(rb"(?i)body larger than \d+ bytes", answer)


@pytest.mark.parametrize(
    ("kind", "lane", "largest"),
    [("ingest", "ingest", 6 * MIB), ("hook", "platform", 32 * MIB), ("platform", "platform", 32 * MIB)],
)
def test_compressed_body_needs_room_for_what_it_becomes(door, targets, kind, lane, largest):
    """Others hold all room but 5,000 bytes: enough for a body as it is sent, not once it is inflated."""
    text = b'[{"pad":"%b"}]' % (b"x" * 9000)
    compressed = gzip.compress(text)
    framing = f"Content-Length: {len(compressed)}\r\nContent-Encoding: gzip\r\nConnection: close"

    def answer() -> bytes:
        with connected(door, targets.heads(framing)[kind], compressed) as connection:
            return reply(connection)

    def refused() -> bytes:
        """Return the answer while others hold the room; nothing when one of them was too slow and lost it."""
        count = ROOM // largest + 1
        opening = targets.heads(f"Content-Length: {largest}")[lane]
        with ExitStack() as stack:
            for _ in range(count):
                stack.enter_context(connected(door, opening, b"x" * ((ROOM - 5000) // count)))
            end = time.monotonic() + BODY_SECONDS
            while not (refusal := answer()).startswith(b"HTTP/1.1 503 "):
                if time.monotonic() > end:
                    return b""
            plain = targets.heads("Content-Length: 4\r\nConnection: close")[kind]
            with connected(door, plain, b"[{}]") as connection:
                assert reply(connection)[:10] == b"HTTP/1.1 2"
            return refusal

    refusals: list[bytes] = []
    door.wait_until(lambda: refusals.append(refused()) or refusals[-1], "there is no room", 60)
    assert b"retry-after: 1" in refusals[-1].lower() and b"many bodies are being sent at once" in refusals[-1]
    door.wait_until(lambda: answer().startswith(b"HTTP/1.1 2"), "the room was given back")


def test_upload_to_the_login_is_refused_and_nothing_is_written(door):
    folder = Path(door.environment["TMPDIR"])
    before = sorted(folder.rglob("*"))
    part = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\nContent-Type: a/b\r\n\r\n'
    multipart = "multipart/form-data; boundary=b"
    whole, chunks = [part, *[b"x" * MIB] * 150], [part, *[b"x" * MIB] * 9]
    for framing, pieces in (
        (f"Content-Length: {150 * MIB}", whole),
        ("Transfer-Encoding: chunked", [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in chunks]),
    ):
        with connected(door, head("POST", "/console/login/", f"Content-Type: {multipart}", framing)) as connection:
            with suppress(ConnectionError):
                connection.sendall(b"".join(pieces))
            assert reply(connection)[:12] in (b"HTTP/1.1 413", b"")
        assert sorted(folder.rglob("*")) == before
    small = part + b"x" * 100_000 + b"\r\n--b--\r\n"
    assert door.request("POST", "/console/login/", small, content_type=multipart).status == 403
    assert sorted(folder.rglob("*")) == before


def test_connections_without_a_whole_head_are_closed_in_time(fresh_server):
    """One is idle after a request, one never says anything, one trickles a head."""
    server = fresh_server(EVENTLANE_KEEP_ALIVE_SECONDS="2", EVENTLANE_WEB_PROCESSES="1")
    key = f"x-api-key: {server.keys['ingest']}"
    with (
        connected(server, head("POST", "/v1/logs/idle", key, "Content-Length: 4"), b"[{}]") as idle,
        connected(server) as silent,
        connected(server, b"POST /v1/logs/door HTTP/1.1\r\nx-pad: ") as trickling,
    ):
        end = time.monotonic() + 20
        with suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() < end:
                trickling.sendall(b"x")
                time.sleep(0.2)
        assert time.monotonic() < end
        assert reply(idle).startswith(b"HTTP/1.1 202")
        assert reply(silent) == b""
