"""Requests that were refused, counted by key, dataset, status, reason and hour, each with the newest example.

They are counted in memory and written to PostgreSQL by the directory's thread, so a process that is killed takes the
last second's with it. An example is what was refused or its beginning, if it came with a valid key: no header, and not
what the sender gave as its key. Digits in a reason are mostly positions, and count as one.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from eventlane.door.request import Request
from eventlane.names import is_name
from eventlane.times import hour_of
from projects.directory import KnownKey, directory

EXAMPLE_BYTES = 1024
SAYS_NOTHING_BYTES = 4  # of a secret: all begin with them
MOST_ROWS = 1000  # in an hour
OTHER = "another reason: there were too many to count each"
REASON_LENGTH = 200
NUMBER = re.compile(r"\d+")
ADD = """
    INSERT INTO events_refusedcount (hour, key_id, project_id, dataset, status, reason, requests, latest_time, example)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (hour, key_id, dataset, status, reason) DO UPDATE SET
        requests = events_refusedcount.requests + excluded.requests,
        latest_time = greatest(events_refusedcount.latest_time, excluded.latest_time),
        example = coalesce(nullif(excluded.example, ''), events_refusedcount.example)"""


class Kind(NamedTuple):
    """What is counted together."""

    hour: datetime
    key_id: str  # empty: without a valid key
    project_id: str | None
    dataset: str  # its name, as far as the path says it
    status: int
    reason: str


class Refusals:
    """Counts refusals until they are written."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._counts: Counter[Kind] = Counter()
        self._examples: dict[Kind, str] = {}
        self._hour: datetime | None = None
        self._seen: set[Kind] = set()  # in this hour

    def note(self, kind: Kind, example: str) -> None:
        """Count a refusal."""
        with self._lock:
            if kind not in self._seen:
                kind = self._new(kind)
            self._counts[kind] += 1
            if example:
                self._examples[kind] = example

    def write(self) -> None:
        """Add to PostgreSQL what was counted. What can't be written is kept."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            examples, self._examples = self._examples, {}
        if not counts:
            return
        now = timezone.now()
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.executemany(
                    ADD, [(*kind, counts[kind], now, examples.get(kind, "")) for kind in sorted(counts, key=str)]
                )
        except Exception:
            with self._lock:
                self._counts += counts
                self._examples = examples | self._examples
            raise

    def _new(self, kind: Kind) -> Kind:
        """Return a kind that wasn't seen in this hour, or another one instead if there are too many."""
        if kind.hour != self._hour:
            self._hour, self._seen = kind.hour, set()
        if len(self._seen) >= self._most:
            return kind._replace(dataset="", reason=OTHER)
        self._seen.add(kind)
        return kind


refusals = Refusals(MOST_ROWS)
directory.add_periodic_task(refusals.write)


def note_refusal(
    request: Request,
    key: KnownKey | None,
    status: int,
    reason: str,
    refused: bytes = b"",
    secret_of: Callable[[Request], str] | None = None,
    dataset: str | None = None,
) -> None:
    """Count a request that was refused, or of which some events were.

    `refused` is what of it, as an example; `secret_of` finds the key in the request, which is masked there. Without it,
    or if the body is compressed, there is no example.
    """
    named = _dataset_in(request.path) if dataset is None else dataset
    kind = Kind(
        hour=hour_of(timezone.now()),
        key_id=key.id if key else "",
        project_id=key.project_id if key else None,
        dataset=named if key and is_name(named) else "",
        status=status,
        reason=_storable(NUMBER.sub("0", reason))[:REASON_LENGTH],
    )
    if key is None or not refused or secret_of is None or b"content-encoding" in request.headers:
        refusals.note(kind, "")
    else:
        refusals.note(kind, _example(refused, secret_of(request)))


def _example(refused: bytes, secret: str) -> str:
    """Return the beginning of what was refused, without the secret."""
    start, hidden = refused[: 4 * EXAMPLE_BYTES], secret.encode()
    masked = _without_part(start.replace(hidden, b"***"), hidden) if hidden else start
    return _storable(masked[:EXAMPLE_BYTES].decode(errors="replace"))


def _without_part(text: bytes, hidden: bytes) -> bytes:
    """Return a text without the beginning of the secret at its end, where it was cut."""
    for length in range(len(hidden) - 1, SAYS_NOTHING_BYTES, -1):
        if text.endswith(hidden[:length]):
            return text[:-length]
    return text


def _storable(text: str) -> str:
    """Return a text as PostgreSQL takes it."""
    return text.replace("\0", "�").encode(errors="replace").decode()


def _dataset_in(path: bytes) -> str:
    """Return the second segment of a path, which names the dataset in the Events API."""
    segments = path.split(b"/", 3)
    return segments[2].decode("latin-1") if len(segments) > 2 and segments[1] == b"v1" else ""
