"""Events received per minute: what sealers recorded, plus what is still in this node's journal."""

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q, QuerySet, Sum

from events.journal.counts import Counts, JournalCounter
from events.models import Dataset, ReceivedCount

logger = logging.getLogger(__name__)

WINDOW_MINUTES = 60
JOURNAL_SECONDS = 0.1  # the longest time for a page in a process that also ingests


@dataclass(frozen=True, slots=True)
class Activity:
    """Events per dataset in each of the last WINDOW_MINUTES minutes, of datasets that received any.

    The last minute isn't over yet.
    """

    first_minute: int  # since 1970
    by_dataset: dict[str, list[int]]
    complete: bool  # if false, some events in the journal aren't counted

    def minutes_of(self, dataset: Dataset) -> list[int]:
        """Return the events of a dataset per minute."""
        return self.by_dataset.get(dataset.pk) or [0] * WINDOW_MINUTES

    def busiest(self) -> list[str]:
        """Return the ids of the datasets, those with the most events first."""
        return sorted(self.by_dataset, key=lambda dataset_id: -sum(self.by_dataset[dataset_id]))

    def last_time(self, dataset: Dataset) -> datetime | None:
        """Return the last minute in which a dataset received something, if it did."""
        lately = [index for index, count in enumerate(self.minutes_of(dataset)) if count]
        return datetime.fromtimestamp((self.first_minute + lately[-1]) * 60, UTC) if lately else None

    def total(self) -> list[int]:
        """Return the events of all datasets per minute."""
        return [sum(minute) for minute in zip(*self.by_dataset.values(), strict=True)] or [0] * WINDOW_MINUTES


def received(datasets: QuerySet[Dataset], now: datetime) -> Activity:
    """Count the events that datasets received in the last hour, each once.

    The journal is listed before the table is queried, and a file's counts are in the table before the file leaves the
    journal, so every event is in at least one of them. If it is in both, the table's count is used; a single statement
    returns its counts, and for which of the listed files.
    """
    first = int(now.timestamp()) // 60 - WINDOW_MINUTES + 1
    journal, complete = _count_journal(first * 60)
    minutes: dict[str, list[int]] = {}
    counted = set()
    for dataset_id, time, events, files in _sealed(datasets, first, list(journal)):
        minute = int(time.timestamp()) // 60
        counted |= {(file, dataset_id, minute) for file in files or ()}
        _add(minutes, dataset_id, minute - first, events)
    asked = _asked(datasets, {dataset_id for counts in journal.values() for dataset_id, _, _ in counts})
    for file, counts in journal.items():
        for (dataset_id, minute, _), events in counts.items():
            if dataset_id in asked and (file, dataset_id, minute) not in counted:
                _add(minutes, dataset_id, minute - first, events)
    return Activity(first, minutes, complete)


def _add(minutes: dict[str, list[int]], dataset_id: str, index: int, events: int) -> None:
    if 0 <= index < WINDOW_MINUTES:
        minutes.setdefault(dataset_id, [0] * WINDOW_MINUTES)[index] += events


def _asked(datasets: QuerySet[Dataset], dataset_ids: Collection[str]) -> set[str]:
    """Return which of the ids are those of the datasets."""
    return set(datasets.filter(pk__in=dataset_ids).values_list("pk", flat=True)) if dataset_ids else set()


def _sealed(
    datasets: QuerySet[Dataset], first_minute: int, files: list[str]
) -> Iterable[tuple[str, datetime, int, list[str] | None]]:
    """Return dataset, minute, number of events, and how many of them are in the listed files."""
    since = datetime.fromtimestamp(first_minute * 60, UTC)
    counts = ReceivedCount.objects.filter(dataset_id__in=datasets.values("pk"), minute__gte=since)
    return counts.values_list("dataset_id", "minute").annotate(
        Sum("events"), files=ArrayAgg("file_name", filter=Q(file_name__in=files))
    )


def _count_journal(since: float) -> tuple[dict[str, Counts], bool]:
    try:
        return _counter(settings.EVENTLANE_JOURNAL).count(since, JOURNAL_SECONDS)
    except OSError as error:
        logger.warning("the journal can't be counted: %s", error)
        return {}, False


@cache
def _counter(folder: Path) -> JournalCounter:
    return JournalCounter(folder)
