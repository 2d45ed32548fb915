"""Lanes: threads reserved for one kind of request."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from eventlane.door.body import Busy, Room

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """A number of threads, of requests that may wait for one, and of bytes and values for their bodies."""

    def __init__(self, name: str, threads: int, waiting: int, room_bytes: int, room_values: int) -> None:
        self.name = name
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._waiting, self._left = waiting, threads + waiting
        self._last_move = time.monotonic()  # the last time that a thread was free
        self.room, self.values = Room(room_bytes), Room(room_values)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread of the lane and return its result; raise Busy if too many requests are waiting."""
        if self._left == 0:
            raise Busy("too many requests are waiting")
        if self._left > self._waiting:
            self._last_move = time.monotonic()
        self._left -= 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))
        future.add_done_callback(self._leave)
        try:
            return await future
        finally:
            del future  # its exception holds this frame, and with it the body, until the next garbage collection

    def hangs(self, seconds: float) -> bool:
        """Return whether all threads have been busy for this long without finishing anything."""
        return self._left <= self._waiting and time.monotonic() - self._last_move > seconds

    def _leave(self, future: "asyncio.Future[T]") -> None:
        self._left += 1
        self._last_move = time.monotonic()
