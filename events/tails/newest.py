"""What a page of Explore doesn't show yet: the newest of it, before its tail goes on with what is new."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from eventlane.database import disconnect
from eventlane.times import from_microseconds, to_microseconds
from eventlane.wire.errors import ApiError
from events.clock import newest_time
from events.lake.conditions import Conditions
from events.lake.connection import Lake
from events.lake.pages import EventPages
from events.lake.partial import read_around
from events.lake.query import EventQuery, EventRow
from events.lake.slots import LakeUnavailable, TooManyQueries, slots
from events.lake.snapshot import open_snapshot
from events.lake.unsealed import Span, times_of_ids
from events.models import Dataset
from events.tails.catch_up import RETRY_SECONDS, STORING_US, reading_thread, skipped_frame
from events.tails.frames import STILL_HERE, Frame, Look, named_frame

MOST_EVENTS = 300  # fewer than a page has room for: it still shows what it had, and the line between
MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page has: all until an event, or all of an answer that is complete until a time, down to a place.

    Of what was received shortly before that time, some may have been stored after it. What the answer has, too, is sent
    again: the page knows its ids.
    """

    until_us: int
    event: UUID | None = None
    place: tuple[int, UUID] = (0, UUID(int=0))  # event time and id

    @property
    def from_us(self) -> int:
        """The time before which it has everything that was received."""
        return self.until_us if self.event else self.until_us - STORING_US

    def lacks(self) -> Conditions:
        """Return the condition that an event isn't there."""
        conditions = Conditions()
        if self.event:
            conditions.add("id > ?", self.event)
            return conditions
        place_us, place_id = self.place
        later = "epoch_us(event_time) > ? OR (epoch_us(event_time) = ? AND id >= ?)"
        conditions.add(f"(epoch_us(received_time) >= ? OR {later})", self.until_us, place_us, place_us, place_id)
        return conditions


def shown_until(event: UUID) -> Shown:
    """Return what a page has that was shown an event last; none is of the future, whatever a fast clock said."""
    first_us, _ = times_of_ids([event])
    now_us = time.time_ns() // 1000
    return Shown(first_us, event) if first_us <= now_us else Shown(now_us)


class Newest:
    """The newest events of a search line that a page lacks, and a note in place of those before (`Earlier`)."""

    def __init__(
        self, dataset: Dataset, where: Conditions, look: Look, shown: Shown, gap: Callable[[datetime, datetime], str]
    ) -> None:
        """Take what to say where events that were received between two times, both included, are left out."""
        self._dataset, self._where, self._look = dataset, where, look
        self._shown, self._gap = shown, gap
        self.end_us = 0  # of what was stored before `register`
        self.done_us = math.inf  # what was received after this was never read here
        self._stored: set[UUID] = set()  # what was received since `end_us` and was read here, or left out

    async def pages(self, register: Callable[[], None]) -> AsyncIterator[bytes]:
        """Call `register`, then yield the frames: a page, or only a note where it can't be read."""
        self.end_us = time.time_ns() // 1000 - STORING_US
        register()
        for _ in range(MOST_TRIES):
            try:
                rows, skipped = await asyncio.get_running_loop().run_in_executor(reading_thread, self._read)
            except (TooManyQueries, LakeUnavailable):
                yield STILL_HERE
                await asyncio.sleep(RETRY_SECONDS)
            except ApiError:
                break
            else:
                yield self._frames(rows) + skipped_frame(skipped)
                return
        now_us = self.done_us = time.time_ns() // 1000
        yield self._left_out(now_us)

    def misses(self, frame: Frame) -> bool:
        """Return whether an event that came since `register` was neither read here nor left out."""
        return frame.received_us >= self.end_us and frame.id not in self._stored

    def _frames(self, rows: list[EventRow]) -> bytes:
        self.done_us = time.time_ns() // 1000
        kept = rows[:MOST_EVENTS]
        gap = self._left_out(to_microseconds(kept[-1].received_time)) if len(rows) > MOST_EVENTS else b""
        return gap + b"".join(self._look.frame(row).data for row in reversed(kept))

    def _left_out(self, to_us: int) -> bytes:
        first, last = from_microseconds(self._shown.until_us), from_microseconds(to_us)
        return named_frame("gap", html=self._gap(first, last))

    def _read(self) -> tuple[list[EventRow], int]:
        """Return the newest events, and the number of those in files that can't be read."""
        try:
            rows, left_out = slots.run(lambda lake: read_around(lake, [self._dataset.table_name], self._fetch), "tails")
        finally:
            disconnect()
        return rows, sum(file.rows for file in left_out)

    def _fetch(self, lake: Lake) -> list[EventRow]:
        lacking = self._shown.lacks()
        lacking.add_all(self._where)
        start = from_microseconds(self._shown.from_us)
        query = EventQuery(self._dataset, from_time=start, to_time=newest_time(), where=lacking)
        where = EventQuery(self._dataset, where=self._where).conditions()
        with open_snapshot(lake, [self._dataset], where) as snapshot:
            recent = f"SELECT id FROM ({snapshot.relation(Span(self.end_us, None))}) WHERE {where.sql}"
            self._stored = {id for (id,) in snapshot.execute(recent, where.parameters)}
            return EventPages(snapshot, query).fetch(descending=True, after=None, limit=MOST_EVENTS + 1)
