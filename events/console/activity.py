"""Events received per minute: what sealers recorded, plus what is still in this node's journal."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q, Sum

from events.journal.counts import Counts, JournalCounter
from events.models import ReceivedCount

logger = logging.getLogger(__name__)

WINDOW_MINUTES = 60
JOURNAL_SECONDS = 0.1  # the longest time for a page in a process that also ingests


@dataclass(frozen=True, slots=True)
class Activity:
    """Events per dataset in each of the last WINDOW_MINUTES minutes. The last minute isn't over yet."""

    first_minute: int  # since 1970
    by_dataset: dict[str, list[int]]
    complete: bool  # if false, some events in the journal aren't counted

    def total(self) -> list[int]:
        """Return the events of all datasets per minute."""
        return [sum(minute) for minute in zip(*self.by_dataset.values(), strict=True)] or [0] * WINDOW_MINUTES


def received(dataset_ids: Iterable[str], now: datetime) -> Activity:
    """Count the events that datasets received in the last hour, each once.

    The journal is listed before the table is queried, and a file's counts are in the table before the file leaves the
    journal, so every event is in at least one of them. If it is in both, the table's count is used; a single statement
    returns its counts, and for which of the listed files.
    """
    first = int(now.timestamp()) // 60 - WINDOW_MINUTES + 1
    journal, complete = _count_journal(first * 60)
    minutes = {dataset_id: [0] * WINDOW_MINUTES for dataset_id in dataset_ids}
    counted = set()
    for dataset_id, time, events, files in _sealed(list(minutes), first, list(journal)):
        minute = int(time.timestamp()) // 60
        counted |= {(file, dataset_id, minute) for file in files or ()}
        _add(minutes, dataset_id, minute - first, events)
    for file, counts in journal.items():
        for (dataset_id, minute, _), events in counts.items():
            if (file, dataset_id, minute) not in counted:
                _add(minutes, dataset_id, minute - first, events)
    return Activity(first, minutes, complete)


def _add(minutes: dict[str, list[int]], dataset_id: str, index: int, events: int) -> None:
    if dataset_id in minutes and 0 <= index < WINDOW_MINUTES:
        minutes[dataset_id][index] += events


def _sealed(
    dataset_ids: list[str], first_minute: int, files: list[str]
) -> Iterable[tuple[str, datetime, int, list[str] | None]]:
    """Return dataset, minute, number of events, and how many of them are in the listed files."""
    since = datetime.fromtimestamp(first_minute * 60, UTC)
    counts = ReceivedCount.objects.filter(dataset_id__in=dataset_ids, minute__gte=since)
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
