"""The ledger: for each dataset and hour, what was accepted against what became of it.

    accepted = stored + duplicates + quarantined + unsealed + expired + erased + settled

What was accepted is counted from the frames of journal files: of sealed ones by the sealer (`ReceivedCount`), before
the commit that seals them; of the others here. Stored and quarantined are counted here, in the lake's tables. What
takes events away (retention, giving up the quarantine, a commit that leaves copies out) enters how many in the lake's
table `ledger`, in its own transaction. So a bug in sealing, merging or deleting is a difference.

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
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
from django.conf import settings
from django.db import connection, transaction

from eventlane.times import from_microseconds, hour_of, to_microseconds
from events.journal.counts import Counts, JournalCounter
from events.lake.connection import Lake, commit, event_table_name
from events.lake.damage import find_damage
from events.lake.damaged_files import known_damage
from events.lake.ledger_hours import COUNTED
from events.models import AcceptedCount, Dataset, LedgerHour, RefusedCount

DUPLICATES, EXPIRED, ERASED, SETTLED = "duplicates", "expired", "erased", "settled"
QUARANTINE, LEDGER = "quarantine", "ledger"
HOUR = "date_trunc('hour', received_time)"
HOUR_US = f"epoch_us({HOUR})"
ACCEPTED = """
    SELECT dataset_id, hour, key_id, sum(events)::bigint FROM (
        SELECT dataset_id, date_trunc('hour', minute, 'UTC') AS hour, key_id, events FROM events_receivedcount
        WHERE is_sealed OR file_name = ANY(%s)
        UNION ALL
        SELECT dataset_id, hour, key_id, events FROM events_acceptedcount
    ) AS counts WHERE dataset_id = ANY(%s) AND hour >= %s GROUP BY 1, 2, 3"""
HOUR_LENGTH_US = 3_600_000_000

Place = tuple[str, datetime]  # id of a dataset, and an hour


@dataclass(slots=True)
class Balance:
    """What became of events, hour by hour, and of which datasets nobody can say for damaged files."""

    hours: list[LedgerHour] = field(default_factory=list)
    unread: list[Dataset] = field(default_factory=list)

    @property
    def wrong(self) -> list[LedgerHour]:
        """The hours that don't balance."""
        return [hour for hour in self.hours if hour.difference]


def enter(lake: Lake, kind: str, counts: Counter[Place]) -> None:
    """Enter into the ledger, in the running transaction, how many events of which hours went where `kind` says."""
    for (dataset_id, hour), events in sorted(counts.items()):
        if events:
            lake.execute(
                "INSERT INTO lake.main.ledger VALUES (?, make_timestamptz(?), ?, ?, now())",
                [dataset_id, to_microseconds(hour), kind, events],
            )


def enter_rows(lake: Lake, kind: str, dataset_id: str, rows: str, parameters: Sequence[Any]) -> None:
    """Do the same with the events of a table; `rows` is SQL from FROM on, and so is `dataset_id`."""
    lake.execute(
        f"INSERT INTO lake.main.ledger SELECT {dataset_id}, {HOUR}, '{kind}', count(*), now() {rows}"
        " AND received_time IS NOT NULL GROUP BY ALL",
        parameters,
    )


def settle(lake: Lake, hours: Iterable[LedgerHour]) -> None:
    """Enter differences as settled, so that these hours balance."""
    counts = Counter({(hour.dataset_id, hour.hour): hour.difference for hour in hours})
    commit(lake, lambda: enter(lake, SETTLED, counts))


