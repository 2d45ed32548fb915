"""Seal closed journal files into the lake, each event exactly once.

The names of the files are committed in the same DuckLake transaction as their events; only then are the
files unlinked, or set aside if something of them could not be read. So whoever finds a file with a name that is in
`sealed_files` does that and no more.
"""

import json
import stat
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import pyarrow as pa
from django.conf import settings

from eventlane.times import from_microseconds, hour_of
from events.journal import Batch, Copy, JournalFile
from events.journal.copies import Copies, copies_among, firsts_among
from events.journal.counts import MINUTE_US
from events.journal.reader import journal_paths, open_file
from events.lake.arrow import event_table
from events.lake.columns import EVENT_COLUMNS, FIELDS, KEY, QUARANTINE_COLUMNS, READING
from events.lake.connection import (
    COMMIT_ATTEMPTS,
    INLINED_ROWS,
    UNREAD_TIMES,
    Lake,
    commit,
    event_table_name,
    pause,
    quoted_text,
    was_overtaken,
)
from events.lake.damage import find_damage
from events.lake.ledger import DUPLICATES, ERASED, Place, enter, enter_rows, forget_dataset
from events.lake.noted_fields import note_sealed
from events.lake.pieces import PIECES, in_pieces
from events.lake.sealed_requests import note_sealed_copies, sealed_copies
from events.lake.statistics import Received, note_received, note_unread_times
from events.lake.unsealed import JournalIndex
from events.lake.unwrap import Source, source_of
from events.models import Dataset, DeletedDataset, DroppedTable
from events.namespaces import create_namespaces

QUARANTINE = "quarantine"
SEALED_COLUMNS = ", ".join([*EVENT_COLUMNS, *PIECES, *KEY])
# Planning that takes 35 ms: for datasets with no more events in a part it is done for all of them at once.
STAGED_EVENTS = 10_000
STAGED = "temp.main.staged"
NEXT_UNREAD = f"nextval('{UNREAD_TIMES}')"
STAGED_ROWS = f"SELECT {SEALED_COLUMNS}, has_unread_time FROM {STAGED} WHERE id IN (SELECT id FROM events)"
# Up to so many bytes of journal are sealed in one thread: they give a second one nothing to do, and waking it for each
# of the many small statements costs as much processor time as they do.
ONE_THREAD_BYTES = 8 * 1024 * 1024
NEWEST_FILES = 100  # of the journal, in which copies of a batch are looked for
INLINED_TOKENS = 1000  # with fewer, there would soon be a file for each round of sealing
WITHOUT_RETRY, WITH_RETRY = (f"SET ducklake_max_retry_count = {times}" for times in (0, 10))
INSERT_SEALED_FILE = "INSERT INTO lake.main.sealed_files VALUES (?, ?, now(), ?, ?)"

_index = JournalIndex()


@dataclass(frozen=True, slots=True)
class Target:
    """Where a dataset's events go, and whether their columns are read from JSON in messages, too."""

    table_name: str
    unwraps: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event goes into quarantine."""

    reason: str  # without braces: it has to be stored whatever the event was
    with_origin: bool = True  # False where namespace and service may be what can't be stored


DATASET_DELETED = Refusal("dataset deleted")


@dataclass(slots=True)
class Refused:
    """What is known to have kept files from being sealed (see culprits.py)."""

    events: dict[bytes, Refusal] = field(default_factory=dict)  # by id
    datasets: dict[str, Refusal] = field(default_factory=dict)  # by id

    def among(self, dataset_id: str, events: pa.Table) -> dict[int, Refusal]:
        """Return which rows of a dataset's events are refused, and why."""
        of_dataset = self.datasets.get(dataset_id)
        if not self.events and not of_dataset:
            return {}
        refusals = (self.events.get(event_id, of_dataset) for event_id in event_ids(events))
        return {row: refusal for row, refusal in enumerate(refusals) if refusal}

    def has_all_of(self, batch: Batch) -> bool:
        """Tell whether no event of a batch goes into its dataset's table."""
        if batch.dataset_id in self.datasets:
            return True
        return bool(self.events) and all(batch.event_id(index).bytes in self.events for index in range(batch.count))


class EventsMissing(AssertionError):
    """An event was neither inserted nor refused. The transaction must not commit."""


