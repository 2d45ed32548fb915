"""The ledger: for each dataset, hour and API key, what was accepted against what became of it.

    accepted = stored + duplicates + quarantined + unsealed + expired + erased + settled

What was accepted is counted from the frames of journal files: of sealed ones by the sealer (`ReceivedCount`), before
the commit that seals them; of the others here. Stored and quarantined are counted here, in the lake's tables. What
takes events away (retention, giving up the quarantine, a commit that leaves copies out) enters how many in the lake's
table `ledger`, in its own transaction. So a bug in sealing, merging or deleting is a difference. An event's key stands
beside it in the journal and in the lake.

An hour is that in which the events were received. All is of one moment, although writers go on:

1. The journal's files are counted.
2. One snapshot of the lake gives its events, entries, and the names of sealed files.
3. One statement to PostgreSQL gives the counts of these files. They were there before their names.

A file of step 1 whose name is found in step 2 is sealed; what became of it after step 1 doesn't matter. Events of other
nodes' journals are on neither side.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import duckdb
from django.conf import settings
from django.db import connection, transaction

from eventlane.times import from_microseconds, hour_of, to_microseconds
from events.journal.counts import Counts, JournalCounter
from events.lake.columns import LEDGER_COLUMNS
from events.lake.connection import Lake, commit, event_table_name
from events.lake.damage import find_damage
from events.lake.damaged_files import known_damage
from events.lake.ledger_hours import COUNTED, Counted
from events.models import AcceptedCount, DeletedDataset, LedgerHour, RefusedCount

DUPLICATES, EXPIRED, ERASED, SETTLED = "duplicates", "expired", "erased", "settled"
QUARANTINE, LEDGER = "quarantine", "ledger"
HOUR_LENGTH_US = 3_600_000_000
HOUR_US = f"epoch_us(received_time) // {HOUR_LENGTH_US} * {HOUR_LENGTH_US}"  # date_trunc takes four times as long
HOUR = f"make_timestamptz({HOUR_US})"
KEY_ID = "coalesce(key_id, '')"
ENTER = f"INSERT INTO lake.main.ledger ({', '.join(LEDGER_COLUMNS)})"
ACCEPTED = """
    SELECT dataset_id, hour, key_id, sum(events)::bigint FROM (
        SELECT dataset_id, date_trunc('hour', minute, 'UTC') AS hour, key_id, events FROM events_receivedcount
        WHERE is_sealed OR file_name = ANY(%s)
        UNION ALL
        SELECT dataset_id, hour, key_id, events FROM events_acceptedcount
    ) AS counts WHERE dataset_id = ANY(%s) AND hour >= %s GROUP BY 1, 2, 3"""


class Place(NamedTuple):
    """Whose events are counted together."""

    dataset_id: str
    hour: datetime
    key_id: str


@dataclass(slots=True)
class Balance:
    """What became of events, by hour and key, and of which datasets nobody can say for damaged files."""

    hours: list[LedgerHour] = field(default_factory=list)
    unread: list[Counted] = field(default_factory=list)

    @property
    def wrong(self) -> list[LedgerHour]:
        """What doesn't balance."""
        return [hour for hour in self.hours if hour.difference]


def enter(lake: Lake, kind: str, counts: Counter[Place]) -> None:
    """Enter into the ledger, in the running transaction, how many events of which places went where `kind` says."""
    for place, events in sorted(counts.items()):
        if events:
            lake.execute(
                f"{ENTER} VALUES (?, make_timestamptz(?), ?, ?, now(), ?)",
                [place.dataset_id, to_microseconds(place.hour), kind, events, place.key_id],
            )


def enter_rows(lake: Lake, kind: str, dataset_id: str, rows: str, parameters: Sequence[Any]) -> None:
    """Do the same with the events of a table; `rows` is SQL from FROM on, and so is `dataset_id`."""
    lake.execute(
        f"{ENTER} SELECT {dataset_id}, {HOUR}, '{kind}', count(*), now(), {KEY_ID} {rows}"
        " AND received_time IS NOT NULL GROUP BY ALL",
        parameters,
    )


def settle(lake: Lake, hours: Iterable[LedgerHour]) -> None:
    """Enter differences as settled, so that these hours balance."""
    counts = Counter({Place(hour.dataset_id, hour.hour, hour.key_id): hour.difference for hour in hours})
    commit(lake, lambda: enter(lake, SETTLED, counts))


def balance(lake: Lake, datasets: Iterable[Counted], since: datetime) -> Balance:
    """Count what became of the datasets' events of the hours from `since` on, but not from before they were counted."""
    wanted = list(datasets)
    while True:
        damage = known_damage()
        damaged = {file.table_name for file in damage}
        whole = [one for one in wanted if one.table_name not in damaged]
        try:
            counted = _Count(lake, whole, hour_of(since))
        except duckdb.Error as error:
            if not find_damage(
                [*(one.table_name for one in whole), QUARANTINE, LEDGER], {file.path for file in damage}, error
            ):
                raise
        else:
            return Balance(counted.hours(), [one for one in wanted if one not in whole])


