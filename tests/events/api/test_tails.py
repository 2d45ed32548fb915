"""GET /v0/datasets/id/:id/tail over HTTP: what a client sees, and what it takes from nobody."""

import asyncio
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings as configured
from django.utils import timezone

from eventlane.asgi import application
from events.lake.conditions import Conditions
from events.models import Dataset
from events.tails import catch_up as catch_up_module
from events.tails import hub as hub_module
from events.tails import tail as tail_module
from events.tails.access import KeyAccess
from events.tails.catch_up import CatchUp
from events.tails.frames import AS_JSON
from events.tails.hub import Hub
from events.tails.news import JournalNews
from events.tails.tail import Tail
from projects.models import ApiKey
from tests.events.duckdb_processes import duckdb_processes
from tests.events.lake.conftest import Node
from tests.events.own_hub import own_hub  # noqa: F401  (fixture)
from tests.platform_api import ApiClient
from tests.waiting import wait_until


@dataclass
class Message:
    """A server-sent event."""

    id: str = ""
    event: str = "message"
    data: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class Reader:
    """A client of one tail; a thread reads what comes."""

    connection: socket.socket
    status: int = 0
    body: bytes = b""
    messages: list[Message] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    is_over: bool = False
    goes_on: threading.Event = field(default_factory=threading.Event)

    def read(self) -> None:
        """Read until the server closes the stream."""
        with suppress(OSError, ValueError), self.connection, self.connection.makefile("rb") as file:
            self.status = int(file.readline().split()[1])
            headers = dict(line.decode().lower().strip().split(": ", 1) for line in iter(file.readline, b"\r\n"))
            if "content-length" in headers:
                self.body = file.read(int(headers["content-length"]))
            else:
                buffer = b""
                while size := int(file.readline(), 16):
                    buffer += file.read(size)
                    file.readline()
                    *whole, buffer = buffer.split(b"\n\n")
                    for block in whole:
                        self._take(block.decode())
                    self.goes_on.wait()
        self.is_over = True

    def _take(self, block: str) -> None:
        message, lines = Message(), []
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            if not name:
                self.comments.append(value)
            elif name == "data":
                lines.append(value)
            else:
                setattr(message, name, value) if name != "retry" else None
        message.data = "\n".join(lines)
        if lines:
            self.messages.append(message)

    def leave(self) -> None:
        """Close the connection."""
        self.goes_on.set()
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def shown(self) -> list[str]:
        """Return the messages of the events so far."""
        return [one.json["message"] for one in self.messages if one.event == "message"]


Open = Callable[..., Reader]
MOST_UNREAD = 4000  # events of 20 KB


@pytest.fixture
def open_tail(node: Node, client: ApiClient, port: int, own_hub: Hub) -> Iterator[Open]:  # noqa: F811
    """Open tails of the node's dataset, and wait until they have begun."""
    readers: list[Reader] = []

    def start(q: str = "", dataset: Dataset | None = None, waits: bool = False, **headers: str) -> Reader:
        path = f"/v0/datasets/id/{(dataset or node.dataset).pk}/tail?q={quote(q)}"
        named = {"Authorization": f"Bearer {client.secret}", "Host": "localhost"}
        named |= {"X-Eventline-Project-Id": node.dataset.project_id}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        head = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
        reader = Reader(wait_until(lambda: connected(port)))
        reader.connection.sendall("\r\n".join([*head, "", ""]).encode())
        if not waits:
            reader.goes_on.set()
        threading.Thread(target=reader.read, daemon=True).start()
        readers.append(reader)
        wait_until(lambda: reader.comments or reader.is_over)
        return reader

    yield start
    for reader in readers:
        reader.leave()


def connected(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port))
    except ConnectionRefusedError:
        return None


def message(message: str, **members: Any) -> str:
    return json.dumps({"message": message} | members)


def dropped(reader: Reader) -> int:
    """Return how many events the reader was told that it misses."""
    return sum(one.json["dropped"] for one in reader.messages if one.event == "dropped")


