"""The quarantine: look at events in it, put them back into their datasets, or give them up.

An event moves back in a single transaction, which inserts it under its old id and deletes it from quarantine. At any
moment, it is therefore in exactly one of the two, even if the process is killed.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

import duckdb
import pyarrow as pa

from events.lake.connection import INLINED_ROWS, Lake, commit, event_table_name
from events.lake.culprits import Step, check_lake, origin_in_hex, storable_reason_of
from events.lake.guard import guarded, plain
from events.lake.ledger import ERASED, enter_rows
from events.lake.seal import DATASET_DELETED, Target, event_ids, insert_events, take_rows, targets_of
from events.namespaces import create_namespaces

PAGE_ROWS = 1000
GIVE_UP_AFTER = 20  # if this many events of a dataset in a row can't be stored, its table is to blame
MOVED_BYTES = 16 * 1024 * 1024  # per transaction
FIRST_ID = UUID(int=0)
AMONG = "id IN (SELECT unnest(?::UUID[]))"
NOT_AN_EVENT = "it is a damaged part of a journal file, not an event"
STILL_REFUSED = "it is still not valid JSON"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in quarantine, or part of a damaged journal file, which has no dataset."""

    id: UUID
    quarantined_time: datetime
    received_time: datetime | None
    dataset_id: str | None
    namespace: str
    service: str
    reason: str
    bytes: int


@dataclass(slots=True)
class PutBack:
    """How many events are in their datasets now, and why the others stay in quarantine."""

    events: int = 0
    left: dict[UUID, str] = field(default_factory=dict)
    _refused_in_a_row: Counter[str] = field(default_factory=Counter)  # by table

    def moved(self, table_name: str, found: list[Entry], invalid: set[UUID]) -> None:
        """Record that entries could be moved, except for invalid ones."""
        self.events += len(found) - len(invalid)
        self.left |= dict.fromkeys(invalid, STILL_REFUSED)
        self._refused_in_a_row[table_name] = 0

    def refused(self, table_name: str, found: list[Entry], reason: str) -> None:
        """Record that entries could not be moved."""
        self.left |= {entry.id: reason for entry in found}
        self._refused_in_a_row[table_name] += len(found)

    def gives_up(self, table_name: str) -> bool:
        """Return whether so many were refused that trying others is pointless."""
        return self._refused_in_a_row[table_name] >= GIVE_UP_AFTER


def entries(lake: Lake, dataset_id: str | None = None, ids: Collection[UUID] | None = None) -> Iterator[Entry]:
    """Yield entries in quarantine by id: all of them, those of a dataset, or those with these ids."""
    last = FIRST_ID
    while page := _page(lake, dataset_id, ids, last):
        yield from page
        last = page[-1].id


def text_of(lake: Lake, entry: Entry) -> bytes:
    """Return an entry's event as it was sent; empty if the entry is gone."""
    return lake.value("SELECT event FROM lake.main.quarantine WHERE id = ?", [entry.id]) or b""


def put_back(lake: Lake, found: Iterable[Entry], step: Step = lambda: None) -> PutBack:
    """Move events into their datasets; what still can't be stored stays. Raises LakeUnwell if nothing can be stored.

    `step` is called after each attempt.
    """
    done = PutBack()
    for group in _groups(found):
        dataset_id = group[0].dataset_id
        target = targets_of([dataset_id]).get(dataset_id) if dataset_id else None
        if target is None:
            reason = DATASET_DELETED.reason if dataset_id else NOT_AN_EVENT
            done.left |= {entry.id: reason for entry in group}
        else:
            _move_in_halves(lake, target, group, done, step)
    return done


def discard(lake: Lake, found: Iterable[Entry]) -> int:
    """Delete entries for good, which the ledger counts as erased; return how many there were."""
    ids = [entry.id for entry in found]

    def erase() -> int:
        enter_rows(lake, ERASED, "dataset_id", f"FROM lake.main.quarantine WHERE {AMONG}", [ids])
        return _delete(lake, ids)

    return commit(lake, erase)


def _page(lake: Lake, dataset_id: str | None, ids: Collection[UUID] | None, after: UUID) -> list[Entry]:
    rows = lake.execute(
        "SELECT id, epoch(quarantined_time), epoch(received_time), dataset_id, namespace, service, reason,"
        " octet_length(event) FROM lake.main.quarantine WHERE id > ? AND (dataset_id = ? OR ?)"
        " AND (id IN (SELECT unnest(?::UUID[])) OR ?) ORDER BY id LIMIT ?",
        [after, dataset_id, dataset_id is None, list(ids or []), ids is None, PAGE_ROWS],
    )
    return [_entry(*row) for row in rows]


