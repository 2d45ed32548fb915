"""What becomes of lines that the server refuses, and of those that were read when something ends.

All in this process, against a server that answers as it is told.
"""

import asyncio
import json
import os
import signal
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from events.syslog import relay as relays
from events.syslog.listener import Limits, Listener
from events.syslog.relay import Relay
from tests.events.test_send import (
    ACCEPTED_AS_200,
    ONE_OF_THREE_NAMED,
    Reply,
    Scripted,
    connection,
    scripted,  # noqa: F401
)
from tests.server import free_port

UNAUTHORISED: Reply = (401, {}, b"")
A_SECOND: Reply = (503, {"Retry-After": "1"}, b"")
TEXTS = [b'{"n":%d}' % number for number in range(5)]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What an administrator is told. The relay doesn't wait long."""
    monkeypatch.setattr(relays, "REFUSED_SECONDS", 0.01)
    return []


def store(scripted: Scripted, said: list[str], **most: int) -> None:  # noqa: F811
    relay = Relay(connection(scripted.url), said.append, **most)
    relay.start()
    asyncio.run(asyncio.wait_for(relay.store(TEXTS), 20))
    assert relay.unstored == 0


def names(scripted: Scripted) -> set[str]:  # noqa: F811
    return {headers["idempotency-key"] for headers in scripted.headers}


def test_batch_keeps_its_name_until_it_is_stored(scripted: Scripted, said: list[str]) -> None:  # noqa: F811
    scripted.replies = [UNAUTHORISED, UNAUTHORISED, ACCEPTED_AS_200]
    store(scripted, said)
    assert len(scripted.bodies) == 3 and len(names(scripted)) == 1
    store(scripted, said)
    assert len(scripted.bodies) == 4 and len(names(scripted)) == 2


def test_batch_that_is_stored_in_part_is_not_sent_again(scripted: Scripted, said: list[str]) -> None:  # noqa: F811
    scripted.replies = [ONE_OF_THREE_NAMED]
    store(scripted, said)
    assert len(scripted.bodies) == 1
    assert said[0].startswith("3 of 5 events were refused and the others stored")


@pytest.mark.parametrize(("most", "sizes"), [({"most_events": 2}, [2, 2, 1]), ({"most_bytes": 17}, [2, 2, 1])])
def test_no_batch_is_larger_than_the_server_takes(
    scripted: Scripted,  # noqa: F811
    said: list[str],
    most: dict[str, int],
    sizes: list[int],
) -> None:
    store(scripted, said, **most)
    assert [len(json.loads(body)) for body in scripted.bodies] == sizes
    assert said == []


async def listen(
    scripted: Scripted,  # noqa: F811
    said: list[str],
    act: Callable[[socket.socket], Awaitable[Any]],
) -> list[str]:
    """Run a listener until `act` is done with a connection and SIGTERM came; return the messages stored."""
    place = f"127.0.0.1:{free_port()}"
    listener = Listener(Relay(connection(scripted.url), said.append), Limits(10, 16_384, 100, 32_768), tcp=place)
    running = asyncio.ensure_future(listener.run())
    await turns()
    with socket.create_connection(("127.0.0.1", int(place.rpartition(":")[2]))) as sender:
        await act(sender)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 20)
    bodies = dict.fromkeys(scripted.bodies)  # once each, however often they were sent
    return [event["message"] for body in bodies for event in json.loads(body)]


async def turns() -> None:
    """Let the loop read what is there: a local connection has it at once."""
    for _ in range(20):
        await asyncio.sleep(0.005)


async def send_while_the_first_is_stored(sender: socket.socket, rest: bytes, scripted: Scripted) -> None:  # noqa: F811
    sender.sendall(b"one\n")
    while not scripted.bodies:
        await asyncio.sleep(0.005)
    sender.sendall(rest)
    await turns()


def test_lines_that_were_read_are_stored_at_a_stop_but_no_half_one(scripted: Scripted, said: list[str]) -> None:  # noqa: F811
    scripted.replies = [A_SECOND]

    async def act(sender: socket.socket) -> None:
        await send_while_the_first_is_stored(sender, b"two\nthree\nfo", scripted)

    assert asyncio.run(listen(scripted, said, act)) == ["one", "two", "three"]
    assert said == []


def test_line_that_begins_before_a_stop_is_not_stored_by_half(scripted: Scripted, said: list[str]) -> None:  # noqa: F811
    async def act(sender: socket.socket) -> None:
        sender.sendall(b"one\ntw")
        await turns()

    assert asyncio.run(listen(scripted, said, act)) == ["one"]


def test_lines_that_were_read_are_stored_when_a_connection_breaks_off(scripted: Scripted, said: list[str]) -> None:  # noqa: F811
    scripted.replies = [A_SECOND]

    async def act(sender: socket.socket) -> None:
        await send_while_the_first_is_stored(sender, b"two\nthree\nfo", scripted)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
        sender.close()
        await turns()

    assert asyncio.run(listen(scripted, said, act)) == ["one", "two", "three"]
