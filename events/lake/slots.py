"""Queries in a web process: a few at once, on DuckDBs that stay attached between them.

Attaching the lake takes 0.1 to 0.4 s, a page of events 0.03 s. Ingest shares the process, so a DuckDB here has one
thread and little memory.
"""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

import duckdb
from django.conf import settings

from eventlane.installation import WrongInstallation
from eventlane.wire.errors import ApiError
from events.lake.connection import Lake
from events.lake.deadline import QueryCancelled, QueryTimeout

T = TypeVar("T")
logger = logging.getLogger(__name__)

WAIT_SECONDS = 5.0


class TooManyQueries(ApiError):
    """Too many queries run at once. Try again in a moment."""

    status, code = 503, "too_many_queries"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "1"})


class LakeUnavailable(ApiError):
    """Events can't be read now: the lake or its catalog does not answer."""

    status, code = 503, "lake_unavailable"

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "5"})


class QuerySlots:
    """So many queries at once and no more."""

    def __init__(self, slots: int, wait_seconds: float = WAIT_SECONDS) -> None:
        self._free = threading.BoundedSemaphore(slots)
        self._wait_seconds = wait_seconds
        self._idle: list[Lake] = []

    def run(self, work: Callable[[Lake], T]) -> T:
        """Return what `work` makes of a lake; raise TooManyQueries, LakeUnavailable or what `work` raises."""
        if not self._free.acquire(timeout=self._wait_seconds):
            raise TooManyQueries
        try:
            return self._run(work)
        finally:
            self._free.release()

    def close(self) -> None:
        """Give back what isn't in use."""
        while self._idle:
            self._idle.pop().close()

    def _run(self, work: Callable[[Lake], T]) -> T:
        if self._idle:
            try:
                return self._use(self._idle.pop(), work)
            except duckdb.Error:
                self.close()  # PostgreSQL was restarted since, so the others are of no more use
        try:
            return self._use(_small_lake(), work)
        except (duckdb.Error, WrongInstallation) as error:
            logger.error("the lake can't be read: %s", error)
            raise LakeUnavailable from error

    def _use(self, lake: Lake, work: Callable[[Lake], T]) -> T:
        """Run `work`; a lake that failed is not used again."""
        try:
            if not lake.attached:
                lake.attach_if_there()
            result = work(lake)
        except (QueryTimeout, QueryCancelled):
            self._idle.append(lake)
            raise
        except BaseException:
            lake.close()
            raise
        self._idle.append(lake)
        return result


def _small_lake() -> Lake:
    return Lake(read_only=True, threads=1, memory_mb=settings.EVENTLANE_QUERY_MEMORY_MB)


slots = QuerySlots(settings.EVENTLANE_QUERY_SLOTS)