@dataclass(slots=True)
class Sealed:
    """What was done with some journal files."""

    files: int = 0
    events: int = 0  # now in their datasets' tables
    quarantined: int = 0
    repeated: int = 0  # left out, as they are stored already
    bytes: int = 0
    unread_times: Counter[str] = field(default_factory=Counter)  # events whose time could not be read, by dataset id

    def __add__(self, other: "Sealed") -> "Sealed":
        """Return the sum of both."""
        return Sealed(
            self.files + other.files,
            self.events + other.events,
            self.quarantined + other.quarantined,
            self.repeated + other.repeated,
            self.bytes + other.bytes,
            self.unread_times + other.unread_times,
        )


def seal_files(lake: Lake, files: Sequence[JournalFile], refused: Refused | None = None) -> Sealed:
    """Seal claimed files in one transaction, then take them out of the journal. What is `refused` goes into quarantine.

    When a sealer is killed, PostgreSQL may still be carrying out its COMMIT, and the next sealer may not see
    the name yet. DuckLake's own retry would then commit the same file behind it. So a sealer leaves a mark on
    each file before it commits, and files with a mark are sealed without that retry: their commit holds only
    if nobody else has committed since the transaction looked at `sealed_files`. So are files that hold batches with
    tokens, as another sealer may have a copy.
    """
    strict = any(_is_marked(file) for file in files)
    lake.execute(f"SET threads = {_threads(files)}")
    for attempt in range(COMMIT_ATTEMPTS):
        lake.execute(WITHOUT_RETRY if strict else WITH_RETRY)
        lake.inline(INLINED_ROWS)
        before = lake.newest_snapshot()
        try:
            with lake.transaction():
                sealed = _insert_files(lake, files, refused)
                _mark(files)
            break
        except duckdb.TransactionException:
            if attempt == COMMIT_ATTEMPTS - 1 or not was_overtaken(lake, before):
                raise
            strict = True
            pause(attempt)
    for file in files:
        file.retire()
    note_unread_times(sealed.unread_times)
    return sealed


def drop_tables(lake: Lake) -> list[str]:
    """Drop the tables of deleted datasets; return their names."""
    dropped = []
    for row in DroppedTable.objects.order_by("id"):
        drop_deleted_dataset(lake, row.table_name)
        row.delete()
        dropped.append(row.table_name)
    return dropped


def drop_deleted_dataset(lake: Lake, table_name: str) -> None:
    """Drop the table of a dataset that is deleted; the ledger then has its events as erased.

    If files of it can't be read, nobody can say when these events were received: then its ledger goes, too.
    """
    dataset = DeletedDataset.objects.filter(table_name=table_name).first()
    if dataset and lake.has_table(table_name):
        try:
            _erase(lake, table_name, dataset.pk)
        except duckdb.Error as error:
            if not find_damage([table_name], (), error):
                raise
            forget_dataset(dataset)
    drop_table(lake, table_name)


def _erase(lake: Lake, table_name: str, dataset_id: str) -> None:
    """Drop a dataset's table and enter its events as erased, if nobody has added any meanwhile."""

    def erase() -> None:
        enter_rows(lake, ERASED, quoted_text(dataset_id), f"FROM {event_table_name(table_name)} WHERE true", [])
        lake.execute(f"DROP TABLE {event_table_name(table_name)}")

    lake.execute(WITHOUT_RETRY)
    try:
        commit(lake, erase)
    finally:
        lake.execute(WITH_RETRY)


def drop_table(lake: Lake, *names: str) -> None:
    """Drop tables, those that are there."""

    def drop() -> None:
        for name in names:
            lake.execute(f"DROP TABLE IF EXISTS {event_table_name(name)}")

    commit(lake, drop)


def sealed_names(lake: Lake, names: Iterable[str]) -> set[str]:
    """Return those of the journal files' names that are sealed in this transaction's snapshot."""
    if not lake.has_sealed_files():
        return set()
    rows = lake.execute(
        "SELECT name FROM lake.main.sealed_files WHERE name IN (SELECT unnest(?::VARCHAR[]))", [list(names)]
    )
    return {name for (name,) in rows}


