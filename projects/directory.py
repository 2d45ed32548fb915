"""The keys and datasets that a process remembers, so that a request needs no database.

A thread asks PostgreSQL a few times a second for the directory version, which every change of a key, account,
project or dataset increments in its own transaction. After an increment, remembered entries are looked up again at
their next use. While PostgreSQL is away, they stay valid for a while: storing an event needs only the journal.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from eventlane.database import DATABASE_FAILED, disconnect
from eventlane.one_line import one_line
from eventlane.wire.seldom import SeldomLog
from projects.api_keys import digest_of
from projects.models import ApiKey, DirectoryVersion
from projects.rates import Rate, rates_of

T = TypeVar("T")
logger = logging.getLogger(__name__)
log_failed_periodic_task = SeldomLog(logger.warning)

MISSED_CHECKS = 5  # after this many, the database counts as away, even if it hangs instead of refusing


class NotRemembered(Exception):
    """The database must be asked, and the caller doesn't want to wait for it."""


class DirectoryUnavailable(Exception):
    """PostgreSQL is away, and the entry isn't remembered."""

    def __str__(self) -> str:
        return self.__doc__ or ""


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What a request needs to know about an API key."""

    id: str
    project_id: str | None
    create_datasets: bool
    rights: tuple[str, ...]
    expires: float  # seconds since 1970, or infinity
    answer_200: bool = False
    rates: tuple[Rate, ...] = ()
    quarantine_after: int = 0  # refusals of the same; 0: never

    def allows(self, right: str) -> bool:
        """Return whether the key has the right and hasn't expired."""
        return right in self.rights and time.time() < self.expires


class _Remembered:
    __slots__ = ("confirmed", "generation", "value")

    def __init__(self, value: Any, generation: int) -> None:
        self.value = value
        self.generation = generation
        self.confirmed = time.monotonic()


class Directory:
    """Answers from memory. After a change, an old answer is given until the next check at most."""

    def __init__(self, check_seconds: float, grace_seconds: float, max_entries: int) -> None:
        self._check_seconds, self._grace_seconds = check_seconds, grace_seconds
        self._max_entries = max_entries
        self._known: dict[object, _Remembered] = {}
        self._missing: dict[object, _Remembered] = {}  # separate, so that guessed keys can't push out real ones
        self._generation = 0
        self._version: int | None = None
        self._confirmed = time.monotonic()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._periodic_tasks: list[Callable[[], None]] = []

    def add_periodic_task(self, task: Callable[[], None]) -> None:
        """Run `task` after every successful check, in the checking thread."""
        self._periodic_tasks.append(task)

    def get(self, key: object, load: Callable[[], T | None], ask: bool = True) -> T | None:
        """Return what `load` returns for `key`, remembered until something changes.

        Raises DirectoryUnavailable if the database is away and the answer isn't known. Raises NotRemembered instead of
        asking the database unless `ask` is set.
        """
        if self._thread is None:
            self._start_checking()
        entry = self._known.get(key) or self._missing.get(key)
        if entry is not None and entry.generation == self._generation and not self._is_away():
            return entry.value
        return self._load(key, load, entry, ask)

    def forget_missing(self) -> None:
        """Forget entries that didn't exist: something new has just been created."""
        self._missing.clear()

    def _load(self, key: object, load: Callable[[], Any], entry: _Remembered | None, ask: bool) -> Any:
        generation = self._generation  # read first: if something changes while we load, the entry is already stale
        if self._is_away():
            return self._recall(entry)
        if not ask:
            raise NotRemembered
        try:
            value = load()
        except DATABASE_FAILED:
            return self._recall(entry)
        place = self._missing if value is None else self._known
        if len(place) >= self._max_entries:
            place.clear()
        if value is None:
            self._known.pop(key, None)
        place[key] = _Remembered(value, generation)
        return value

    def _recall(self, entry: _Remembered | None) -> Any:
        """Answer while the database is away: with its last answer, as long as the grace period lasts."""
        if entry is None or entry.value is None:
            raise DirectoryUnavailable
        last_word = max(entry.confirmed, self._confirmed if entry.generation == self._generation else 0.0)
        if time.monotonic() - last_word > self._grace_seconds:
            raise DirectoryUnavailable
        return entry.value

    def _is_away(self) -> bool:
        return time.monotonic() - self._confirmed > MISSED_CHECKS * self._check_seconds

    def _start_checking(self) -> None:
        with self._start:
            if self._thread is None:
                self._confirmed = time.monotonic()
                self._thread = threading.Thread(target=self._check_for_ever, name="directory", daemon=True)
                self._thread.start()

    def _check_for_ever(self) -> None:
        failing = False
        while True:
            try:
                self._check()
            except Exception as error:
                if not failing:
                    logger.warning("PostgreSQL does not answer; serving from memory: %s", one_line(error))
                failing = True
                disconnect()
            else:
                if failing:
                    logger.warning("PostgreSQL is back")
                failing = False
                self._run_periodic_tasks()
            time.sleep(self._check_seconds)

    def _run_periodic_tasks(self) -> None:
        """Run each task, even if others fail."""
        for task in self._periodic_tasks:
            try:
                task()
            except Exception as error:
                log_failed_periodic_task("%s failed, trying again: %r", task.__qualname__, error)
                disconnect()

    def _check(self) -> None:
        """Query the version; a new one makes all entries stale.

        The version is incremented in the transaction of the change: once it is visible, the change is, too.
        """
        asked = time.monotonic()
        version = DirectoryVersion.objects.values_list("version", flat=True).get(id=1)
        if version != self._version:
            self._version = version
            self._generation += 1
        self._confirmed = asked


