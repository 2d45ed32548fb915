"""What the console says about sealing and the lake: the backlog, and what went wrong."""

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ParamSpec, TypeVar

from django.conf import settings
from django.db.models import QuerySet

from eventlane.console import count_of
from eventlane.database import DATABASE_FAILED
from eventlane.one_line import one_line
from eventlane.zone_choice import zoned_text
from events.clock import counts_ahead, dated_ahead
from events.ingest.quotas import used_up, with_quota
from events.journal import Backlog
from events.lake.damaged_files import known_damage
from events.lake.ledger_hours import differences, unbalanced
from events.models import DamagedFile, Dataset, QuarantineCount, QuarantinedRequest, SealerIncident
from projects.models import Organization, Project

P = ParamSpec("P")
T = TypeVar("T")
Datasets = QuerySet[Dataset]
logger = logging.getLogger(__name__)

LATE_SECONDS = 60.0
FRESH = timedelta(minutes=3)  # a failing sealer retries at least every minute
SHOWN_INCIDENTS = 5
SHOWN_FILES = 3
SHOWN_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should know. Its kinds are those of labels."""

    kind: str
    title: str
    text: str
    time: datetime
    dataset: Dataset | None = None


def answer_or_none(question: Callable[P, T], *words: P.args, **others: P.kwargs) -> T | None:
    """Return the answer, or None if there is none: one broken part must not break the page."""
    try:
        return question(*words, **others)
    except (OSError, ValueError, DATABASE_FAILED) as error:
        logger.warning("the console can't show %s: %s", question.__name__, one_line(error))
        return None


def is_late(waiting: Backlog) -> bool:
    """Return whether the oldest journal file has waited longer than it would with a working sealer."""
    return waiting.oldest_seconds > max(LATE_SECONDS, 10 * settings.EVENTLANE_JOURNAL_MAX_AGE_SECONDS)


def notices(datasets: Datasets, projects: QuerySet[Project], now: datetime) -> list[Notice] | None:
    """Return what went wrong, worst first, or None if that isn't known.

    Each part loads only the datasets that something is wrong with: an organization may have very many.
    """
    parts = (
        answer_or_none(damage, datasets),
        answer_or_none(incidents, now),
        answer_or_none(unaccounted, datasets),
        answer_or_none(quarantine, datasets),
        answer_or_none(given_up, projects),
        answer_or_none(quotas_used_up, projects, now),
        answer_or_none(ahead, datasets, now),
    )
    if None in parts:
        return None
    return sorted([notice for part in parts for notice in part or ()], key=lambda notice: notice.kind != "danger")


def incidents(now: datetime) -> list[Notice]:
    """Return what sealers could not do in the last day, newest first.

    An error's text may contain parts of anybody's events, so it is shown only if there is a single organization. The
    server's log has it anyway.
    """
    lately = SealerIncident.objects.filter(latest_time__gt=now - SHOWN_FOR)
    found = list(lately.order_by("-latest_time")[:SHOWN_INCIDENTS])
    with_text = bool(found) and not Organization.objects.all()[1:].exists()
    return [_incident(incident, now, with_text) for incident in found]


def _incident(incident: SealerIncident, now: datetime, with_text: bool) -> Notice:
    lasts = incident.end_time is None and now - incident.latest_time < FRESH
    what = f"journal file {incident.file_name}" if incident.file_name else "anything"
    title = f"{incident.node} {'can’t' if lasts else 'could not'} seal {what}"
    text = f"Since {_minute(incident.start_time)}" if lasts else _span(incident)
    text += "; its events are safe in the journal." if lasts or incident.end_time is None else "; it works again."
    return Notice(
        "danger" if lasts else "default",
        title,
        f"{text} {incident.error}" if with_text else f"{text} The server’s log says why.",
        incident.latest_time,
    )


def _span(incident: SealerIncident) -> str:
    end = incident.end_time or incident.latest_time
    return f"From {_minute(incident.start_time)} to {_minute(end)}"


def _minute(time: datetime) -> str:
    return zoned_text(time, "minutes")


def damage(datasets: Datasets) -> list[Notice]:
    """Return the files of these datasets that can't be read."""
    tables = DamagedFile.objects.values("table_name")
    by_table = {dataset.table_name: dataset for dataset in datasets.filter(table_name__in=tables)}
    files: dict[str, list[DamagedFile]] = defaultdict(list)
    for file in known_damage(*by_table) if by_table else ():
        files[file.table_name].append(file)
    return [_damaged(by_table[name], found) for name, found in files.items() if name in by_table]