def _threads(files: Iterable[JournalFile]) -> int:
    """Return in how many threads DuckDB is to seal the files."""
    threads: int = settings.EVENTLANE_DUCKDB_THREADS
    return 1 if sum(file.size() for file in files) <= ONE_THREAD_BYTES else threads


def _is_marked(file: JournalFile) -> bool:
    """Tell whether a sealer was at the point of committing this file before."""
    return not file.path.stat().st_mode & stat.S_IWUSR


def _mark(files: Iterable[JournalFile]) -> None:
    for file in files:
        file.path.chmod(0o400)


def _insert_files(lake: Lake, files: Sequence[JournalFile], refused: Refused | None = None) -> Sealed:
    """Insert what isn't sealed yet of the files, and their names."""
    done = sealed_names(lake, [file.name for file in files])
    total = Sealed(files=len(files))
    received: Counter[Received] = Counter()
    for part in read_parts([file for file in files if file.name not in done]):
        batches = _without_copies(lake, part.batches, refused)
        total.repeated += sum(batch.count for batch in part.batches) - sum(batch.count for batch in batches)
        inserted, quarantined = _insert_batches(lake, batches, refused or Refused(), total.unread_times)
        _quarantine_damage(lake, part)
        total.events += inserted
        total.quarantined += quarantined + len(part.damaged)
        for file, events in part.finished:
            lake.execute(INSERT_SEALED_FILE, [file.name, file.node, events, file.size()])
            total.bytes += file.size()
        received.update(part.received)
    note_received(received)
    return total


def _without_copies(lake: Lake, batches: list[Batch], refused: Refused | None) -> list[Batch]:
    """Leave out batches of which a copy is sealed, or comes before them; note the tokens of the others.

    A batch gets the ids of the first copy in the journal, by which readers may have shown it; not if some are refused,
    which is by the ids that it has.
    """
    named = sorted((batch for batch in batches if batch.token), key=lambda batch: batch.first_id)
    if not named:
        return batches
    lake.execute(WITHOUT_RETRY)
    copies = copies_among(named)
    sealed = sealed_copies(lake, copies)
    firsts = Copies(firsts_among({*copies, *([] if refused else _copies_in_journal())}, sealed))
    kept, new = [batch for batch in batches if not batch.token], set()
    for batch, copy in zip(named, copies, strict=True):
        first = firsts.first_of(copy)
        if first and first not in new and not sealed.first_of(copy):
            new.add(first)
            kept.append(replace(batch, first_id=first.first_id, received_us=first.received_us))
    lake.inline(INLINED_TOKENS)
    note_sealed_copies(lake, new)
    lake.inline(INLINED_ROWS)
    _enter_copies(lake, named, kept)
    return kept


def _enter_copies(lake: Lake, named: Iterable[Batch], kept: Iterable[Batch]) -> None:
    """Enter into the ledger what was left out. What is kept may have got another hour than that in which it came."""
    left: Counter[Place] = Counter()
    for batch in named:
        left[_place_of(batch)] += batch.count
    for batch in kept:
        if batch.token:
            left[_place_of(batch)] -= batch.count
    enter(lake, DUPLICATES, left)


def _place_of(batch: Batch) -> Place:
    return Place(batch.dataset_id, hour_of(from_microseconds(batch.received_us)), batch.key_id)


def _copies_in_journal() -> list[Copy]:
    """Return the batches with tokens of this node's newest journal files, those that are being written included."""
    paths = journal_paths(settings.EVENTLANE_JOURNAL)[-NEWEST_FILES:]
    files = [file for path in paths if (file := open_file(path))]
    try:
        return _index.copies(files)
    finally:
        for file in files:
            file.close()