RICH = [
    message("one", n=1.0, level="warn", service="api", duration=1.5, error="bad", request_id="r", trace_id="t"),
    '{"message":\r\n "two",\n"text": "{DATA_PATH} \\u0000 \\" \\\\ \\n é"}',
    message("{DATA_PATH}\0", timestamp="2020-01-01T00:00:00.5Z", level="😀\n"),
]


def test_new_events_come_as_the_api_shows_them(node: Node, client: ApiClient, open_tail: Open):
    node.write(message("before"))
    reader = open_tail()
    node.write(*RICH[:2])
    node.write(RICH[2])

    wait_until(lambda: len(reader.messages) >= 3)
    assert reader.shown() == ["one", "two", "{DATA_PATH}\0"]
    for one in reader.messages:
        assert one.json == client.get(f"/datasets/id/{node.dataset.pk}/events/id/{one.id}").json()
    made_in_python = {str(row.id): json.loads(AS_JSON.data_of(row)) for row in node.rows()}
    assert [made_in_python[one.id] for one in reader.messages] == [one.json for one in reader.messages]


def test_tail_finds_what_its_line_asks_for_and_nothing_of_other_datasets(node: Node, open_tail: Open):
    other = Dataset.objects.create(project=node.dataset.project, name="other", retention_days=30)
    every, others = open_tail(), open_tail(dataset=other)
    errors, same = open_tail("level:error"), open_tail("level:error")
    node.write(message("fine", level="info"), message("bad", level="error"))
    node.write(message("elsewhere", level="error"), dataset=other)
    node.write(message("warned", level="warn"))
    node.write(message("last", level="error"))
    node.write(message("last", level="error"), dataset=other)

    wait_until(lambda: all(reader.shown()[-1:] == ["last"] for reader in (every, errors, same, others)))
    assert every.shown() == ["fine", "bad", "warned", "last"]
    assert errors.shown() == same.shown() == ["bad", "last"]
    assert others.shown() == ["elsewhere", "last"]


def test_statement_that_is_planned_once_finds_what_is_unlike_the_first_events(node: Node, open_tail: Open):
    every, long, late = open_tail(), open_tail("duration>100"), open_tail("event_time<2010-01-01")
    for name, duration, year in (("one", 1, 2020), ("two", 1000, 2009), ("three", None, 2020), ("four", 1e9, 1999)):
        node.write(message(name, duration=duration, timestamp=f"{year}-01-01T00:00:00Z"))
        wait_until(lambda: every.shown()[-1:] == [name])  # noqa: B023
    wait_until(lambda: all(reader.shown()[-1:] == ["four"] for reader in (long, late)))
    assert long.shown() == late.shown() == ["two", "four"]


def test_event_is_there_within_a_second(node: Node, open_tail: Open):
    readers = [open_tail(f"level:error -n:{number}") for number in range(10)]
    sent = itertools.count(100)

    def comes_in_time() -> bool:
        name = str(next(sent))
        node.write(message(name, level="error", n=int(name)))
        stored = time.monotonic()
        wait_until(lambda: all(name in reader.shown() for reader in readers))
        return time.monotonic() - stored < 1

    wait_until(comes_in_time, 60)  # a busy machine doesn't always make it


def test_request_that_is_sent_again_comes_once(node: Node, open_tail: Open):
    node.write(message("before"), token=b"0123456789abcdef")
    reader = open_tail()
    for _ in range(2):
        node.write(message("new"), token=b"fedcba9876543210")
        node.write(message("before"), token=b"0123456789abcdef")
    wait_until(reader.shown)
    node.seal()
    node.write(message("new"), token=b"fedcba9876543210")
    node.write(message("last"))
    wait_until(lambda: "last" in reader.shown())
    assert reader.shown() == ["new", "last"]


def test_file_that_is_sealed_while_a_tail_rests_is_read(node: Node):
    news = JournalNews(node.journal)
    node.write(message("one"))
    news.follow_new()
    node.seal()
    assert [batch.count for batch in news.read({node.dataset.pk})] == [1]
    news.close()


