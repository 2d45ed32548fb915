"""Queries of a web process: a few at a time, on DuckDBs that stay attached between them.

Attaching the lake takes 0.1 to 0.4 s, a page of events 0.03 s. Ingest shares the machine, so a DuckDB here has few
threads and little memory, and a process of its own that gives way to others.
"""

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb
from django.conf import settings

from eventlane.installation import WrongInstallation
from eventlane.one_line import one_line
from eventlane.wire.errors import ApiError, InternalError
from events.lake.connection import Lake
from events.lake.deadline import QueryCancelled, QueryTimeout
from events.lake.duckdbs import DuckDB, ProcessEnded, ProcessFailed, SeparateDuckDB

T = TypeVar("T")
logger = logging.getLogger(__name__)

WAIT_SECONDS = 5.0


class TooManyQueries(ApiError):
    """Too many queries run at once. Try again in a moment, or ask for less at once."""

    status, code = 503, "too_many_queries"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class LakeUnavailable(ApiError):
    """Events can't be read now: the lake or its catalog does not answer."""

    status, code = 503, "lake_unavailable"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "5"})


class QueryKilled(ApiError):
    """The query's process was killed, probably because the machine ran out of memory. Ask for less."""

    status, code = 503, "query_killed"


@dataclass(eq=False)
class _Ticket:
    """A caller waiting for a slot."""

    owner: str


class QuerySlots:
    """A limited number of queries at a time, at most `per_owner` of them of one named owner (an API key).

    Of the waiting queries, the one whose owner has the fewest running comes next, and among those the oldest.
    """

    def __init__(self, slots: int, wait_seconds: float = WAIT_SECONDS, per_owner: int | None = None) -> None:
        self._slots = slots
        self._per_owner = per_owner or slots
        self._wait_seconds = wait_seconds
        self._idle: list[Lake] = []
        self._running: Counter[str] = Counter()
        self._waiting: list[_Ticket] = []
        self._changed = threading.Condition()

    def run(self, work: Callable[[Lake], T], owner: str = "") -> T:
        """Return what `work` makes of a lake; raise TooManyQueries, LakeUnavailable, QueryKilled or as `work`."""
        with self._slot(owner):
            return self._run(work)

    @contextmanager
    def _slot(self, owner: str) -> Iterator[None]:
        self._take(owner)
        try:
            yield
        finally:
            with self._changed:
                self._running[owner] -= 1
                self._running += Counter()  # drops owners without running queries
                self._changed.notify_all()

    def _take(self, owner: str) -> None:
        ticket = _Ticket(owner)
        with self._changed:
            self._waiting.append(ticket)
            try:
                if not self._changed.wait_for(lambda: self._next() is ticket, self._wait_seconds):
                    raise TooManyQueries
                self._running[owner] += 1
            finally:
                self._waiting = [other for other in self._waiting if other is not ticket]
                self._changed.notify_all()

    def _next(self) -> "_Ticket | None":
        """Return the next one to start, or None if none may start now."""
        if self._running.total() >= self._slots:
            return None
        allowed = [
            ticket for ticket in self._waiting if not ticket.owner or self._running[ticket.owner] < self._per_owner
        ]
        return min(allowed, key=lambda ticket: self._running[ticket.owner], default=None)

    def close(self) -> None:
        """Close the unused lakes."""
        while self._idle:
            self._idle.pop().close()

    def _run(self, work: Callable[[Lake], T]) -> T:
        if lake := self._unused():
            try:
                return self._use(lake, work)
            except duckdb.Error as error:  # PostgreSQL was restarted since, so the others are useless, too
                logger.warning("attaching the lake anew: %s", one_line(error))
                self.close()
        try:
            return self._use(_small_lake(), work)
        except (duckdb.Error, WrongInstallation) as error:
            logger.error("the lake can't be read: %s", error)
            raise LakeUnavailable from error

    def _unused(self) -> Lake | None:
        """Return a lake that is left over, if its process wasn't killed."""
        with suppress(IndexError):  # of an empty list; another thread may take the last one
            while not (lake := self._idle.pop()).is_running():
                lake.close()
            return lake
        return None

    def _use(self, lake: Lake, work: Callable[[Lake], T]) -> T:
        """Run `work`. A lake that failed isn't used again; `work` that its process didn't survive isn't tried again."""
        try:
            if not lake.attached:
                lake.attach_if_there()
            result = work(lake)
        except (QueryTimeout, QueryCancelled):
            self._idle.append(lake)
            raise
        except (ProcessEnded, ProcessFailed) as error:
            lake.close()
            logger.error("a query failed: %s", one_line(error))
            raise (QueryKilled if isinstance(error, ProcessEnded) else InternalError) from error
        except BaseException:
            lake.close()
            raise
        self._idle.append(lake)
        return result


def _small_lake() -> Lake:
    threads, memory_mb = settings.EVENTLANE_QUERY_THREADS, settings.EVENTLANE_QUERY_MEMORY_MB
    return Lake(read_only=True, threads=threads, memory_mb=memory_mb, connect=separate)


def separate(config: Mapping[str, Any]) -> DuckDB:
    """Return a DuckDB in a process of its own, with the priority of a query."""
    return SeparateDuckDB(config, settings.EVENTLANE_QUERY_NICENESS)


slots = QuerySlots(settings.EVENTLANE_QUERY_SLOTS, per_owner=settings.EVENTLANE_QUERY_SLOTS_PER_KEY)
