"""Limit the total time of a reader's statements, and end them when nobody waits for the answer any more."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import duckdb
from django.conf import settings

from eventlane.wire.client import CLIENT, Client
from eventlane.wire.errors import ApiError
from events.lake.duckdbs import ProcessEnded

# How soon it is noticed that the client is gone, or an end that came just before a statement started: DuckDB forgets
# such an interrupt.
LOOK_SECONDS = 0.25


class QueryTimeout(ApiError):
    """The query ran longer than EVENTLANE_QUERY_SECONDS."""

    status, code = 400, "query_timeout"

    def __init__(self, events: int = 0, looked_back_to: str = "", looked_at: int = 0) -> None:
        """Say how many events there were to look at, how many were and since when all were, as far as that is known."""
        told = [f"The query ran longer than {settings.EVENTLANE_QUERY_SECONDS:g} seconds."]
        data: dict[str, Any] = {}
        if events:
            data["events"] = events
            told.append(f"There were {events:,} events to look at.")
        if looked_back_to:
            data["looked_back_to"] = looked_back_to
            told.append(f"It had looked at all since {looked_back_to}.")
        if events and looked_at:
            data["looked_at"] = looked_at
            told[-1] = f"It had looked at about {looked_at:,} of them, at all since {looked_back_to}."
        super().__init__(" ".join([*told, "Ask for less of the past."]), data=data or None)
        self.looked_back_to = looked_back_to


class QueryCancelled(ApiError):
    """The query was cancelled, as nobody waits for the answer any more."""

    status, code = 499, "query_cancelled"


class Deadline:
    """EVENTLANE_QUERY_SECONDS from now on, for the statements of one DuckDB, which `interrupt` stops.

    They are cancelled when the client of this thread's request goes away.
    """

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._end = time.monotonic() + settings.EVENTLANE_QUERY_SECONDS
        self._client = CLIENT.get(Client())  # commands have none
        self._cancelled = False
        self._running = False
        self._bounded = True  # otherwise only a cancel ends the running statement
        self._lock = threading.Lock()  # an interrupt must not hit anything after its statement
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="query deadline", daemon=True)

    def __enter__(self) -> "Deadline":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._closed.set()

    @contextmanager
    def statement(self, *, bounded: bool = True) -> Iterator[None]:
        """Run the block's statement, within the remaining time if bounded; raise QueryTimeout or QueryCancelled."""
        self._bounded = bounded
        self._check()
        self._set_running(True)
        try:
            yield
        except (duckdb.InterruptException, ProcessEnded):  # the process of one that heeds no interrupt is killed
            self._check()
            raise
        finally:
            self._set_running(False)

    def cancel(self) -> None:
        """End the running statement, and let no other start. Any thread may call this."""
        self._cancelled = True
        self._stop()

    def _check(self) -> None:
        if self._is_cancelled():
            raise QueryCancelled
        if self._is_late():
            raise QueryTimeout

    def _is_cancelled(self) -> bool:
        return self._cancelled or self._client.gone

    def _is_late(self) -> bool:
        return self._bounded and time.monotonic() >= self._end

    def _set_running(self, running: bool) -> None:
        with self._lock:
            self._running = running

    def _stop(self) -> None:
        with self._lock:
            if self._running and (self._is_cancelled() or self._is_late()):
                self._interrupt()

    def _watch(self) -> None:
        while not self._closed.wait(self._until_next_look()):
            self._stop()

    def _until_next_look(self) -> float:
        left = self._end - time.monotonic()
        return min(left, LOOK_SECONDS) if left > 0 else LOOK_SECONDS