class Part:
    """As much of the files as is held in memory at once."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.damaged: list[tuple[JournalFile, int, bytes]] = []
        self.finished: list[tuple[JournalFile, int]] = []  # with the number of their events
        self.received: Counter[Received] = Counter()
        self.bytes = 0

    def add(self, file: JournalFile, batches: list[Batch]) -> None:
        """Add batches of a file."""
        self.batches += batches
        for batch in batches:
            self.received[file.name, batch.key_id, batch.dataset_id, batch.received_us // MINUTE_US] += batch.count


def read_parts(files: Iterable[JournalFile]) -> Iterator[Part]:
    """Read the files in parts of about EVENTLANE_SEAL_BATCH_BYTES, which a single file may exceed."""
    part = Part()
    for file in files:
        offset = events = 0
        for reading in file.read_all(settings.EVENTLANE_SEAL_BATCH_BYTES):
            part.add(file, reading.batches)
            part.damaged += [(file, start, data) for start, data in reading.damaged if data.strip(b"\0")]
            part.bytes += reading.end - offset
            events += sum(batch.count for batch in reading.batches)
            offset = reading.end
            if part.bytes >= settings.EVENTLANE_SEAL_BATCH_BYTES:
                yield part
                part = Part()
        part.finished.append((file, events))
    yield part


def _insert_batches(lake: Lake, batches: list[Batch], refused: Refused, unread_times: Counter[str]) -> tuple[int, int]:
    """Insert batches into their datasets' tables; return how many events went there and how many into quarantine."""
    datasets = by_dataset(batches)
    targets = targets_of(datasets)
    accepted = [batch for batch in batches if batch.dataset_id in targets and not refused.has_all_of(batch)]
    create_namespaces({(batch.dataset_id, batch.namespace) for batch in accepted})
    inserted = quarantined = 0
    staged = _stage(lake, datasets, {one for one in targets if targets[one].unwraps})
    for dataset_id, of_dataset in datasets.items():
        events = event_table(of_dataset)
        if known := refused.among(dataset_id, events):
            quarantine(lake, take_rows(events, known), dataset_id, list(known.values()))
            events = take_rows(events, (row for row in range(len(events)) if row not in known))
            quarantined += len(known)
        if not len(events):
            continue  # their table may be what is broken
        if dataset_id in targets:
            note_sealed(dataset_id, of_dataset)
        source = Source(STAGED_ROWS, {"events": events}) if dataset_id in staged else None
        start = lake.value(f"SELECT {NEXT_UNREAD}")
        aside = insert_or_quarantine(lake, events, dataset_id, targets.get(dataset_id), source=source)
        unread_times[dataset_id] += lake.value(f"SELECT {NEXT_UNREAD}") - start - 1
        inserted += len(events) - aside
        quarantined += aside
    return inserted, quarantined


def by_dataset(batches: Iterable[Batch]) -> dict[str, list[Batch]]:
    """Return the batches of each dataset, in the order of their ids."""
    found: dict[str, list[Batch]] = defaultdict(list)
    for batch in sorted(batches, key=lambda batch: batch.first_id):
        found[batch.dataset_id].append(batch)
    return found


def targets_of(dataset_ids: Iterable[str]) -> dict[str, Target]:
    """Return by id where the events of those datasets go that there are."""
    rows = Dataset.objects.filter(id__in=dataset_ids).values_list("id", "table_name", "unwrap_message")
    return {dataset_id: Target(table_name, unwraps) for dataset_id, table_name, unwraps in rows}


def insert_or_quarantine(
    lake: Lake,
    events: pa.Table,
    dataset_id: str,
    target: Target | None,
    quarantine_name: str = QUARANTINE,
    source: Source | None = None,
) -> int:
    """Insert events into their target, what can't be converted into quarantine; return how many went there.

    Without a target, that of a deleted dataset, all do. `source` has them converted, if there is one.
    """
    if target is None:
        refused, refusals = events, [DATASET_DELETED] * len(events)
    else:
        refused = insert_events(lake, target, events, source)
        refusals = [Refusal(_reason(text)) for text in _texts(refused).to_pylist()]
    quarantine(lake, refused, dataset_id, refusals, quarantine_name)
    return len(refused)


def _stage(lake: Lake, datasets: dict[str, list[Batch]], unwrapping: set[str]) -> set[str]:
    """Have the events of small datasets converted in STAGED, those of `unwrapping` ones apart; say whose."""
    small = {
        dataset_id for dataset_id, batches in datasets.items() if sum(batch.count for batch in batches) <= STAGED_EVENTS
    }
    into = f"CREATE OR REPLACE TEMP TABLE {STAGED} AS"
    for group in filter(None, (small - unwrapping, small & unwrapping)):
        events = event_table([batch for dataset_id in group for batch in datasets[dataset_id]])
        source = _source(lake, events, unwraps=group <= unwrapping)
        lake.execute(f"{into} SELECT {SEALED_COLUMNS}, has_unread_time FROM ({source.sql})", **source.tables)
        into = f"INSERT INTO {STAGED}"
    return small


