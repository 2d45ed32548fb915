"""`send` against the platform itself, and against a small HTTP server that fails like servers and networks do."""

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import urllib3
from django.utils import timezone

from events.elements import Element, split
from events.send import BATCH_EVENTS, Connection, PartlyStored, Sender, SendingStopped, Target
from tests.server import ROOT, Server, free_port
from tests.waiting import wait_until

BODY_BYTES = 6 * 1024 * 1024
ACCEPTED = (202, {}, b'{"message": "Request Accepted"}')
ACCEPTED_AS_200 = (200, {}, b'{"message": "Request Accepted"}')
ONE_OF_THREE_NAMED = (400, {}, b'{"errors": [{"index": 1, "reason": "no object"}], "more_invalid": 2}')
FAILED = (500, {}, b'{"message": "Internal Error"}')
HANG_UP = None  # the connection is closed without a reply
NEVER = (0, {}, b"")  # the reply doesn't come as long as the test runs
Reply = tuple[int, dict[str, str], bytes] | None


class Scripted:
    """A server that gives predefined replies, in order, and then accepts everything."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.connections: set[Any] = set()
        self.over = threading.Event()
        self.behind = ""  # the server to which all is passed on; only the second reply to each body comes back
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def passed_on(self, path: str, body: bytes, headers: dict[str, str]) -> Reply:
        """Return the reply of the server behind, or lose it if this is the first one to this body."""
        reply = urllib3.request("POST", self.behind + path, body=body, headers=headers)
        reason = {"x-error-reason": reply.headers.get("x-error-reason", "")}
        return HANG_UP if body not in self.bodies else (reply.status, reason, reply.data)

    def _handler(scripted) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if scripted.behind:
                    scripted.replies = [scripted.passed_on(self.path, body, dict(self.headers))]
                scripted.bodies.append(body)
                scripted.paths.append(self.path)
                scripted.headers.append(dict(self.headers))
                scripted.connections.add(self.client_address)
                reply = scripted.replies.pop(0) if scripted.replies else ACCEPTED
                if reply is HANG_UP:
                    self.close_connection = True
                    return
                if reply is NEVER:
                    scripted.over.wait()
                    return
                status, headers, text = reply
                self.send_response(status)
                for name, value in {"content-length": str(len(text)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    yield server
    server.over.set()
    server.http.shutdown()
    server.http.server_close()


def connection(url: str, **options: Any) -> Connection:
    return Connection(Target("logs", "web").url(url), {"x-api-key": "evl_test"}, **options)


def send(scripted: Scripted, texts: list[bytes], max_body_bytes: int = BODY_BYTES, **options: Any) -> Sender:
    sender = Sender(connection(scripted.url, **options), max_body_bytes, BytesIO())
    sender.send(Element(number, text) for number, text in enumerate(texts, 1))
    return sender


def refusal(*indices: int, reason: str = "not a JSON object") -> Reply:
    errors = [{"index": index, "reason": reason} for index in indices]
    return 400, {}, json.dumps({"message": "Bad Request", "invalid": [None] * len(indices), "errors": errors}).encode()


def test_events_are_sent_in_order_in_batches_over_one_connection(scripted: Scripted) -> None:
    texts = [b'{"n": %d}' % number for number in range(2 * BATCH_EVENTS + 1)]
    sender = send(scripted, texts)
    assert b"".join(scripted.bodies) == b"".join(
        b"[" + b",".join(texts[start : start + BATCH_EVENTS]) + b"]" for start in range(0, len(texts), BATCH_EVENTS)
    )
    assert len(scripted.connections) == 1
    assert len({headers["idempotency-key"] for headers in scripted.headers}) == 3
    assert scripted.headers[0]["x-api-key"] == "evl_test"
    assert (sender.tally.stored, sender.tally.stored_bytes, sender.tally.rejected) == (2001, len(b"".join(texts)), 0)


def test_no_body_is_larger_than_allowed(scripted: Scripted) -> None:
    texts = [b'"%b"' % (b"x" * size) for size in (30, 30, 30, 96, 1, 96)]
    send(scripted, texts, max_body_bytes=100)
    assert max(map(len, scripted.bodies)) == 100
    assert b",".join(body[1:-1] for body in scripted.bodies) == b",".join(texts)


def test_no_request_has_more_events_than_the_server_takes(scripted: Scripted) -> None:
    sender = Sender(connection(scripted.url), BODY_BYTES, max_events=2)
    sender.send(Element(number, b"{}") for number in range(1, 6))
    assert scripted.bodies == [b"[{},{}]", b"[{},{}]", b"[{}]"]


@pytest.mark.parametrize(
    "failure", [FAILED, HANG_UP, (503, {}, b""), (429, {"Retry-After": "0"}, b""), (502, {}, b"<html>")]
)
def test_what_may_pass_is_tried_again_with_the_same_body(scripted: Scripted, failure: Reply) -> None:
    scripted.replies = [failure, failure, ACCEPTED]
    notices: list[str] = []
    sender = send(scripted, [b'{"a":1}'], on_retry=notices.append)
    assert scripted.bodies == [b'[{"a":1}]'] * 3
    assert sender.tally.stored == 1
    assert len(notices) == 2 and "trying again in" in notices[0]
    assert len({headers["idempotency-key"] for headers in scripted.headers}) == 1


def test_server_that_is_not_there_yet_is_waited_for() -> None:
    port = free_port()
    late: list[Scripted] = []

    def start() -> None:
        server = Scripted()
        server.http.server_close()
        server.http = ThreadingHTTPServer(("127.0.0.1", port), server._handler())
        late.append(server)
        server.http.serve_forever(0.01)

    timer = threading.Timer(1, start)
    timer.start()
    assert connection(f"http://127.0.0.1:{port}").post([b"{}"]) == []
    late[0].http.shutdown()
    late[0].http.server_close()
    timer.join()


@pytest.mark.slow
@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_obeyed(scripted: Scripted, as_date: bool) -> None:
    wait = format_datetime(timezone.now() + timedelta(seconds=3), usegmt=True) if as_date else "2"
    scripted.replies = [(429, {"Retry-After": wait}, b"")]
    begin = time.monotonic()
    send(scripted, [b"{}"])
    assert 1.8 < time.monotonic() - begin < 20


def test_retry_after_beyond_the_limit_ends_at_once(scripted: Scripted) -> None:
    scripted.replies = [(503, {"Retry-After": "3600"}, b"")]
    with pytest.raises(SendingStopped, match="replied 503; gave up after 1 attempts"):
        send(scripted, [b"{}"])


def test_retries_end_after_the_time_given(scripted: Scripted) -> None:
    scripted.replies = [FAILED] * 100
    begin = time.monotonic()
    with pytest.raises(SendingStopped, match="replied 500; gave up after"):
        send(scripted, [b"{}"], retry_for=timedelta(seconds=2))
    assert time.monotonic() - begin < 20
    assert 3 <= len(scripted.bodies) <= 6


def test_rejected_events_are_kept_as_sent_and_never_sent_again(scripted: Scripted) -> None:
    scripted.replies = [refusal(0, 2)]
    sender = send(scripted, [b"17", b'{"a":1}', b'{"b":\r\n2}'])
    assert len(scripted.bodies) == 1
    assert sender.kept.getvalue() == b'17\n{"b":  2}\n'
    assert (sender.tally.stored, sender.tally.rejected) == (1, 2)


def test_reasons_are_grouped_whatever_numbers_they_hold(scripted: Scripted) -> None:
    scripted.replies = [refusal(1, reason="invalid UTF-8 at byte 7"), refusal(0, reason="invalid UTF-8 at byte 90")]
    sender = send(scripted, [b"%d" % number for number in range(BATCH_EVENTS + 1)])
    (rejection,) = sender.tally.rejections.values()
    assert (rejection.reason, rejection.count, rejection.first_number) == ("invalid UTF-8 at byte 7", 2, 2)


def test_event_too_large_for_the_reply_to_show_is_rejected_with_its_reason(scripted: Scripted) -> None:
    reply = b'{"message": "Bad Request", "invalid": [], "errors": [], "more_invalid": 1}'
    scripted.replies = [(400, {"X-Error-Reason": "not shown: larger than 32768 bytes"}, reply)]
    sender = send(scripted, [b"x" * 2_000_000, b"{}"], max_body_bytes=6_000_000)
    assert list(sender.tally.rejections) == ["larger than  bytes"]
    assert (sender.tally.stored, sender.tally.rejected) == (1, 1)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((401, {}, b'{"message": "Unauthorised"}'), "401.*Unauthorised"),
        (
            (400, {"X-Error-Reason": "there is no dataset 'logs'"}, b'{"message": "Bad Request"}'),
            "400 there is no dataset",
        ),
        ((404, {}, b""), "404"),
        ((302, {"Location": "/login"}, b""), "302"),
        ((200, {}, b"<html>a web page"), "200 <html>"),
        ((200, {}, b'{"message": "Welcome"}'), "200"),
        ((200, {}, b"[]"), "200"),
        ((207, {}, b"{}"), "207"),
        ((400, {}, b'{"errors": [{"index": 5000, "reason": "no such event"}]}'), "400"),
        ((400, {}, b'{"errors": [{"index": -1, "reason": "no such event"}]}'), "400"),
        ((400, {}, b'{"errors": "many"}'), "400"),
        ((400, {}, b"[]"), "400"),
    ],
)
def test_refused_request_stops_at_once_and_counts_nothing_as_stored(
    scripted: Scripted, reply: Reply, reason: str
) -> None:
    scripted.replies = [reply]
    sender = Sender(connection(scripted.url), BODY_BYTES)
    with pytest.raises(SendingStopped, match=f"(?s)refused the request: {reason}"):
        sender.send(Element(number, b"{}") for number in range(1, 3000))
    assert len(scripted.bodies) == 1
    assert (sender.tally.stored, sender.unsent_from) == (0, 1)


def test_key_that_answers_200_sends_everything(scripted: Scripted) -> None:
    scripted.replies = [ACCEPTED_AS_200, ACCEPTED_AS_200]
    assert send(scripted, [b"{}"] * (BATCH_EVENTS + 1)).tally.stored == BATCH_EVENTS + 1
    assert len(scripted.bodies) == 2


def test_batch_that_is_stored_in_part_does_not_count_as_unsent(scripted: Scripted) -> None:
    scripted.replies = [ONE_OF_THREE_NAMED]
    sender = Sender(connection(scripted.url), BODY_BYTES)
    with pytest.raises(PartlyStored, match="3 of 1000 events were refused and the others stored"):
        sender.send(Element(number, b"{}") for number in range(1, 3000))
    assert (sender.unsent_from, sender.unanswered) == (BATCH_EVENTS + 1, 0)


def test_every_unsent_event_of_a_pipe_can_be_kept(scripted: Scripted) -> None:
    texts = [b'{"n":%d}' % number for number in range(3 * BATCH_EVENTS)]
    scripted.replies = [ACCEPTED, refusal(5), FAILED]
    sender = Sender(connection(scripted.url, retry_for=timedelta(0)), BODY_BYTES, kept := BytesIO())
    elements = split([b"\n".join(texts)], BODY_BYTES)[1]
    with pytest.raises(SendingStopped):
        sender.send(elements)
    assert sender.unsent_from == 2 * BATCH_EVENTS + 1
    sender.keep_unsent(elements)
    assert kept.getvalue().splitlines() == [texts[BATCH_EVENTS + 5], *texts[2 * BATCH_EVENTS :]]


def test_pause_of_the_input_sends_what_is_there(scripted: Scripted) -> None:
    seen: list[int] = []

    def elements() -> Iterator[Element | None]:
        yield Element(1, b"{}")
        yield None
        seen.append(len(scripted.bodies))
        yield Element(2, b"{}")

    Sender(connection(scripted.url), BODY_BYTES).send(elements())
    assert seen == [1]
    assert len(scripted.bodies) == 2


def test_body_is_compressed_when_asked(scripted: Scripted) -> None:
    send(scripted, [b'{"a":1}'], compress=True)
    assert gzip.decompress(scripted.bodies[0]) == b'[{"a":1}]'
    assert scripted.headers[0]["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("target", "path", "headers"),
    [
        (Target("logs", "web"), "/v1/logs/web", {}),
        (Target("logs", "web", "shop"), "/v1/logs/shop/web", {}),
        (Target("logs"), "/v1/logs", {}),
        (Target("logs", "grün & ?#%"), "/v1/logs/gr%C3%BCn%20%26%20%3F%23%25", {}),
        (Target("logs", "aws/lambda/f"), "/v1/logs", {"x-namespace": "aws/lambda/f"}),
        (Target("logs", "..", "shop"), "/v1/logs", {"x-namespace": "..", "x-service": "shop"}),
        (Target("logs", "web", "a/b"), "/v1/logs", {"x-namespace": "web", "x-service": "a/b"}),
    ],
)
def test_target_is_named_in_the_path_or_else_in_headers(target: Target, path: str, headers: dict[str, str]) -> None:
    assert target.url("http://host:1/") == f"http://host:1{path}"
    assert target.headers() == headers


@pytest.mark.parametrize("name", ["a/ü", "a/\n", "/\x7f"])
def test_name_that_no_request_can_carry_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="can't be sent"):
        Target("logs", name).headers()


@pytest.mark.parametrize("base", ["", "localhost:8000", "ftp://host", "http://", "events.example.com"])
def test_address_without_scheme_or_host_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        Target("logs", "web").url(base)


# The command, as a process of its own.

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def run(scripted: Scripted, tmp_path: Path) -> Run:
    """Run `send` against the scripted server, with a database that isn't there."""

    def run_send(*words: str, **options: Any) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(**command(scripted, tmp_path, *words), capture_output=True, timeout=60, **options)

    return run_send