def _entry(
    entry_id: UUID,
    quarantined: float,
    received: float | None,
    dataset_id: str | None,
    namespace: str | None,
    service: str | None,
    reason: str,
    size: int,
) -> Entry:
    hidden = origin_in_hex(reason) if namespace is None else None
    return Entry(
        id=entry_id,
        quarantined_time=datetime.fromtimestamp(quarantined, UTC),
        received_time=None if received is None else datetime.fromtimestamp(received, UTC),
        dataset_id=dataset_id,
        namespace=hidden[0] if hidden else plain(namespace or ""),
        service=hidden[1] if hidden else plain(service or ""),
        reason=reason,
        bytes=size,
    )


def _groups(found: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Yield entries in groups of one dataset each, small enough for one transaction."""
    groups: dict[str | None, list[Entry]] = {}
    sizes: dict[str | None, int] = {}
    for entry in found:
        key = entry.dataset_id
        groups.setdefault(key, []).append(entry)
        sizes[key] = sizes.get(key, 0) + entry.bytes
        if len(groups[key]) == PAGE_ROWS or sizes[key] >= MOVED_BYTES:
            sizes[key] = 0
            yield groups.pop(key)
    yield from groups.values()


def _move_in_halves(lake: Lake, target: Target, found: list[Entry], done: PutBack, step: Step) -> None:
    """Move entries of one dataset together, or in halves, down to those that can't be moved."""
    step()
    try:
        done.moved(target.table_name, found, _move_together(lake, target, found))
    except duckdb.Error as error:
        check_lake(lake)
        if len(found) == 1 or done.gives_up(target.table_name):
            done.refused(target.table_name, found, f"the lake can't store it: {storable_reason_of(error)}")
            return
        middle = len(found) // 2
        _move_in_halves(lake, target, found[:middle], done, step)
        _move_in_halves(lake, target, found[middle:], done, step)


def _move_together(lake: Lake, target: Target, found: list[Entry]) -> set[UUID]:
    """Move valid entries in one transaction; return the ids of invalid ones.

    Without DuckLake's own retry: it would insert again behind a killed process whose COMMIT PostgreSQL was still
    executing.
    """
    lake.execute("SET ducklake_max_retry_count = 0")
    lake.inline(0)  # a file may be refused although PostgreSQL accepts its rows, and would then hold up maintenance
    try:
        return commit(lake, lambda: _move(lake, target, found))
    finally:
        lake.inline(INLINED_ROWS)


def _move(lake: Lake, target: Target, found: list[Entry]) -> set[UUID]:
    create_namespaces({(str(entry.dataset_id), entry.namespace) for entry in found})
    lake.create_event_table(target.table_name)
    events = _events(lake, found)
    there = _there(lake, target.table_name, events)
    missing = take_rows(events, (row for row, key in enumerate(event_ids(events)) if key not in there))
    refused = set(event_ids(insert_events(lake, target, missing))) if len(missing) else set()
    _delete(lake, [UUID(bytes=key) for key in event_ids(events) if key not in refused])
    return {UUID(bytes=key) for key in refused}


def _events(lake: Lake, found: list[Entry]) -> pa.Table:
    """Return the entries' events that are still in quarantine, like arrow.event_table."""
    by_id = {entry.id: entry for entry in found}
    rows = lake.execute(
        f"SELECT id, epoch_us(received_time), coalesce(key_id, ''), event FROM lake.main.quarantine WHERE {AMONG}",
        [list(by_id)],
    )
    kept = [by_id[entry_id] for entry_id, *_ in rows]
    ids = pa.array([entry_id.bytes for entry_id, *_ in rows], pa.binary(16))
    return pa.table(
        {
            "id": pa.ExtensionArray.from_storage(pa.uuid(), ids),
            "received_us": pa.array([received_us for _, received_us, _, _ in rows], pa.int64()),
            "key_id": pa.array([key_id for _, _, key_id, _ in rows], pa.string()),
            "namespace": pa.array([guarded(entry.namespace) for entry in kept], pa.string()),
            "service": pa.array([guarded(entry.service) for entry in kept], pa.string()),
            "event": pa.array([text for *_, text in rows], pa.large_binary()).view(pa.large_string()),
        }
    )


def _there(lake: Lake, table_name: str, events: pa.Table) -> set[bytes]:
    """Return the ids of events that the table has: `lake adopt` may have put their entries back."""
    ids = events["id"].to_pylist()
    if not ids:
        return set()
    of_events = "id BETWEEN ? AND ? AND id IN (SELECT id FROM events)"
    rows = lake.execute(
        f"SELECT id FROM {event_table_name(table_name)} WHERE {of_events}", [min(ids), max(ids)], events=events
    )
    return {event_id.bytes for (event_id,) in rows}


def _delete(lake: Lake, ids: list[UUID]) -> int:
    return int(lake.value(f"DELETE FROM lake.main.quarantine WHERE {AMONG}", [ids]))
