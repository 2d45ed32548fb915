"""The datasets on the home page: how much each receives, when it last did, and which went silent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.urls import reverse

from eventlane.console import count_of, moment, number
from events.console.activity import Activity, received
from events.console.chart import Chart, draw
from events.console.explore.question import explore_address
from events.console.health import answer_or_none
from events.lake.catalog import latest_times
from events.models import Dataset

MOST_LATELY = 100  # datasets of the last hour, and of those before: the page chooses from them
SHOWN_DATASETS = 12
SHOWN_SILENT = 6  # of those, also where others are busy
FORGOTTEN_AFTER = timedelta(days=7)  # who sends less often isn't missed
UNKNOWN = "?"
ERRORS = "level:(error OR fatal)"


@dataclass(frozen=True, slots=True)
class Lately:
    """What datasets received lately.

    datasets  those with the most events in the last hour, then those that went silent last, then the first by name
    total     how many there are in all
    activity  of all of them, if it is known
    times     when those in `datasets` last received something, where they did, if it is known; to the minute if that
              is not an hour ago
    """

    datasets: list[Dataset]
    total: int
    activity: Activity | None
    times: dict[str, datetime] | None

    @property
    def has_events(self) -> bool:
        """Whether any dataset ever received something; also if that isn't known."""
        return bool(self.times) or self.times is None or self.activity is None


@dataclass(frozen=True, slots=True)
class DatasetRow:
    """A dataset as the table shows it. Without `errors`, they aren't counted yet."""

    dataset: Dataset
    chart: Chart | None
    last_minute: str
    last_hour: str
    last_time: str  # when it last received something, in words
    silent: bool  # it received events in the last days, but none in the last hour
    errors: str | None
    url: str
    errors_url: str
    send_url: str


@dataclass(frozen=True, slots=True)
class Table:
    """The rows that are shown, and how many there are besides."""

    rows: list[DatasetRow]
    more: int

    @property
    def more_text(self) -> str:
        """What leads to the list of all of them."""
        return f"{count_of(self.more, 'more dataset')}"


def find_lately(datasets: QuerySet[Dataset], now: datetime) -> Lately:
    """Return what of the datasets the page shows. It loads few, however many there are."""
    activity = answer_or_none(received, datasets, now)
    active = activity.busiest()[:MOST_LATELY] if activity else []
    quiet = datasets.exclude(pk__in=activity.by_dataset) if activity else datasets
    sealed = answer_or_none(latest_times, quiet.values("table_name"), MOST_LATELY)
    found = list(datasets.filter(Q(pk__in=active) | Q(table_name__in=sealed or {})))
    times = {one.pk: sealed[one.table_name] for one in found if sealed and one.table_name in sealed}
    times |= {one.pk: time for one in found if activity and (time := activity.last_time(one))}
    others = datasets.exclude(pk__in=[one.pk for one in found]).order_by("name", "pk")
    found += others[: max(SHOWN_DATASETS - len(found), 0)]
    return Lately(_ranked(found, activity, times), datasets.count(), activity, None if sealed is None else times)


def _ranked(datasets: list[Dataset], activity: Activity | None, times: Mapping[str, datetime]) -> list[Dataset]:
    """Return the datasets with the most events in the last hour first, then those that went silent last."""

    def rank(dataset: Dataset) -> tuple[int, float, str]:
        lately = sum(activity.minutes_of(dataset)) if activity else 0
        last = times.get(dataset.pk)
        return -lately, -last.timestamp() if last else 0.0, dataset.name

    return sorted(datasets, key=rank)


def make_table(lately: Lately, now: datetime, last: str, errors: Mapping[str, int] | None = None) -> Table:
    """Return the table; `errors` are those of the time frame `last`, by dataset."""
    silent = {dataset.pk for dataset in lately.datasets if _is_silent(dataset, lately, now)}
    first = [dataset for dataset in lately.datasets if dataset.pk in silent][:SHOWN_SILENT]
    others = [dataset for dataset in lately.datasets if dataset.pk not in silent][: SHOWN_DATASETS - len(first)]
    shown = [dataset for dataset in lately.datasets if dataset in first or dataset in others]
    rows = [_row(one, lately, now, last, errors, silent=one.pk in silent) for one in shown]
    return Table(rows, lately.total - len(rows))


def _is_silent(dataset: Dataset, lately: Lately, now: datetime) -> bool:
    is_quiet = lately.activity is not None and dataset.pk not in lately.activity.by_dataset
    times = lately.times or {}
    return is_quiet and dataset.pk in times and now - times[dataset.pk] < FORGOTTEN_AFTER


def _row(
    dataset: Dataset, lately: Lately, now: datetime, last: str, errors: Mapping[str, int] | None, *, silent: bool
) -> DatasetRow:
    activity, time = lately.activity, (lately.times or {}).get(dataset.pk)
    minutes = activity.minutes_of(dataset) if activity else []
    return DatasetRow(
        dataset=dataset,
        chart=draw(minutes, activity.first_minute) if activity and any(minutes) else None,
        last_minute=number(minutes[-2]) if minutes else UNKNOWN,
        last_hour=number(sum(minutes)) if minutes else UNKNOWN,
        last_time="this minute" if time and now - time < timedelta(minutes=1) else moment(time),
        silent=silent,
        errors=None if errors is None else number(errors.get(dataset.pk, 0)),
        url=explore_address(dataset.pk, from_time=last),
        errors_url=explore_address(dataset.pk, q=ERRORS, from_time=last),
        send_url=reverse("admin:events_dataset_send", args=[dataset.pk]),
    )
