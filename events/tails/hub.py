"""The hub: the thread of a process that reads what is new, and fills the queues of all its tails."""

import asyncio
import logging
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter

from django.conf import settings

from eventlane.database import DATABASE_FAILED, disconnect
from eventlane.one_line import kind_and_line, one_line
from eventlane.wire.errors import ApiError, InternalError
from eventlane.wire.seldom import SeldomLog
from events.journal import Batch
from events.lake.conditions import Conditions
from events.models import Dataset
from events.query.where import search_conditions
from events.tails.access import Access
from events.tails.frames import AS_JSON, Look
from events.tails.matching import Matcher, count_by_dataset
from events.tails.news import JournalNews, KnownCopies
from events.tails.seats import seats
from events.tails.tail import NOTHING, Chunk, Earlier, Line, Tail

logger = logging.getLogger(__name__)
log_failure = SeldomLog(logger.error)

LOOK_SECONDS = 0.25
REST = 3  # times as long as the thread and its DuckDB worked, so they usually take a quarter of a core at most
SWITCH_SECONDS = 0.0005  # an event loop that waits for the interpreter's lock gets it ten times sooner than usual
USUAL_SWITCH_SECONDS = sys.getswitchinterval()
SETTLE_US = 100_000  # events become visible in the order of their ids only once others had this long to be stored
ACCESS_SECONDS = 2.0  # a revoked key ends its tails within this time
CHECK_SECONDS = 0.05  # at a time for asking: hundreds of accounts take longer, and events don't wait for all of them
START_US = 2_000_000  # what was received this long before the thread began may still come
LINGER_SECONDS = 10.0  # without tails, before the thread ends
STEP_EVENTS, STEP_BYTES = 10_000, 8 * 1024 * 1024  # that are converted at a time
WAITING_BYTES = 32 * 1024 * 1024  # of events that nobody has looked at
WOKEN_AT_ONCE = 5  # tails of an event loop
PAUSE_SECONDS = 0.002  # until the next of them
BURST_SECONDS = 5.0  # for which a tail may save up its share
LEAST_ROOM = 256 * 1024  # for some of the largest events


