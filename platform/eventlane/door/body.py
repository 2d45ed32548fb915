"""Read a request's body completely: in time, at a minimum rate, up to a limit, within the room for all bodies."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Receive = Callable[[], Awaitable[Mapping[str, Any]]]  # of ASGI
DRAIN_FACTOR = 3  # a body that is too large is read up to this many times the limit, so that its sender sees the reply


class Refused(Exception):
    """A request isn't let in. `status` is the HTTP status; the message is for the sender."""

    status = 400
    headers: Mapping[str, str] = {}


class CutOff(Refused):
    """The connection ended before the body did."""


class TooLarge(Refused):
    """The body has more bytes than its route accepts."""

    status = 413


class TooSlow(Refused):
    """The body came too slowly."""

    status = 408


class Busy(Refused):
    """There is no room for another request now."""

    status = 503
    headers: Mapping[str, str] = {"Retry-After": "1"}


@dataclass(frozen=True)
class Pace:
    """The slowest pace allowed: `seconds` to begin with, plus one second for every `bytes_per_second` received."""

    seconds: float
    bytes_per_second: int

    def allows(self, received: int) -> float:
        """Return how many seconds a body may have taken after this many bytes."""
        return self.seconds + received / self.bytes_per_second


class Room:
    """Room for all bodies at once: bytes, both as sent and inflated, or JSON values. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()

    def take(self, count: int) -> None:
        """Reserve room for this many more; raise Busy if there isn't enough."""
        with self._lock:
            if count > self._left:
                raise Busy("too many bodies are being sent at once")
            self._left -= count

    def give(self, count: int) -> None:
        """Release room."""
        with self._lock:
            self._left += count


class _Deadline:
    """Cancels the current task when its time has come; the time may be put off.

    asyncio.timeout does the same and more, but took a fifth of the processor time of a request with one event.
    """

    __slots__ = ("_handle", "_loop", "_passed", "_task", "time")

    def __init__(self, loop: asyncio.AbstractEventLoop, time: float) -> None:
        self._loop, self._task, self._passed = loop, asyncio.current_task(), False
        self.time = time
        self._handle = loop.call_at(time, self._look)

    def end(self) -> None:
        """Cancel nothing any more."""
        self._handle.cancel()

    def has_passed(self) -> bool:
        """Return whether this cancelled the task, and nobody else did: then the task goes on."""
        return self._passed and self._task is not None and self._task.uncancel() == 0

    def _look(self) -> None:
        if self._loop.time() < self.time:
            self._handle = self._loop.call_at(self.time, self._look)
        elif self._task is not None:
            self._passed = True
            self._task.cancel()


class Body:
    """The body of one request, read at most once. `has_ended` says whether all of it arrived."""

    def __init__(self, headers: Mapping[bytes, bytes], receive: Receive, pace: Pace, room: Room, values: Room) -> None:
        self._receive, self._pace, self._room, self._values = receive, pace, room, values
        self._length = _length(headers)
        self._waits_for_go_ahead = b"expect" in headers
        self.has_ended = self._length == 0
        self._held = self._held_values = 0
        self._watching: asyncio.Task[None] | None = None

    @property
    def length(self) -> int | None:
        """How many bytes it has, or None if only its end will tell."""
        return self._length

    async def read(self, limit: int) -> bytes:
        """Return the complete body. Raises TooLarge (at once, if its length says so), TooSlow, CutOff or Busy."""
        if self.has_ended:
            return b""
        if self._length is not None and self._length > limit:
            raise TooLarge(f"body larger than {limit} bytes")
        parts: list[bytes] = []

        def keep(part: bytes) -> None:
            if self._held + len(part) > limit:
                raise TooLarge(f"body larger than {limit} bytes")
            self.hold(len(part))
            parts.append(part)

        await self._receive_all(keep)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def skip(self, limit: int) -> None:
        """Read up to `limit` bytes and discard them. A longer body is left unread. Raises TooSlow and CutOff."""
        if self.has_ended or self._waits_for_go_ahead or (self._length or 0) > limit:
            return
        room = Room(limit)
        with suppress(Busy):
            await self._receive_all(lambda part: room.take(len(part)))

    async def drain(self, limit: int) -> None:
        """Keep reading after the reply, a few times the limit: a client still sending wouldn't see the reply."""
        self._length = None  # a reply is already sent; only the end of the body matters
        with suppress(TooSlow, CutOff):
            await self.skip(DRAIN_FACTOR * limit)

    def watch(self) -> "asyncio.Task[None]":
        """Return a task that is over when the client has closed the connection, once the body was read.

        There is one for all: while granian still works on a `receive` that was cancelled, it answers the next one as if
        the client were gone.
        """
        if self._watching is None:
            self._watching = asyncio.ensure_future(self._wait_for_disconnect())
        return self._watching

    def stop_watching(self) -> None:
        """End that task; nothing is received any more."""
        if self._watching is not None:
            self._watching.cancel()

    async def _wait_for_disconnect(self) -> None:
        while (await self._receive())["type"] == "http.request":
            pass

    def hold(self, count: int) -> None:
        """Reserve more room as the body is inflated, in the thread that works on it; raise Busy."""
        self._room.take(count)
        self._held += count

    def hold_values(self, count: int) -> None:
        """Reserve room for the body's JSON values, in the thread that works on it; raise Busy."""
        self._values.take(count)
        self._held_values += count

    def release(self) -> None:
        """Release the body's room once nobody needs the body any more."""
        self._room.give(self._held)
        if self._held_values:
            self._values.give(self._held_values)
        self._held = self._held_values = 0

    async def _receive_all(self, take: Callable[[bytes], None]) -> None:
        """Pass on every piece until the body ends, within its pace."""
        loop, received = asyncio.get_running_loop(), 0
        start = loop.time()
        deadline = _Deadline(loop, start + self._pace.allows(0))
        try:
            while not self.has_ended:
                part = await self._next()
                received += len(part)
                self.has_ended = self.has_ended or received == self._length
                deadline.time = start + self._pace.allows(received)
                take(part)
        except asyncio.CancelledError:
            if not deadline.has_passed():
                raise
            raise TooSlow(f"only {received} bytes of the body came in time") from None
        finally:
            deadline.end()

    async def _next(self) -> bytes:
        message = await self._receive()
        if message["type"] != "http.request":
            raise CutOff("the connection ended before the body did")
        self.has_ended = not message.get("more_body")
        part: bytes = message.get("body", b"")
        return part


def _length(headers: Mapping[bytes, bytes]) -> int | None:
    """Return the length of the body, or None if only its end will tell. The server has validated the header."""
    if b"transfer-encoding" in headers:
        return None
    return int(headers.get(b"content-length", b"0"))