def insert_events(lake: Lake, target: Target, events: pa.Table, source: Source | None = None) -> pa.Table:
    """Insert what can be converted; return the rows that can't."""
    lake.create_event_table(target.table_name)
    source = source or _source(lake, events, unwraps=target.unwraps)
    insert = f"INSERT INTO {event_table_name(target.table_name)} ({SEALED_COLUMNS}, reading)"
    reading = f"CASE WHEN has_unread_time THEN least({READING}, {READING} + {NEXT_UNREAD}) ELSE {READING} END"  # counts
    inserted = lake.value(f"{insert} SELECT {SEALED_COLUMNS}, {reading} FROM ({source.sql})", **source.tables)
    if inserted == len(events):
        return events.slice(0, 0)
    numbered = events.append_column("row", pa.array(range(len(events))))
    refused = lake.execute(f"SELECT row FROM numbered WHERE {FIELDS} IS NULL", numbered=numbered)
    if inserted + len(refused) != len(events):
        raise EventsMissing(f"{len(events)} events, {inserted} inserted, {len(refused)} refused")
    return take_rows(events, (row for (row,) in refused))


def _source(lake: Lake, events: pa.Table, *, unwraps: bool) -> Source:
    """Return what converts events, with their texts in pieces."""
    source = source_of(lake.execute, events, unwraps=unwraps)
    return Source(in_pieces(source.sql), source.tables)


def take_rows(events: pa.Table, rows: Iterable[int]) -> pa.Table:
    """Return those rows of the events."""
    return events.take(pa.array(list(rows), pa.int64()))


def _texts(events: pa.Table) -> pa.ChunkedArray:
    """Return the events' texts as bytes: those in quarantine need not be UTF-8."""
    import pyarrow.compute as pc  # imported here: it takes 0.1 s, which commands that only read do without

    return pc.cast(events["event"], pa.large_binary())


def _reason(text: bytes) -> str:
    """Say why DuckDB refused an event."""
    try:
        json.loads(text.decode())
    except ValueError as error:  # UnicodeDecodeError too
        return f"not valid JSON: {error}"
    return "the lake's JSON parser refuses it"


def event_ids(events: pa.Table) -> list[bytes]:
    """Return the events' ids as bytes."""
    import pyarrow.compute as pc

    return pc.cast(events["id"], pa.binary(16)).to_pylist()


def quarantine(
    lake: Lake, events: pa.Table, dataset_id: str, refusals: Sequence[Refusal], name: str = QUARANTINE
) -> None:
    """Put events into the table of that name, each with its reason."""
    import pyarrow.compute as pc

    if not len(events):
        return
    with_origin = pa.array([refusal.with_origin for refusal in refusals])
    nothing = pa.scalar(None, pa.string())
    set_aside = pa.table(
        {
            "id": events["id"],
            "received_us": events["received_us"],
            "namespace": pc.if_else(with_origin, pc.cast(events["namespace"], pa.string()), nothing),
            "service": pc.if_else(with_origin, pc.cast(events["service"], pa.string()), nothing),
            "reason": pa.array([refusal.reason for refusal in refusals], pa.string()),
            "event": _texts(events),
            "key_id": events["key_id"],
        }
    )
    lake.inline(0)  # DuckLake would take bounds of inlined bytes into its SQL as they are, those of a file in hex
    lake.execute(
        f"INSERT INTO {event_table_name(name)} ({', '.join(QUARANTINE_COLUMNS)})"
        " SELECT id, make_timestamptz(received_us), now(), ?, namespace, service, reason, event, key_id FROM set_aside",
        [dataset_id],
        set_aside=set_aside,
    )
    lake.inline(INLINED_ROWS)


def _quarantine_damage(lake: Lake, part: Part) -> None:
    """Keep the bytes between whole frames: somebody was told that they are stored."""
    lake.inline(0)  # see quarantine
    for file, offset, data in part.damaged:
        lake.execute(
            "INSERT INTO lake.main.quarantine (id, quarantined_time, reason, event) VALUES (uuidv7(), now(), ?, ?)",
            [f"damaged journal file {file.name}, offset {offset}", data],
        )
    lake.inline(INLINED_ROWS)
