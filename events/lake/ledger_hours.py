"""What the ledger (see events.lake.ledger) found when it was last checked, in PostgreSQL: for pages and doctor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import add
from typing import Any

from django.db.models import F, Max, Min, QuerySet, Sum
from django.db.models.functions import Greatest, Least

from events.models import Dataset, LedgerHour

FOUND = ("stored", "duplicates", "quarantined", "unsealed", "expired", "erased", "settled")
COUNTED = ("accepted", *FOUND)
WRITTEN_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Difference:
    """How many events of a dataset are unaccounted for, and how many are there more often than they were accepted."""

    dataset: Dataset
    lost: int
    doubled: int
    first_hour: datetime
    check_time: datetime

    def __str__(self) -> str:
        lost = f"{self.lost:,} events of {self.dataset} are unaccounted for"
        doubled = f"{self.doubled:,} events of {self.dataset} are stored more often than they were accepted"
        return "; ".join([lost] * bool(self.lost) + [doubled] * bool(self.doubled))


def unbalanced(datasets: Iterable[Dataset]) -> QuerySet[LedgerHour]:
    """Return the hours of these datasets that don't balance."""
    return LedgerHour.objects.filter(dataset__in=datasets).exclude(accepted=reduce(add, map(F, FOUND)))


def differences(datasets: Iterable[Dataset]) -> list[Difference]:
    """Return what is wrong with each of these datasets."""
    by_id = {dataset.pk: dataset for dataset in datasets}
    rows = unbalanced(by_id.values()).values_list("dataset").order_by("dataset")
    difference = F("accepted") - reduce(add, map(F, FOUND))
    found = rows.annotate(
        lost=Sum(Greatest(difference, 0)),
        doubled=-Sum(Least(difference, 0)),
        first=Min("hour"),
        last_check=Max("check_time"),
    )
    return [Difference(by_id[dataset_id], *figures) for dataset_id, *figures in found]


def record(hours: Sequence[LedgerHour], now: datetime) -> None:
    """Write what was found to PostgreSQL, for pages and doctor: the hours that differ from what is there."""
    first = min((hour.hour for hour in hours), default=now)
    known = {(row.dataset_id, row.hour): _figures(row) for row in LedgerHour.objects.filter(hour__gte=first)}
    changed = [hour for hour in hours if known.get((hour.dataset_id, hour.hour)) != _figures(hour)]
    for hour in changed:
        hour.check_time = now
    LedgerHour.objects.bulk_create(
        changed,
        batch_size=WRITTEN_AT_ONCE,
        update_conflicts=True,
        unique_fields=["dataset", "hour"],
        update_fields=[*COUNTED, "keys", "check_time"],
    )


def _figures(hour: LedgerHour) -> tuple[Any, ...]:
    return (*(getattr(hour, name) for name in COUNTED), hour.keys)