def command(scripted: Scripted, home: Path, *words: str) -> dict[str, Any]:
    environment = os.environ | {
        "EVENTLANE_HOME": str(home / "home"),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "EVENTLANE_KEY": "evl_test",
        "EVENTLANE_PUBLIC_URL": scripted.url,
    }
    program = [sys.executable, str(ROOT / "manage.py"), "send", "--dataset", "logs", "--namespace", "web"]
    return {"args": [*program, *words], "env": environment}


def test_command_needs_no_database_and_reads_a_file(run: Run, scripted: Scripted, tmp_path: Path) -> None:
    (tmp_path / "events.json").write_bytes(b'[{"a": 1}, {"b": [1, 2]}]')
    done = run(str(tmp_path / "events.json"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(b"2 events stored, 0 rejected")
    assert done.stderr == b""
    assert scripted.bodies == [b'[{"a": 1},{"b": [1, 2]}]']
    assert scripted.paths == ["/v1/logs/web"]


def test_command_reports_rejections_with_their_lines(run: Run, scripted: Scripted, tmp_path: Path) -> None:
    scripted.replies = [refusal(1)]
    done = run("-", "--rejected-to", str(tmp_path / "rejected"), input=b'{"a":1}\n\n17\n{"b"\n{"c":3}\n')
    assert done.returncode == 1
    assert done.stdout.startswith(b"2 events stored, 2 rejected")
    assert b"1 rejected: not a JSON object (first: line 3)" in done.stderr
    assert b"1 rejected: not valid JSON (first: line 4)" in done.stderr
    assert sorted((tmp_path / "rejected").read_bytes().splitlines()) == [b"17", b'{"b"']


def test_command_says_where_a_file_was_left(run: Run, scripted: Scripted, tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(b'{"a":1}\n' * 1500)
    scripted.replies = [ACCEPTED, (401, {}, b"")]
    done = run(str(tmp_path / "events"), "--rejected-to", str(tmp_path / "rejected"))
    assert done.returncode == 1
    assert done.stdout.startswith(b"1,000 events stored")
    assert b"401; not sent from line 1001 on" in done.stderr
    assert (tmp_path / "rejected").read_bytes() == b""


def test_command_keeps_what_a_pipe_brought_and_could_not_be_sent(run: Run, scripted: Scripted, tmp_path: Path) -> None:
    scripted.replies = [ACCEPTED, (401, {}, b"")]
    done = run("-", "--rejected-to", str(tmp_path / "rejected"), input=b'{"a":1}\n' * 2500)
    assert done.returncode == 1
    assert b"not sent from line 1001 on; the rest of the input was kept" in done.stderr
    assert (tmp_path / "rejected").read_bytes() == b'{"a":1}\n' * 1500


def test_command_sends_a_cut_off_array_up_to_the_cut_and_fails(run: Run, scripted: Scripted) -> None:
    done = run("-", input=b'[{"a":1},{"b":2}')
    assert done.returncode == 1
    assert scripted.bodies == [b'[{"a":1},{"b":2}]']
    assert b"ends inside an array" in done.stderr


@pytest.mark.slow
def test_command_sends_from_a_live_pipe_without_waiting_for_its_end(scripted: Scripted, tmp_path: Path) -> None:
    process = subprocess.Popen(
        **command(scripted, tmp_path, "-"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    scripted.replies = [ACCEPTED, NEVER]
    for number in (1, 2):  # the second is sent when the first is counted
        process.stdin.write(b'{"a":%d}\n' % number)
        process.stdin.flush()
        wait_until(lambda number=number: len(scripted.bodies) == number)
    assert scripted.bodies == [b'[{"a":1}]', b'[{"a":2}]']
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 1
    assert stdout.startswith(b"1 events stored")
    assert b"interrupted; no answer yet for 1 events, which may be stored; not sent from" in stderr
    assert b"Traceback" not in stderr


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["/no/such/file"], b"can't read /no/such/file: No such file"),
        (["/tmp"], b"can't read /tmp: Is a directory"),
        (["-", "--url", "localhost"], b"'localhost' is not an address"),
        (["-", "--rejected-to", "/no/such/folder/file"], b"can't write /no/such/folder/file"),
        (["-", "--retry-for", "5"], b"is not a duration"),
        ([__file__, "--rejected-to", __file__], b"is the input"),
    ],
)
def test_command_refuses_what_cannot_work_before_it_sends(
    run: Run, scripted: Scripted, words: list[str], reason: bytes
) -> None:
    done = run(*words, input=b"{}")
    assert done.returncode != 0
    assert reason in done.stderr and b"Traceback" not in done.stderr
    assert scripted.bodies == []


def test_command_without_a_key_says_how_to_get_one(scripted: Scripted, tmp_path: Path) -> None:
    options = command(scripted, tmp_path, "-")
    options["env"]["EVENTLANE_KEY"] = ""
    done = subprocess.run(**options, input=b"{}", capture_output=True, timeout=60)
    assert done.returncode == 1
    assert b"create_api_key" in done.stderr


# The command against the platform.


def test_every_event_of_a_mixed_file_is_stored_or_rejected(server: Server, scripted: Scripted, tmp_path: Path) -> None:
    """Once, although no request gets a reply before it is sent a second time."""
    scripted.behind = server.url
    name = f"mixed-{time.time_ns()}"
    good = [b'{"n": %d, "text": "\\u00e4\xc3\xa4"}' % number for number in range(2500)]
    bad = [b"17", b'{"a":"\xff"}', b'{"b":', b'{"big":"' + b"x" * 3_000_000 + b'"}']
    (tmp_path / "events").write_bytes(b"\n".join(good[:1200] + bad + good[1200:]))
    words = ["send", str(tmp_path / "events"), "--dataset", "logs", "--namespace", f"a/{name}"]
    words += ["--url", scripted.url, "--key", server.keys["ingest"], "--rejected-to", str(tmp_path / "rejected")]
    done = server.manage(*words, check=False)
    assert len(scripted.bodies) == 2 * len(set(scripted.bodies)) >= 6
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("2,500 events stored, 4 rejected")
    assert sorted((tmp_path / "rejected").read_bytes().splitlines()) == sorted(bad)
    for line in (
        "not a JSON object (first: line 1,201)",
        "not valid JSON (first: line 1,203)",
        "larger than 32768 bytes",
    ):
        assert line in done.stderr
    found = server.manage("tail", "logs", "--namespace", f"a/{name}", "--from", "1h", "--json").stdout.splitlines()
    assert sorted(json.loads(line)["event"]["n"] for line in found) == list(range(2500))


def test_wrong_key_and_unknown_dataset_are_explained(server: Server) -> None:
    words = ["send", "-", "--dataset", "nowhere", "--namespace", "n", "--url", server.url]
    wrong_key = server.manage(*words, "--key", "evl_wrong", check=False, input="{}")
    assert wrong_key.returncode == 1 and "401" in wrong_key.stderr
    no_dataset = server.manage(*words, "--key", server.keys["ingest"], check=False, input="{}")
    assert no_dataset.returncode == 1 and "there is no dataset 'nowhere'" in no_dataset.stderr
