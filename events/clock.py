"""Event times from clocks that were fast. Events keep them, but nothing waits until they have passed."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import Max, QuerySet, Sum
from django.utils import timezone

from eventlane.times import readable_time
from events.models import ReceivedCount


def newest_time() -> datetime:
    """Return the latest plausible time of something received by now. Anything later is from a fast clock."""
    return timezone.now() + timedelta(seconds=settings.EVENTLANE_CLOCK_TOLERANCE_SECONDS)


class Ahead(NamedTuple):
    """Sealed events of a dataset with a later time than that."""

    events: int
    latest: datetime  # of the newest one, to the minute

    def __str__(self) -> str:
        return self.told(readable_time(self.latest))

    def told(self, latest: str) -> str:
        """Return it in words, given those for the latest time."""
        are = "event is" if self.events == 1 else "events are"
        return f"{self.events:,} {are} dated up to {latest} by a clock that was ahead"


def counts_ahead() -> QuerySet[ReceivedCount]:
    """Return the counts of sealed events with a later time than that."""
    return ReceivedCount.objects.filter(minute__gt=newest_time())


def dated_ahead(dataset_ids: Collection[str]) -> dict[str, Ahead]:
    """Return the events dated in the future, by dataset. Datasets without any are left out."""
    rows = counts_ahead().filter(dataset_id__in=dataset_ids).values_list("dataset_id").order_by()
    counts = rows.annotate(Sum("events"), Max("minute"))
    return {dataset_id: Ahead(events, latest) for dataset_id, events, latest in counts}