class LastUse:
    """Remembers when keys were used and writes it, at most once in EVENTLANE_LAST_USE_SECONDS per key."""

    def __init__(self, interval_seconds: float) -> None:
        self._interval_seconds = interval_seconds
        self._used: set[str] = set()
        self._written: dict[str, float] = {}

    def note(self, key_id: str) -> None:
        """Record that the key was used now."""
        self._used.add(key_id)

    def write(self) -> None:
        """Write what is due. The rest stays noted."""
        now = time.monotonic()
        due = [key for key in self._used.copy() if now - self._written.get(key, -1e9) >= self._interval_seconds]
        if not due:
            return
        self._used.difference_update(due)
        moment = timezone.now()
        another = moment - timedelta(seconds=self._interval_seconds)  # process may have written it
        keys = ApiKey.objects.filter(id__in=due).filter(Q(last_use_time=None) | Q(last_use_time__lte=another))
        keys.update(last_use_time=moment)
        self._written.update(dict.fromkeys(due, now))


directory = Directory(
    settings.EVENTLANE_DIRECTORY_CHECK_SECONDS,
    settings.EVENTLANE_DIRECTORY_GRACE_SECONDS,
    settings.EVENTLANE_DIRECTORY_ENTRIES,
)
last_use = LastUse(settings.EVENTLANE_LAST_USE_SECONDS)
directory.add_periodic_task(last_use.write)


def find_key(secret: str, ask: bool = True) -> KnownKey | None:
    """Return the key with this secret, unless it is unknown, revoked or expired, or its owner is disabled."""
    digest = digest_of(secret)
    return directory.get(("key", digest), lambda: _load_key(digest), ask)


def _load_key(digest: str) -> KnownKey | None:
    keys = ApiKey.objects.select_related("project").filter(
        digest=digest, revocation_time=None, account__disabled=False, organization__disabled=False
    )
    api_key = keys.first()
    if api_key is None:
        return None
    return KnownKey(
        id=api_key.id,
        project_id=api_key.project_id,
        create_datasets=bool(api_key.project and api_key.project.create_datasets),
        rights=tuple(api_key.rights),
        expires=api_key.expiration_time.timestamp() if api_key.expiration_time else float("inf"),
        answer_200=api_key.answer_200,
        rates=rates_of(api_key) if api_key.ingest else (),
        quarantine_after=api_key.quarantine_after or 0,
    )