class _Count:
    """Everything there is to say about the events of some datasets."""

    def __init__(self, lake: Lake, datasets: list[Counted], since: datetime) -> None:
        self._datasets = {dataset.pk: dataset for dataset in datasets}
        self._since = since
        self._counts: dict[str, Counter[Place]] = {name: Counter() for name in COUNTED}
        journal, _ = JournalCounter(settings.EVENTLANE_JOURNAL).count(0, math.inf)
        sealed: list[str] = []
        if lake.has_sealed_files() and lake.has_table(LEDGER):  # before an upgrade nothing was counted
            with lake.transaction():
                sealed = [name for (name,) in lake.execute("SELECT name FROM lake.main.sealed_files")]
                self._count_lake(lake)
        self._count_accepted(sealed)
        self._count_unsealed([counts for name, counts in journal.items() if name not in set(sealed)])

    def hours(self) -> list[LedgerHour]:
        """Return what was counted, by dataset, hour and key."""
        places = {place for counts in self._counts.values() for place in counts}
        names = {dataset_id: str(dataset) for dataset_id, dataset in self._datasets.items()}
        return [
            LedgerHour(**place._asdict(), **{name: counts[place] for name, counts in self._counts.items()})
            for place in sorted(places, key=lambda place: (names[place.dataset_id], place))
            if place.hour >= max(self._since, self._datasets[place.dataset_id].counted_from)
        ]

    def _count_lake(self, lake: Lake) -> None:
        counted = f"SELECT {HOUR_US}, {KEY_ID}, count(*)"
        of_hours = "WHERE received_time >= make_timestamptz(?) GROUP BY ALL"
        parameters = [to_microseconds(self._since)]
        tables = lake.tables_among([one.table_name for one in self._datasets.values()] or [QUARANTINE])
        for dataset in self._datasets.values():
            if dataset.table_name in tables:
                stored = f"{counted} FROM {event_table_name(dataset.table_name)} {of_hours}"
                for place in lake.execute(stored, parameters):
                    self._add("stored", dataset.pk, *place)
        for *row, dataset_id in lake.execute(f"{counted}, dataset_id FROM lake.main.quarantine {of_hours}", parameters):
            self._add("quarantined", dataset_id, *row)
        entered = f"SELECT kind, dataset_id, epoch_us(hour), {KEY_ID}, sum(events)::BIGINT FROM lake.main.ledger"
        for kind, *row in lake.execute(f"{entered} WHERE hour >= make_timestamptz(?) GROUP BY ALL", parameters):
            self._add(kind, *row)

    def _count_accepted(self, sealed: list[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(ACCEPTED, [sealed, list(self._datasets), self._since])
            for dataset_id, hour, key_id, events in cursor.fetchall():
                self._add("accepted", dataset_id, to_microseconds(hour), key_id, events)

    def _count_unsealed(self, files: Iterable[Counts]) -> None:
        for counts in files:
            for (dataset_id, minute, key_id), events in counts.items():
                hour_us = minute // 60 * HOUR_LENGTH_US
                self._add("accepted", dataset_id, hour_us, key_id, events)
                self._add("unsealed", dataset_id, hour_us, key_id, events)

    def _add(self, name: str, dataset_id: str, hour_us: int, key_id: str, events: int) -> None:
        if dataset_id in self._datasets:
            self._counts[name][Place(dataset_id, from_microseconds(hour_us), key_id)] += events


def forget_dataset(dataset: DeletedDataset) -> None:
    """Forget a deleted dataset, of whose events nobody can say how many there were."""
    LedgerHour.objects.filter(dataset_id=dataset.pk).delete()
    dataset.delete()


def forget_old(lake: Lake, now: datetime) -> None:
    """Forget the hours that are older than EVENTLANE_LEDGER_DAYS, datasets deleted before them, and old refusals."""
    end = hour_of(now - timedelta(days=settings.EVENTLANE_LEDGER_DAYS))
    with transaction.atomic():
        AcceptedCount.objects.filter(hour__lt=end).delete()
        LedgerHour.objects.filter(hour__lt=end).delete()
        DeletedDataset.objects.filter(deletion_time__lt=end).delete()
        RefusedCount.objects.filter(hour__lt=now - timedelta(days=settings.EVENTLANE_REFUSED_DAYS)).delete()
    old = "FROM lake.main.ledger WHERE hour < make_timestamptz(?)"
    if lake.value(f"SELECT count(*) {old}", [to_microseconds(end)]):
        commit(lake, lambda: lake.execute(f"DELETE {old}", [to_microseconds(end)]))
