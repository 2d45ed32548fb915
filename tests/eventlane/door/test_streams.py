"""Replies without an end, over HTTP."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from eventlane import web
from eventlane.door.application import Door
from eventlane.door.body import Pace
from eventlane.door.django import DjangoRoute
from eventlane.door.lanes import Lane
from eventlane.door.routes import Route, refuse_program
from eventlane.scratch import free_port
from eventlane.wire.stream import StreamResponse
from tests.waiting import wait_until

PARTS = [b"one ", b"two ", b"three"]


class Streamer:
    """A view that answers at once with a stream, which ends after its parts."""

    def __init__(self) -> None:
        self.closed = 0

    def __call__(self, environ: dict[str, Any], start_response: Any) -> StreamResponse:
        start_response("200 OK", [("Content-Type", "text/event-stream")])
        return StreamResponse(self, "text/event-stream")

    async def parts(self) -> AsyncIterator[bytes]:
        for part in PARTS:
            await asyncio.sleep(0.005)
            yield part

    def end(self) -> None:
        """It ends by itself."""

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def streamer() -> Streamer:
    return Streamer()


@pytest.fixture
def url(streamer: Streamer, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the view in a thread."""
    settings.EVENTLANE_BIND = f"127.0.0.1:{free_port()}"
    lane = Lane("streams", threads=4, waiting=100, room_bytes=1000, room_values=1000)
    route = Route(re.compile(""), lane, 1000, DjangoRoute(streamer), refuse_program)
    monkeypatch.setattr(web, "application", Door([route], Pace(5, 1000)))
    loop, server = asyncio.new_event_loop(), web.make_server()
    serving = threading.Thread(target=lambda: loop.run_until_complete(server.serve()))
    serving.start()
    yield f"http://{settings.EVENTLANE_BIND}"
    loop.call_soon_threadsafe(server.stop)
    serving.join()
    loop.close()


def test_stream_is_whole_however_quick_its_view_was(url: str, streamer: Streamer):
    for number in range(1, 101):
        with urlopen(f"{url}/{number}", timeout=10) as reply:
            assert reply.read() == b"".join(PARTS)
    wait_until(lambda: streamer.closed == 100)  # the last reply may be read before it is closed
