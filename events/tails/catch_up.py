"""What a client has missed since the event that it names: read in pages, before its tail goes on with what is new."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from eventlane.database import disconnect
from eventlane.times import from_microseconds, to_microseconds
from events.lake.conditions import Conditions
from events.lake.connection import Lake
from events.lake.pages import event_pages
from events.lake.partial import read_around
from events.lake.query import EventQuery, EventRow
from events.lake.slots import LakeUnavailable, TooManyQueries, slots
from events.models import Dataset
from events.tails.frames import STILL_HERE, Frame, Look, named_frame

PAGE_EVENTS = 500
STORING_US = 10_000_000  # storing an event doesn't take longer, from when it got its id
RETRY_SECONDS = 2.0

reading_thread = ThreadPoolExecutor(1, "tails catching up")  # however many come back at once, after a restart


class CatchUp:
    """The events of a search line after one of them. All of it runs in the event loop, except reading."""

    def __init__(self, dataset: Dataset, where: Conditions, look: Look, after: UUID) -> None:
        self._dataset, self._where, self._look = dataset, where, look
        self._first = self._last = after
        self.end_us = 0  # of what was read before `register`
        self.done_us = math.inf  # what was received after this was never read here
        self._sent: set[UUID] = set()  # since then

    async def pages(self, register: Callable[[], None]) -> AsyncIterator[bytes]:
        """Yield frames until nothing is missing, and call `register` when what comes must not be missed any more.

        That is before the last 10 s are read: what was received earlier is stored, and found by its id. Reading ends
        with what was received 10 s after: where more comes than can be read, there would be no end. Raises what
        `event_pages` raises.
        """
        is_registered, last_us = False, 0
        while True:
            if not is_registered:
                self.end_us = time.time_ns() // 1000 - STORING_US
            try:
                rows, skipped = await asyncio.get_running_loop().run_in_executor(
                    reading_thread, self._read, is_registered
                )
            except (TooManyQueries, LakeUnavailable):
                yield STILL_HERE
                await asyncio.sleep(RETRY_SECONDS)
                continue
            yield b"".join(self._look.frame(row).data for row in rows) + skipped_frame(skipped)
            if rows:
                self._last = rows[-1].id
            if is_registered:
                self._sent.update(row.id for row in rows)
            if is_registered and (len(rows) < PAGE_EVENTS or to_microseconds(rows[-1].received_time) > last_us):
                self.done_us = time.time_ns() // 1000
                return
            if len(rows) < PAGE_EVENTS and not is_registered:
                register()
                is_registered, last_us = True, time.time_ns() // 1000 + STORING_US

    def misses(self, frame: Frame) -> bool:
        """Return whether an event that came since `register` was not among the pages, and is not an older one."""
        return frame.received_us >= self.end_us and frame.id > self._first and frame.id not in self._sent

    def _read(self, to_now: bool) -> tuple[list[EventRow], int]:
        """Return the next page, and the number of events in files that can't be read."""
        end = None if to_now else from_microseconds(self.end_us)
        query = EventQuery(self._dataset, to_time=end, where=self._where)

        def fetch(lake: Lake) -> list[EventRow]:
            with event_pages(lake, query) as pages:
                return pages.fetch(descending=False, after=self._last, limit=PAGE_EVENTS)

        try:
            rows, left_out = slots.run(lambda lake: read_around(lake, [self._dataset.table_name], fetch), "tails")
        finally:
            disconnect()
        return rows, sum(file.rows for file in left_out)


def skipped_frame(skipped: int) -> bytes:
    """Return what tells of events in files that can't be read; nothing where there are none."""
    return named_frame("dropped", dropped=0, skipped=skipped) if skipped else b""
