"""Find the events that prevent a journal file from being sealed, so that they don't hold up others.

A failed commit doesn't say who is at fault: PostgreSQL may be away, a disk full, or the catalog may refuse a text.
So we experiment, in a table that is created for it and dropped afterwards. If harmless events can be committed and
others can't, the others are at fault: they are halved repeatedly until the bad ones are left.

This only finds them; rescue.py acts on it. A kill at any moment costs no more than the work so far, and leaves a table
that maintenance drops, since it is no dataset's.
"""

import base64
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import duckdb
import pyarrow as pa
from django.conf import settings

from events.journal import Batch, JournalFile, new_batch
from events.lake.arrow import event_table
from events.lake.columns import QUARANTINE_COLUMNS
from events.lake.connection import INLINED_ROWS, Lake, commit, event_table_name, table_definition
from events.lake.guard import plain
from events.lake.reasons import reason_of
from events.lake.seal import (
    Refusal,
    Target,
    by_dataset,
    drop_table,
    event_ids,
    insert_or_quarantine,
    quarantine,
    read_parts,
    targets_of,
)
from events.namespaces import create_namespaces

HARMLESS_BYTES = 8 * 1024 * 1024  # the largest harmless event; larger than any accepted one
NOBODY = ""  # the id of no dataset
_IN_HEX = "Its namespace and service in hex: "

Step = Callable[[], None]


class LakeUnwell(Exception):
    """Not even harmless events can be sealed."""


def check_lake(lake: Lake) -> None:
    """Raise LakeUnwell unless a harmless event can be sealed now."""
    with _trial(lake) as trial:
        trial.store_harmless(0)


def find_bad_events(lake: Lake, file: JournalFile, step: Step) -> dict[bytes, Refusal]:
    """Return by id the events of a file that can't be sealed although harmless ones can; raise LakeUnwell."""
    found: dict[bytes, Refusal] = {}
    with _trial(lake) as trial:
        for part in read_parts([file]):
            found |= _search_part(trial, by_dataset(part.batches), step)
    return found


def _search_part(trial: "_Trial", datasets: dict[str, list[Batch]], step: Step) -> dict[bytes, Refusal]:
    """Examine each dataset by itself, and divide the time among those with bad events."""
    targets = targets_of(datasets)
    failing: list[_Search] = []
    for dataset_id, batches in datasets.items():
        search = _Search(trial, event_table(batches), dataset_id, targets.get(dataset_id), step)
        if search.fails():
            failing.append(search)
    found: dict[bytes, Refusal] = {}
    for search in failing:
        found |= search.bad_events(settings.EVENTLANE_SEAL_SEARCH_SECONDS / len(failing))
    return found


class _Search:
    """The search for bad events of a dataset."""

    def __init__(self, trial: "_Trial", events: pa.Table, dataset_id: str, target: Target | None, step: Step) -> None:
        self._trial, self._events, self._dataset_id, self._target = trial, events, dataset_id, target
        self._step = step
        self._found: dict[bytes, Refusal] = {}
        # Few rows go to PostgreSQL, many to a file. Each event is tried in the place where it would go.
        self._inlined = INLINED_ROWS if len(events) <= INLINED_ROWS else 0

    def fails(self) -> bool:
        """Return whether the events can't be stored all together."""
        return self._error(self._events) is not None

    def bad_events(self, seconds: float) -> dict[bytes, Refusal]:
        """Return the bad events by id. If time runs out, the events around the remaining ones are refused with them."""
        self._halve(self._events, time.monotonic() + seconds)
        return self._found

    def _halve(self, events: pa.Table, end: float) -> None:
        middle = len(events) // 2
        for half in (events.slice(0, middle), events.slice(middle)) if middle else (events,):
            error = self._error(half)
            if error is None:
                continue
            if len(half) == 1 or time.monotonic() > end:
                self._refuse(half, error)
            else:
                self._halve(half, end)

    def _error(self, events: pa.Table) -> Exception | None:
        """Return why the events can't be stored, or None if they can; raise LakeUnwell if harmless ones can't."""
        self._step()
        try:
            self._trial.store(events, self._dataset_id, self._target, self._inlined)
            return None
        except Exception as error:
            self._trial.store_harmless(events.nbytes)
            return error

    def _refuse(self, events: pa.Table, error: Exception) -> None:
        if self._error(events) is None:
            return  # a single failure isn't enough to refuse it
        what = "it" if len(events) == 1 else f"all of {len(events):,} events, of which this is one"
        reason = f"the lake can't store {what}: {storable_reason_of(error)}"
        keeps_origin = self._trial.can_quarantine(events, self._dataset_id, Refusal(reason))
        for event_id, namespace, service in zip(
            event_ids(events), events["namespace"].to_pylist(), events["service"].to_pylist(), strict=True
        ):
            self._found[event_id] = Refusal(reason) if keeps_origin else _without_origin(namespace, service)