def balance(lake: Lake, datasets: Iterable[Dataset], since: datetime) -> Balance:
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

    def __init__(self, lake: Lake, datasets: list[Dataset], since: datetime) -> None:
        self._datasets = {dataset.pk: dataset for dataset in datasets}
        self._since = since
        self._counts: dict[str, Counter[Place]] = {name: Counter() for name in COUNTED}
        self._keys: dict[Place, dict[str, int]] = {}
        journal, _ = JournalCounter(settings.EVENTLANE_JOURNAL).count(0, math.inf)
        sealed: list[str] = []
        if lake.has_sealed_files():
            with lake.transaction():
                sealed = [name for (name,) in lake.execute("SELECT name FROM lake.main.sealed_files")]
                self._count_lake(lake)
        self._count_accepted(sealed)
        self._count_unsealed([counts for name, counts in journal.items() if name not in set(sealed)])

    def hours(self) -> list[LedgerHour]:
        """Return the hours, by dataset and time."""
        places = {place for counts in self._counts.values() for place in counts}
        return [
            self._hour(place)
            for place in sorted(places, key=lambda place: (self._datasets[place[0]].name, place))
            if place[1] >= max(self._since, self._datasets[place[0]].counted_from)
        ]

    def _hour(self, place: Place) -> LedgerHour:
        counts = {name: counts[place] for name, counts in self._counts.items()}
        return LedgerHour(dataset=self._datasets[place[0]], hour=place[1], keys=self._keys.get(place, {}), **counts)

    def _count_lake(self, lake: Lake) -> None:
        since = "received_time >= make_timestamptz(?)"
        parameters = [to_microseconds(self._since)]
        tables = lake.tables_among([one.table_name for one in self._datasets.values()] or [QUARANTINE])
        for dataset in self._datasets.values():
            if dataset.table_name in tables:
                stored = (
                    f"SELECT {HOUR_US}, count(*) FROM {event_table_name(dataset.table_name)} WHERE {since} GROUP BY 1"
                )
                for hour_us, events in lake.execute(stored, parameters):
                    self._add("stored", dataset.pk, hour_us, events)
        aside = f"SELECT dataset_id, {HOUR_US}, count(*) FROM lake.main.quarantine WHERE {since} GROUP BY 1, 2"
        for dataset_id, hour_us, events in lake.execute(aside, parameters):
            self._add("quarantined", dataset_id, hour_us, events)
        if lake.has_table(LEDGER):
            entered = "SELECT kind, dataset_id, epoch_us(hour), sum(events)::BIGINT FROM lake.main.ledger"
            of_hours = "WHERE hour >= make_timestamptz(?) GROUP BY 1, 2, 3"
            for kind, dataset_id, hour_us, events in lake.execute(f"{entered} {of_hours}", parameters):
                self._add(kind, dataset_id, hour_us, events)

    def _count_accepted(self, sealed: list[str]) -> None:
        with connection.cursor() as cursor:
            cursor.execute(ACCEPTED, [sealed, list(self._datasets), self._since])
            for dataset_id, hour, key_id, events in cursor.fetchall():
                self._add("accepted", dataset_id, to_microseconds(hour), events)
                self._keys.setdefault((dataset_id, hour.astimezone(UTC)), {})[key_id] = events

    def _count_unsealed(self, files: Iterable[Counts]) -> None:
        for counts in files:
            for (dataset_id, minute), events in counts.items():
                hour_us = minute // 60 * HOUR_LENGTH_US
                self._add("accepted", dataset_id, hour_us, events)
                self._add("unsealed", dataset_id, hour_us, events)

    def _add(self, name: str, dataset_id: str, hour_us: int, events: int) -> None:
        if dataset_id in self._datasets:
            self._counts[name][dataset_id, from_microseconds(hour_us)] += events


def forget_old(lake: Lake, now: datetime) -> None:
    """Forget the hours that are older than EVENTLANE_LEDGER_DAYS, and old refusals."""
    end = hour_of(now - timedelta(days=settings.EVENTLANE_LEDGER_DAYS))
    with transaction.atomic():
        AcceptedCount.objects.filter(hour__lt=end).delete()
        LedgerHour.objects.filter(hour__lt=end).delete()
        RefusedCount.objects.filter(hour__lt=now - timedelta(days=settings.EVENTLANE_REFUSED_DAYS)).delete()
    old = "FROM lake.main.ledger WHERE hour < make_timestamptz(?)"
    if lake.value(f"SELECT count(*) {old}", [to_microseconds(end)]):
        commit(lake, lambda: lake.execute(f"DELETE {old}", [to_microseconds(end)]))