def _damaged(dataset: Dataset, files: list[DamagedFile]) -> Notice:
    events = count_of(sum(file.rows for file in files), "event")
    names = ", ".join(file.path.rpartition("/")[2] for file in files[:SHOWN_FILES])
    return Notice(
        "danger",
        f"{events} of {dataset} can’t be read",
        f"{count_of(len(files), 'file')} missing or damaged: {names}{', …' if files[SHOWN_FILES:] else ''}."
        " All other events can be read. The server’s command “manage.py doctor” says what to do.",
        max(file.found_time for file in files),
        dataset,
    )


def unaccounted(datasets: Datasets) -> list[Notice]:
    """Return of which datasets events are unaccounted for."""
    by_id = {dataset.pk: dataset for dataset in datasets.filter(pk__in=unbalanced().values("dataset_id"))}
    return [
        Notice(
            "danger",
            f"{difference}",
            f"They were received from {_minute(difference.first_hour)} on."
            " The server’s command “manage.py ledger” says in which hours.",
            difference.check_time,
            by_id[difference.dataset.pk],
        )
        for difference in differences(by_id.values())
    ]


def quarantine(datasets: Datasets) -> list[Notice]:
    """Return which events of these datasets could not be converted, and damaged parts of the journal."""
    by_id = {dataset.pk: dataset for dataset in datasets.filter(pk__in=QuarantineCount.objects.values("pk"))}
    counts = QuarantineCount.objects.filter(pk__in=["", *by_id]).order_by("-latest_time")
    return [_quarantined(count, by_id.get(count.pk)) for count in counts]


def given_up(projects: QuerySet[Project]) -> list[Notice]:
    """Return how many requests are in quarantine in these projects."""
    rows = QuarantinedRequest.objects.filter(project__in=projects.values("pk"))
    newest = rows.order_by("-id").defer("body").first()
    if newest is None:
        return []
    title, text = f"{count_of(rows.count(), 'request')} in quarantine", f"Last reason: {newest.reason}"
    return [Notice("warning", title, text, newest.creation_time)]


def quotas_used_up(projects: QuerySet[Project], now: datetime) -> list[Notice]:
    """Return which of these projects get no more events this month."""
    by_id = {project.pk: project for project in with_quota(projects)}
    found = used_up(by_id.values()).items()
    title, text = "Project {} has used up its events of this month", "More than {:,} are refused."
    return [Notice("danger", title.format(by_id[pk]), text.format(quota), now) for pk, quota in found]


def ahead(datasets: Datasets, now: datetime) -> list[Notice]:
    """Return which of these datasets have events dated in the future."""
    by_id = {dataset.pk: dataset for dataset in datasets.filter(pk__in=counts_ahead().values("dataset_id"))}
    return [
        Notice(
            "warning",
            f"Events of {by_id[dataset_id]} in the future",
            f"{found.told(_minute(found.latest))}.",
            now,
            by_id[dataset_id],
        )
        for dataset_id, found in dated_ahead(by_id).items()
    ]


def _quarantined(count: QuarantineCount, dataset: Dataset | None) -> Notice:
    what = f"{count_of(count.entries, 'event')} of {dataset}" if dataset else f"{count.entries:,} damaged journal parts"
    return Notice("warning", f"{what} in quarantine", f"Last reason: {count.latest_reason}", count.latest_time, dataset)