class _Trial:
    """Tables like those that events are sealed into."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.events = f"events_trial_{secrets.token_hex(8)}"
        self.quarantine = f"{self.events}_quarantine"

    def store(self, events: pa.Table, dataset_id: str, target: Target | None, inlined_rows: int) -> None:
        """Do with the events all that sealing would do, but in other tables."""
        trial = target and Target(self.events, target.unwraps)
        if trial:
            namespaces = events["namespace"].unique().to_pylist()
            create_namespaces({(dataset_id, plain(namespace)) for namespace in namespaces})
        self._commit(
            lambda: insert_or_quarantine(self.lake, events, dataset_id, trial, self.quarantine),
            inlined_rows,
        )

    def store_harmless(self, size: int) -> None:
        """Store an incompressible event of this size like others; raise LakeUnwell."""
        noise = base64.b64encode(os.urandom(min(size, HARMLESS_BYTES) * 3 // 4))
        text = b'{"message":"%b"}' % noise
        events = event_table([new_batch(NOBODY, "trial", "", [text], [len(text)])])
        try:
            create_namespaces({(NOBODY, "trial")})  # creates nothing, but needs Django's connection as the real ones do
            self._commit(
                lambda: insert_or_quarantine(self.lake, events, NOBODY, Target(self.events), self.quarantine), 0
            )
        except Exception as error:
            raise LakeUnwell(reason_of(error)) from error

    def can_quarantine(self, events: pa.Table, dataset_id: str, refusal: Refusal) -> bool:
        """Return whether the events can go into quarantine with this reason and everything known about them."""
        refusals = [refusal] * len(events)
        try:
            self._commit(lambda: quarantine(self.lake, events, dataset_id, refusals, self.quarantine), 0)
        except duckdb.Error:
            return False
        return True

    def _commit(self, work: Callable[[], object], inlined_rows: int) -> None:
        def trial() -> None:
            self.lake.create_event_table(self.events)
            columns = table_definition(QUARANTINE_COLUMNS)
            self.lake.execute(f"CREATE TABLE IF NOT EXISTS {event_table_name(self.quarantine)} ({columns})")
            self.lake.inline(inlined_rows)
            work()

        try:
            commit(self.lake, trial)
        finally:
            self.lake.inline(INLINED_ROWS)


@contextmanager
def _trial(lake: Lake) -> Iterator[_Trial]:
    """Try things on the lake, and leave nothing behind."""
    trial = _Trial(lake)
    lake.execute(
        "SET ducklake_max_retry_count = 0"
    )  # DuckLake may take words in an event for errors of its own, and would wait
    try:
        yield trial
    finally:
        with suppress(duckdb.Error):  # they are no dataset's, so maintenance drops them
            drop_table(lake, trial.events, trial.quarantine)


def storable_reason_of(error: Exception) -> str:
    """Return the reason for an error in a form that quarantine can store."""
    return reason_of(error).replace("{", "(").replace("}", ")")


def origin_in_hex(reason: str) -> tuple[str, str] | None:
    """Return the namespace and the service that a reason contains as hex digits, or None."""
    found = re.search(rf"{_IN_HEX}([0-9a-f]*), ([0-9a-f]*)$", reason)
    return (bytes.fromhex(found[1]).decode(), bytes.fromhex(found[2]).decode()) if found else None


def _without_origin(namespace: str, service: str) -> Refusal:
    """Refuse an event whose reason, namespace or service can't be stored: as hex digits, they can."""
    digits = f"{plain(namespace).encode().hex()}, {plain(service).encode().hex()}"
    reason = f"the lake can't store it; the server's log says why. {_IN_HEX}{digits}"
    return Refusal(reason, with_origin=False)