def test_search_line_sees_messages_that_a_dataset_unwraps(node: Node, open_tail: Open):
    other = Dataset.objects.create(project=node.dataset.project, name="docker", unwrap_message=True)
    errors, same_of_other = open_tail("level:error"), open_tail("level:error", dataset=other)
    for dataset in (node.dataset, other):
        node.write(message(json.dumps({"level": "error", "message": "inside"})), dataset=dataset)
        node.write(message("last", level="error"), dataset=dataset)

    wait_until(lambda: all(reader.shown()[-1:] == ["last"] for reader in (errors, same_of_other)))
    assert errors.shown() == ["last"]
    assert len(same_of_other.shown()) == 2


def test_last_event_id_goes_on_where_it_stopped(node: Node, open_tail: Open):
    node.write(*[message(f"sealed {n}", level="error" if n % 2 else "info") for n in range(1200)])
    node.seal()
    node.write(message("unsealed 1", level="info"), message("unsealed 2", level="error"))
    [last] = [str(row.id) for row in node.rows() if row.message == "sealed 100"]
    reader = open_tail("level:error", Last_Event_ID=last)
    wait_until(lambda: "unsealed 2" in reader.shown())
    node.write(message("new", level="error"))
    wait_until(lambda: "new" in reader.shown())

    assert reader.shown() == [*(f"sealed {n}" for n in range(101, 1200, 2)), "unsealed 2", "new"]
    ids = [one.id for one in reader.messages]
    again = open_tail(Last_Event_ID=ids[-2])
    wait_until(again.shown)
    assert again.shown() == ["new"]


def test_what_was_missed_comes_once_however_long_reading_it_takes(
    node: Node, open_tail: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub_module, "START_US", 60_000_000)
    begin = hub_module.open_tail

    def begin_a_minute_ago(*arguments: Any, **options: Any) -> Tail:
        tail = begin(*arguments, **options)
        tail._since_us -= 60_000_000
        return tail

    monkeypatch.setattr(hub_module, "open_tail", begin_a_minute_ago)
    node.write(message("seen"), message("missed"))
    reader = open_tail(Last_Event_ID=str(min(row.id for row in node.rows())))
    wait_until(reader.shown)
    node.write(message("new"))
    wait_until(lambda: "new" in reader.shown())
    assert reader.shown() == ["missed", "new"]


