"""Lanes: threads for one kind of request, so that another kind can't take them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from eventlane.door.body import Busy, Room

P = ParamSpec("P")
T = TypeVar("T")


class Lane:
    """So many threads, so many requests that wait for one, and room for so many bytes of their bodies."""

    def __init__(self, name: str, threads: int, waiting: int, room_bytes: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._left = threads + waiting
        self.room = Room(room_bytes)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread of the lane and return what it returns; raise Busy when too many wait already."""
        if self._left == 0:
            raise Busy("too many requests are waiting")
        self._left -= 1
        future = asyncio.get_running_loop().run_in_executor(self._threads, lambda: work(*args, **kwargs))
        future.add_done_callback(self._leave)
        try:
            return await future
        finally:
            del future  # what it raised holds this frame, and with it the body, until the garbage is collected

    def _leave(self, future: "asyncio.Future[T]") -> None:
        self._left += 1