class Hub:
    """All tails of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the tails and the thread
        self._tails: set[Tail] = set()
        self._thread: threading.Thread | None = None

    def add(self, tail: Tail) -> None:
        """Offer new events to a tail from now on."""
        with self._lock:
            self._tails.add(tail)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tails", daemon=True)
                self._thread.start()

    def remove(self, tail: Tail) -> None:
        """Offer nothing any more."""
        with self._lock:
            self._tails.discard(tail)

    def _run(self) -> None:
        """Work as long as there are tails; end them if that is impossible."""
        try:
            self._fill()
        except Exception as error:
            log_failure("tails can't be filled: %s", kind_and_line(error))
            with self._lock:
                self._thread = None
                tails = list(self._tails)
            for tail in tails:
                tail.end(InternalError())

    def _fill(self) -> None:
        work = _Work()
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            while self._goes_on(work):
                try:
                    work.step(self._now)
                except Exception as error:  # a tail must not be left without anybody who fills it
                    log_failure("tails lose events: %s", kind_and_line(error))
                    work.start_over(self._now())
                    time.sleep(1.0)
        finally:
            sys.setswitchinterval(USUAL_SWITCH_SECONDS)
            work.close()

    def _now(self) -> list[Tail]:
        with self._lock:
            return list(self._tails)

    def _goes_on(self, work: "_Work") -> bool:
        with self._lock:
            if not self._tails and work.is_idle:
                self._thread = None
                return False
            return True


class _Work:
    """What the hub's thread does, and has open."""

    def __init__(self) -> None:
        self._start_us = time.time_ns() // 1000 - START_US
        self._news = JournalNews(settings.EVENTLANE_JOURNAL)
        self._matcher = Matcher()
        self._waiting: list[Batch] = []  # that nobody has looked at
        self._skipped: Counter[str] = Counter()  # by dataset, events that there was no room for, and nobody was told
        self._known = KnownCopies()
        self._budget = Budget()
        self._last_use = time.monotonic()
        self._checked: dict[Access, float] = {}  # when

    def close(self) -> None:
        """Close files and DuckDB."""
        self._news.close()
        self._matcher.close()

    @property
    def is_idle(self) -> bool:
        """Whether there has been no tail for a while."""
        return time.monotonic() - self._last_use > LINGER_SECONDS

    def step(self, tails_now: Callable[[], list[Tail]]) -> None:
        """Look for what is new, offer it to the tails, then rest, but not for longer than access may go unchecked."""
        started = self._processor_seconds()
        if tails := tails_now():
            self._last_use = time.monotonic()
            self._check(tails)
        if tails := tails_now():
            self._offer(tails)
        self._rest(min(max(LOOK_SECONDS, REST * (self._processor_seconds() - started)), ACCESS_SECONDS))

    def _rest(self, seconds: float) -> None:
        """Sleep, but open journal files that are new: under load, they are soon full, sealed and gone."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, LOOK_SECONDS))
            self._news.follow_new()

    def _processor_seconds(self) -> float:
        """Return what the looks have taken. Planning is done once, so it is nothing to rest for."""
        return time.thread_time() + self._matcher.processor_seconds() - self._matcher.planning_seconds()

    def start_over(self, tails: Sequence[Tail]) -> None:
        """Give up what nobody has looked at, and make a new DuckDB."""
        _offer_all(tails, {}, self._skipped + count_by_dataset(self._waiting), 0)
        self._waiting, self._skipped = [], Counter()
        self._matcher.close()
        self._matcher = Matcher()

    def _offer(self, tails: Sequence[Tail]) -> None:
        lines = {tail.line for tail in tails}
        begins_us = max(self._start_us, min(tail.begins_us for tail in tails))
        self._read({line.dataset.pk for line in lines}, begins_us)
        room = max(settings.EVENTLANE_TAIL_WAITING_BYTES // len(tails), LEAST_ROOM)
        rooms = {line: min(saved, room) for line, saved in self._budget.rooms(lines, len(tails)).items()}
        ready, later = _split(self._waiting)
        least_us = min((batch.received_us for batch in ready), default=0)
        fresh = {tail.line for tail in tails if not tail.wants_all(least_us)}
        found = self._matcher.find(ready, rooms, fresh, least_us) if ready else {}
        self._waiting = later
        self._budget.take({line: len(chunk.data) for line, chunk in found.items()})
        _offer_all(tails, found, self._skipped, room)
        self._skipped = Counter()

    def _read(self, dataset_ids: set[str], begins_us: int) -> None:
        """Read what is new in the journal since this time; only count the events that there is no room for."""
        kept = self._waiting = [batch for batch in self._waiting if batch.received_us >= begins_us]
        used = sum(map(_size, kept))
        for batch in self._news.read(dataset_ids):
            if not self._known.has(batch) and batch.received_us >= begins_us:
                used += _size(batch)
                if used <= WAITING_BYTES:
                    kept.append(batch)
                else:
                    self._skipped[batch.dataset_id] += batch.count

    def _check(self, tails: Sequence[Tail]) -> None:
        """End the tails of those who may no longer see what they show; each is asked about from time to time."""
        problems = {}
        try:
            problems = dict(self._problems({tail.access for tail in tails}))
        except DATABASE_FAILED as error:  # as elsewhere, those who are known are served
            log_failure("nobody knows whether tails are still allowed: %s", one_line(error))
            self._checked = dict.fromkeys(self._checked, time.monotonic())
        finally:
            disconnect()
        for tail in tails:
            if problem := problems.get(tail.access):
                tail.end(problem)
            if tail.is_lost():
                tail.close()

    def _problems(self, accesses: set[Access]) -> Iterator[tuple[Access, ApiError | None]]:
        """Ask about those whose turn it is, those first that were asked about longest ago."""
        now = time.monotonic()
        self._checked = {access: self._checked.get(access, now) for access in accesses}
        for access, checked in sorted(self._checked.items(), key=itemgetter(1)):
            if checked + ACCESS_SECONDS > now:
                break
            self._checked[access] = time.monotonic()
            yield access, _problem(access)
            if time.monotonic() > now + CHECK_SECONDS:
                break


class Budget:
    """How many bytes each tail may be sent: an equal share for each, which it can save up for some seconds."""

    def __init__(self) -> None:
        self._saved: dict[Line, float] = {}
        self._last = time.monotonic()

    def rooms(self, lines: set[Line], tails: int) -> dict[Line, int]:
        """Return what each tail of these lines may be sent now; `tails` is the number of all."""
        now = time.monotonic()
        share = settings.EVENTLANE_TAIL_BYTES_PER_SECOND / tails
        most, earned = max(share * BURST_SECONDS, LEAST_ROOM), share * (now - self._last)
        self._saved = {line: min(self._saved.get(line, most) + earned, most) for line in lines}
        self._last = now
        return {line: int(saved) for line, saved in self._saved.items()}

    def take(self, used: Mapping[Line, int]) -> None:
        """Note what each tail of a line is sent."""
        for line, count in used.items():
            self._saved[line] -= count


def open_tail(
    dataset: Dataset,
    q: str,
    access: Access,
    look: Look = AS_JSON,
    begin: Callable[[Dataset, Conditions, Look], Earlier] | None = None,
) -> Tail:
    """Return a tail of what is new, after what it is to begin with; raise TooManyTails and as `search_conditions`."""
    line = Line(dataset, q, search_conditions(q) if q else Conditions(), look)
    earlier = begin(dataset, line.where, look) if begin else None
    tail = Tail(hub, line, access, seats.take(), time.time_ns() // 1000, earlier)
    if earlier is None:
        hub.add(tail)
    return tail


def _problem(access: Access) -> ApiError | None:
    try:
        access.check()
    except ApiError as error:
        return error
    return None


def _split(batches: list[Batch]) -> tuple[list[Batch], list[Batch]]:
    """Return the batches of the next step, and the others.

    The youngest wait a little: others may get a lower id and be stored later, and clients go on after an id.
    """
    now_us = time.time_ns() // 1000
    now, later = [], []
    events = size = 0
    for batch in sorted(batches, key=lambda batch: batch.first_id):
        is_young = now_us - SETTLE_US < batch.received_us <= now_us
        if is_young or events >= STEP_EVENTS or size >= STEP_BYTES:
            later.append(batch)
        else:
            now.append(batch)
            events += batch.count
            size += _size(batch)
    return now, later


def _size(batch: Batch) -> int:
    return len(batch.events) + len(batch.lengths)


def _offer_all(tails: Sequence[Tail], found: Mapping[Line, Chunk], skipped: Counter[str], room: int) -> None:
    """Offer what was found to each tail, and wake those that have something, all of an event loop at once."""
    woken = defaultdict(list)
    for tail in tails:
        chunk = found.get(tail.line, NOTHING)
        chunk = chunk.without(skipped[tail.line.dataset.pk])
        if chunk.events or any(chunk.missing):
            tail.offer(chunk, room)
            woken[tail.loop].append(tail)
    for loop, of_loop in woken.items():
        if loop is not None:
            with suppress(RuntimeError):  # it is closed, and nothing is sent any more
                loop.call_soon_threadsafe(_wake, of_loop)


def _wake(tails: Sequence[Tail]) -> None:
    """Wake tails a few at a time, so that requests with events come in between."""
    for tail in tails[:WOKEN_AT_ONCE]:
        tail.wake()
    if others := tails[WOKEN_AT_ONCE:]:
        asyncio.get_running_loop().call_later(PAUSE_SECONDS, _wake, others)


hub = Hub()