def test_going_on_ends_also_where_more_comes_than_can_be_read(node: Node, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(catch_up_module, "PAGE_EVENTS", 1)
    monkeypatch.setattr(catch_up_module, "STORING_US", 0)
    node.write(message("seen"))
    catch_up = CatchUp(node.dataset, Conditions(), AS_JSON, node.rows()[0].id)
    read, most = catch_up._read, 20
    reads: list[bool] = []

    def write_and_read(to_now: bool) -> Any:
        reads.append(to_now)
        assert len(reads) < most
        node.write(message("one more"))
        return read(to_now)

    monkeypatch.setattr(catch_up, "_read", write_and_read)

    async def go_on() -> None:
        async for _ in catch_up.pages(lambda: None):
            pass

    asyncio.run(go_on())
    assert catch_up.done_us < time.time_ns() // 1000


def test_what_cannot_be_tailed_is_refused(node: Node, client: ApiClient, open_tail: Open):
    path = f"/datasets/id/{node.dataset.pk}/tail"
    bad_line, bad_id = client.get(f"{path}?q=level:"), client.get(path, last_event_id="7")
    assert (bad_line.status_code, bad_line.json()["code"]) == (400, "invalid_search")
    assert (bad_id.status_code, bad_id.json()["code"]) == (400, "bad_request")
    assert client.get("/datasets/id/000000000000000000000000000/tail").status_code == 404
    assert client.send("HEAD", path).status_code == 200
    with_frame = client.get(f"{path}?from=1h")
    assert (with_frame.status_code, with_frame.json()["data"]) == (400, {"parameter": "from"})
    of_the_future = client.get(path, last_event_id="ffffffff-ffff-7fff-bfff-ffffffffffff")
    assert of_the_future.status_code == 400 and "of the future" in of_the_future.json()["error"]
    assert client.get(path, last_event_id="01234567-89ab-4cde-8f01-23456789abcd").status_code == 400  # no UUIDv7
    refused = open_tail(Authorization="Bearer nobody")
    assert (refused.status, json.loads(refused.body)["code"]) == (401, "unknown_api_key")


def test_beyond_the_most_tails_there_is_a_clear_error(node: Node, open_tail: Open, settings: Any):
    settings.EVENTLANE_MAX_TAILS = 2
    lock = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.lockf(f, 2, 1, 0); print(flush=True); input()"
    open_tail().leave()
    words = [sys.executable, "-c", lock, str(node.home / "tails.lock")]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other_process:
        assert other_process.stdout and other_process.stdout.readline()
        first = open_tail()
        refused = open_tail()
        assert refused.status == 503
        assert json.loads(refused.body) == {
            "error": "2 tails are open, as many as EVENTLANE_MAX_TAILS allows. Close one, or try again later.",
            "code": "too_many_tails",
            "data": {"max_tails": 2},
        }
        first.leave()
        wait_until(lambda: open_tail().status == 200)
        other_process.communicate(b"\n")


def test_revoked_key_ends_its_tail(node: Node, client: ApiClient, open_tail: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub_module, "ACCESS_SECONDS", 0.1)
    reader = open_tail()
    ApiKey.objects.update(revocation_time=timezone.now())

    wait_until(lambda: reader.is_over)
    assert [(one.event, one.json["code"]) for one in reader.messages] == [("end", "unknown_api_key")]


def test_accounts_are_asked_about_in_turn(node: Node, client: ApiClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub_module, "ACCESS_SECONDS", 0.0)
    monkeypatch.setattr(hub_module, "CHECK_SECONDS", 0.0)
    work = hub_module._Work()
    accesses = {KeyAccess("nobody", node.dataset.pk), KeyAccess("nobody else", node.dataset.pk)}
    try:
        asked = [list(work._problems(accesses)) for _ in range(4)]
    finally:
        work.close()
    assert [len(some) for some in asked] == [1, 1, 1, 1]
    assert {access for some in asked[:2] for access, _ in some} == accesses
    assert all(problem and problem.code == "unknown_api_key" for some in asked for _, problem in some)


def test_tails_of_a_deleted_dataset_end(node: Node, open_tail: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hub_module, "ACCESS_SECONDS", 0.1)
    reader = open_tail()
    node.dataset.delete()

    wait_until(lambda: reader.is_over)
    assert reader.messages[-1].json["code"] == "unknown_dataset"


def test_client_is_told_what_its_share_had_no_room_for(
    node: Node, open_tail: Open, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    settings.EVENTLANE_TAIL_BYTES_PER_SECOND = 1024
    monkeypatch.setattr(hub_module, "LEAST_ROOM", 10_000)
    reader = open_tail()
    node.write(*[message(f"{n}") for n in range(2000)])
    wait_until(lambda: len(reader.shown()) + dropped(reader) == 2000)
    assert dropped(reader)
    assert reader.shown() == [str(n) for n in range(len(reader.shown()))]


def test_client_that_does_not_read_loses_events_and_nobody_waits_for_it(node: Node, open_tail: Open, settings: Any):
    settings.EVENTLANE_TAIL_WAITING_BYTES = 2 << 20
    reader, slow = open_tail(), open_tail(waits=True)
    sent = 0
    while not any(tail._missing.dropped for tail in hub_module.hub._tails):
        assert sent < MOST_UNREAD, "what a client doesn't read is kept somewhere"
        node.write(*[message(f"{sent + n}", text="x" * 20_000) for n in range(20)])
        sent += 20
        wait_until(lambda: len(reader.shown()) == sent)  # noqa: B023
    slow.goes_on.set()
    wait_until(lambda: dropped(slow))
    assert len(slow.shown()) + dropped(slow) == sent
    assert not dropped(reader)


def test_client_that_reads_gets_what_there_is_room_for_also_where_more_comes_at_once(
    node: Node, open_tail: Open, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub_module, "LEAST_ROOM", 10_000)
    settings.EVENTLANE_TAIL_WAITING_BYTES = 100_000
    reader = open_tail()
    node.write(*[message(f"{n}", text="x" * 1000) for n in range(200)])
    wait_until(lambda: len(reader.shown()) + dropped(reader) == 200)
    assert 50 < len(reader.shown()) < 100


def test_what_came_before_a_tail_began_does_not_hold_it_up(
    node: Node, open_tail: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub_module, "LINGER_SECONDS", 60.0)
    monkeypatch.setattr(hub_module, "WAITING_BYTES", 10_000)
    open_tail().leave()
    wait_until(lambda: not hub_module.hub._tails)
    node.write(*[message(f"{n}") for n in range(2000)])
    reader = open_tail()
    node.write(message("new"))
    wait_until(lambda: reader.messages)
    hub_module.LINGER_SECONDS = 0.0
    assert reader.shown() == ["new"]


def test_process_that_is_killed_is_replaced(node: Node, open_tail: Open):
    reader = open_tail()
    node.write(message("before"))
    wait_until(lambda: reader.shown() == ["before"])
    for pid in duckdb_processes():
        os.kill(pid, signal.SIGKILL)
    node.write(message("meanwhile"))
    wait_until(lambda: [one.json["skipped"] for one in reader.messages if one.event == "dropped"] == [1])
    node.write(message("after"))
    wait_until(lambda: reader.shown() == ["before", "after"])


def test_events_without_room_are_reported_also_if_the_process_is_killed(
    node: Node, open_tail: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(hub_module, "WAITING_BYTES", 1000)
    monkeypatch.setattr(hub_module, "SETTLE_US", 0)
    reader = open_tail()
    node.write(message("before"))
    wait_until(lambda: reader.shown() == ["before"])
    for pid in duckdb_processes():
        os.kill(pid, signal.SIGKILL)
    node.write(message("room"))
    node.write(*[message("no room", text="x" * 100) for _ in range(20)])
    wait_until(lambda: sum(one.json["skipped"] for one in reader.messages if one.event == "dropped") == 21)


def test_comment_comes_while_nothing_happens(open_tail: Open, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tail_module, "STILL_HERE_SECONDS", 0.05)
    reader = open_tail()
    wait_until(lambda: reader.comments.count("still here") >= 3)


def test_many_tails_leave_threads_connections_and_slots_to_others(node: Node, client: ApiClient, open_tail: Open):
    readers = [open_tail(f"n:{number % 5}") for number in range(3 * configured.EVENTLANE_WEB_THREADS)]
    assert client.post("/query", {"datasets": ["logs"]}).status_code == 200
    assert len([thread for thread in threading.enumerate() if thread.name.startswith("tails")]) <= 3
    node.write(*[message(str(number), n=number) for number in range(5)])
    wait_until(lambda: all(reader.shown() for reader in readers))
    assert [reader.shown() for reader in readers] == [[str(number % 5)] for number in range(len(readers))]


def test_tails_that_nobody_can_fill_end(node: Node, open_tail: Open, monkeypatch: pytest.MonkeyPatch):
    def fail() -> None:
        raise OSError("no disk")

    monkeypatch.setattr(hub_module, "Matcher", fail)
    reader = open_tail()
    wait_until(lambda: reader.is_over)
    assert [(one.event, one.json["code"]) for one in reader.messages] == [("end", "internal_error")]


def test_tails_end_when_the_process_stops(open_tail: Open):
    reader = open_tail()
    application.end_streams()
    wait_until(lambda: reader.is_over)
