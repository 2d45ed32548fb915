"""What the ledger (see events.lake.ledger) found when it was last checked, in PostgreSQL: for pages and doctor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any

from django.db.models import F, Max, Min, QuerySet, Sum
from django.db.models.functions import Greatest, Least

from events.models import Dataset, DeletedDataset, LedgerHour
from projects.models import ApiKey

FOUND = ("stored", "duplicates", "quarantined", "unsealed", "expired", "erased", "settled")
COUNTED = ("accepted", *FOUND)
WRITTEN_AT_ONCE = 1000

Counted = Dataset | DeletedDataset


@dataclass(frozen=True, slots=True)
class Difference:
    """How many events of a dataset are unaccounted for, and how many are there more often than they were accepted."""

    dataset: Counted
    lost: int
    doubled: int
    first_hour: datetime
    check_time: datetime

    def __str__(self) -> str:
        lost = f"{self.lost:,} events of {self.dataset} are unaccounted for"
        doubled = f"{self.doubled:,} events of {self.dataset} are stored more often than they were accepted"
        return "; ".join([lost] * bool(self.lost) + [doubled] * bool(self.doubled))


def counted_datasets() -> list[Counted]:
    """Return the datasets of the ledger, each with its project: also deleted ones of which it still knows."""
    deleted = DeletedDataset.objects.select_related("project").order_by("name", "deletion_time")
    return [*Dataset.objects.select_related("project").order_by("name", "id"), *deleted]


def unbalanced() -> QuerySet[LedgerHour]:
    """Return the hours in which events of a dataset are unaccounted for, or there are too many."""
    return LedgerHour.objects.exclude(accepted=reduce(add, map(F, FOUND)))


def differences(datasets: Iterable[Counted]) -> list[Difference]:
    """Return what is wrong with each of these datasets."""
    by_id = {dataset.pk: dataset for dataset in datasets}
    rows = unbalanced().filter(dataset_id__in=by_id).values_list("dataset_id").order_by("dataset_id")
    difference = F("accepted") - reduce(add, map(F, FOUND))
    found = rows.annotate(
        lost=Sum(Greatest(difference, 0)),
        doubled=-Sum(Least(difference, 0)),
        first=Min("hour"),
        last_check=Max("check_time"),
    )
    return [Difference(by_id[dataset_id], *figures) for dataset_id, *figures in found]


def hours_of(rows: Iterable[LedgerHour]) -> int:
    """Return of how many hours of datasets these are."""
    return len({(row.dataset_id, row.hour) for row in rows})


def key_names(ids: Iterable[str]) -> dict[str, str]:
    """Return by id how API keys are called; those that are gone by their id."""
    names = {key_id: key_id or "not known" for key_id in ids}
    return names | {key.pk: str(key) for key in ApiKey.objects.filter(pk__in=names)}


def record(hours: Sequence[LedgerHour], now: datetime) -> None:
    """Write what was found to PostgreSQL, for pages and doctor: the hours that differ from what is there."""
    first = min((hour.hour for hour in hours), default=now)
    rows = LedgerHour.objects.filter(hour__gte=first).values_list("dataset_id", "hour", "key_id", *COUNTED)
    known = {row[:3]: row[3:] for row in rows.iterator()}
    changed = [hour for hour in hours if known.get((hour.dataset_id, hour.hour, hour.key_id)) != _figures(hour)]
    for hour in changed:
        hour.check_time = now
    LedgerHour.objects.bulk_create(
        changed,
        batch_size=WRITTEN_AT_ONCE,
        update_conflicts=True,
        unique_fields=["dataset_id", "hour", "key_id"],
        update_fields=[*COUNTED, "check_time"],
    )


def _figures(hour: LedgerHour) -> tuple[Any, ...]:
    return tuple(getattr(hour, name) for name in COUNTED)
