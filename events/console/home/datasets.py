"""The datasets on the home page: how much each receives, when it last did, and which went silent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.urls import reverse

from eventlane.console import moment, number
from events.console.activity import Activity
from events.console.chart import Chart, draw
from events.console.explore.question import explore_address
from events.lake.catalog import latest_times
from events.models import Dataset

SHOWN_DATASETS = 12
SHOWN_SILENT = 6  # of those, also where others are busy
FORGOTTEN_AFTER = timedelta(days=7)  # who sends less often isn't missed
UNKNOWN = "?"
ERRORS = "level:(error OR fatal)"


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


def last_times(datasets: Sequence[Dataset], activity: Activity | None) -> dict[str, datetime]:
    """Return when each dataset last received something, where it did; to the minute if that is not an hour ago."""
    sealed = latest_times([dataset.table_name for dataset in datasets])
    times = {one.pk: sealed[one.table_name] for one in datasets if one.table_name in sealed}
    for dataset_id, minutes in activity.by_dataset.items() if activity else ():
        lately = [index for index, count in enumerate(minutes) if count]
        if activity and lately:
            times[dataset_id] = datetime.fromtimestamp((activity.first_minute + lately[-1]) * 60, UTC)
    return times


def busiest(datasets: Iterable[Dataset], activity: Activity | None, times: Mapping[str, datetime]) -> list[Dataset]:
    """Return the datasets with the most events in the last hour first, then those that went silent last."""

    def rank(dataset: Dataset) -> tuple[int, float, str]:
        lately = sum(activity.by_dataset[dataset.pk]) if activity else 0
        last = times.get(dataset.pk)
        return -lately, -last.timestamp() if last else 0.0, dataset.name

    return sorted(datasets, key=rank)


def make_table(
    datasets: Sequence[Dataset],
    activity: Activity | None,
    times: Mapping[str, datetime],
    now: datetime,
    last: str,
    errors: Mapping[str, int] | None = None,
) -> Table:
    """Return the table; `errors` are those of the time frame `last`, by dataset."""
    ranked = busiest(datasets, activity, times)
    silent = {dataset.pk for dataset in ranked if _is_silent(dataset, activity, times, now)}
    first = [dataset for dataset in ranked if dataset.pk in silent][:SHOWN_SILENT]
    others = [dataset for dataset in ranked if dataset.pk not in silent][: SHOWN_DATASETS - len(first)]
    shown = [dataset for dataset in ranked if dataset in first or dataset in others]
    rows = [_row(one, activity, times.get(one.pk), now, last, errors, silent=one.pk in silent) for one in shown]
    return Table(rows, len(ranked) - len(rows))


def _is_silent(dataset: Dataset, activity: Activity | None, times: Mapping[str, datetime], now: datetime) -> bool:
    is_quiet = activity is not None and not any(activity.by_dataset[dataset.pk])
    return is_quiet and dataset.pk in times and now - times[dataset.pk] < FORGOTTEN_AFTER


def _row(
    dataset: Dataset,
    activity: Activity | None,
    time: datetime | None,
    now: datetime,
    last: str,
    errors: Mapping[str, int] | None,
    *,
    silent: bool,
) -> DatasetRow:
    minutes = activity.by_dataset[dataset.pk] if activity else []
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
