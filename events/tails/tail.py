"""One client's tail: its search line, and a queue that the hub's thread fills and the event loop empties."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from eventlane.wire.errors import ApiError
from events.lake.conditions import Conditions
from events.models import Dataset
from events.tails.access import Access
from events.tails.frames import AS_JSON, HELLO, STILL_HERE, Frame, Look, named_frame
from events.tails.seats import Seat

STILL_HERE_SECONDS = 15.0
UNSENT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Line:
    """What a tail shows: the events of a dataset that a search line finds. Tails with the same share the work."""

    dataset: Dataset
    q: str
    where: Conditions = field(compare=False)
    look: Look = AS_JSON


class Missing(NamedTuple):
    """Events that a tail doesn't get: those that it would have shown, and those that nobody has looked at."""

    dropped: int = 0
    skipped: int = 0


class Chunk(NamedTuple):
    """New events for the tails of one line, and what is missing after them."""

    events: int
    data: bytes
    missing: Missing
    least_us: int = 0  # none of the events was received before
    frames: Sequence[Frame] = ()  # of which the data consists, where a tail may have to leave out some

    def without(self, skipped: int) -> "Chunk":
        """Return it with so many more events that nobody has looked at."""
        return self._replace(missing=Missing(self.missing.dropped, self.missing.skipped + skipped)) if skipped else self


NOTHING = Chunk(0, b"", Missing())


class Source(Protocol):
    """What fills the queues of tails."""

    def add(self, tail: "Tail") -> None:
        """Offer new events to a tail from now on."""

    def remove(self, tail: "Tail") -> None:
        """Offer nothing any more."""


class Earlier(Protocol):
    """What a tail begins with: events that its client lacks, from before it began.

    Events that were received before `end_us` come from nowhere else. Those after `done_us` never come from here.
    """

    end_us: int
    done_us: float

    def pages(self, register: Callable[[], None]) -> AsyncIterator[bytes]:
        """Yield frames; call `register` when what comes must not be missed any more. Raise ApiError."""

    def misses(self, frame: Frame) -> bool:
        """Return whether an event that came since `register` is new to the client."""


class Tail:
    """A stream (eventlane.wire.stream) of what is new for a line, from `since_us` on.

    With `earlier`, it begins with those events.
    """

    def __init__(
        self, hub: Source, line: Line, access: Access, seat: Seat, since_us: int, earlier: Earlier | None = None
    ) -> None:
        self.line, self.access = line, access
        self.loop: asyncio.AbstractEventLoop | None = None  # once it is being sent
        self._hub, self._seat = hub, seat
        self._since_us, self._earlier = since_us, earlier
        self._made = time.monotonic()
        self._lock = threading.Lock()  # guards the queue
        self._queue: deque[Chunk] = deque()
        self._bytes = 0
        self._missing = Missing()
        self._ended = False
        self._reason: dict[str, Any] = {}
        self._news = asyncio.Event()

    # Any thread

    def offer(self, chunk: Chunk, room: int) -> None:
        """Queue new events if there is room for so many bytes, else only their number."""
        with self._lock:
            fits = self._bytes + len(chunk.data) <= room
            if fits:
                self._queue.append(chunk)
                self._bytes += len(chunk.data)
            dropped = chunk.missing.dropped + (0 if fits else chunk.events)
            self._missing = Missing(self._missing.dropped + dropped, self._missing.skipped + chunk.missing.skipped)

    def end(self, reason: ApiError | None = None) -> None:
        """Let the stream end, after what is queued."""
        self._reason = reason.body() if reason else {}
        self._ended = True
        if self.loop is not None:
            with suppress(RuntimeError):  # the loop is closed, and nothing is sent any more
                self.loop.call_soon_threadsafe(self.wake)

    @property
    def begins_us(self) -> int:
        """The time before which nothing is new for it."""
        return self._earlier.end_us if self._earlier else self._since_us

    def wants_all(self, least_us: int) -> bool:
        """Return whether all events are new for it that were received at this time or later."""
        return least_us >= (self._earlier.done_us if self._earlier else self._since_us)

    def is_lost(self) -> bool:
        """Return whether nobody sends it, though somebody should have begun long ago."""
        return self.loop is None and time.monotonic() - self._made > UNSENT_SECONDS

    def close(self) -> None:
        """Leave the hub, and free the seat."""
        self._hub.remove(self)
        self._seat.leave()

    # The event loop

    def wake(self) -> None:
        """Tell that something is new."""
        self._news.set()

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield what is to be sent."""
        self.loop = asyncio.get_running_loop()
        yield HELLO
        if self._earlier is not None:
            async for data in self._missed(self._earlier):
                yield data
        next_sign = self.loop.time() + STILL_HERE_SECONDS
        while not self._ended:
            await self._wait_until(next_sign)
            if data := self._take():
                yield data
            if self.loop.time() >= next_sign:
                next_sign += STILL_HERE_SECONDS
                yield STILL_HERE
        if self._reason:
            yield named_frame("end", **self._reason)

    async def _missed(self, earlier: Earlier) -> AsyncIterator[bytes]:
        """Yield what a client has missed."""
        try:
            async for data in _with_signs(earlier.pages(lambda: self._hub.add(self))):
                if self._ended:
                    return
                yield data
        except ApiError as error:
            self.end(error)

    async def _wait_until(self, time: float) -> None:
        if not self._queue and not self._ended:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(time):
                    await self._news.wait()
        self._news.clear()

    def _take(self) -> bytes:
        """Return what is queued, and then what is missing."""
        with self._lock:
            chunks, missing = list(self._queue), self._missing
            self._queue.clear()
            self._bytes, self._missing = 0, Missing()
        parts = [self._wanted(chunk) for chunk in chunks]
        if any(missing):
            parts.append(named_frame("dropped", **missing._asdict()))
        return b"".join(parts)

    def _wanted(self, chunk: Chunk) -> bytes:
        """Return a chunk's data without what is not new for this tail: only its first chunks can have that."""
        if self.wants_all(chunk.least_us):
            return chunk.data
        return b"".join(frame.data for frame in chunk.frames if self._is_new(frame))

    def _is_new(self, frame: Frame) -> bool:
        if self._earlier is None:
            return frame.received_us >= self._since_us
        return self._earlier.misses(frame)


async def _with_signs(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield what comes, and signs that the tail is alive while nothing does."""
    while True:
        part = asyncio.ensure_future(anext(parts, None))
        try:
            while not (await asyncio.wait([part], timeout=STILL_HERE_SECONDS))[0]:
                yield STILL_HERE
        finally:
            part.cancel()
        if (data := part.result()) is None:
            return
        yield data
