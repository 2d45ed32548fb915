"""Check the lake, its files, and the quarantine."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.utils import timezone

from eventlane.times import readable_time
from events.doctor.finding import OK, PROBLEM, WARNING, Result, some
from events.doctor.machine import is_folder, write_error
from events.lake.catalog import dataset_sizes
from events.lake.connection import Lake
from events.lake.damaged_files import known_damage
from events.lake.files import Fault, known_files, set_aside_files, verify
from events.lake.orphans import are_too_many, leftovers, lost_rows
from events.models import QuarantinedRequest, UnreadTimes
from projects.installation import lake_folder

ADOPTION_ADVICE = "`manage.py lake verify` lists them; `manage.py lake adopt --all` puts their events back, each once"
MANY_UNREAD, UNREAD_SHARE = 1000, 0.01  # events whose time can't be read, and what share of a dataset's they are
UNREAD_DAYS = 1  # older ones are no news


def check_lake(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that DuckDB can open it, its files can be written, and nothing is in quarantine."""
    path = settings.EVENTLANE_LAKE_PATH
    if is_folder(path) and (error := write_error(Path(path))) is not None:
        yield (
            PROBLEM,
            f"{path} can't be written: {error}",
            "nothing is sealed until it can be; check owner, mode and free space",
        )
        return
    with Lake(read_only=True) as lake:
        if not lake.attached:
            yield OK, f"{path}: nothing has been sealed yet"
            return
        [(quarantined, reason)] = lake.execute(
            "SELECT count(*), arg_max(reason, quarantined_time) FROM lake.main.quarantine"
        )
    requests = list(requests_in_quarantine())
    yield from requests
    if quarantined:
        yield (
            WARNING,
            f"{path}: {quarantined:,} entries in quarantine, the latest because: {reason}",
            "`manage.py quarantine list` shows them; `quarantine retry` stores what can be stored again",
        )
    elif not requests:
        yield OK, f"{path}: it can be opened, and the quarantine is empty"


def requests_in_quarantine() -> Iterator[Result]:
    """Warn about requests that were refused again and again."""
    newest = QuarantinedRequest.objects.order_by("-creation_time").defer("body").first()
    if newest:
        count = QuarantinedRequest.objects.count()
        yield (
            WARNING,
            f"{count:,} requests in quarantine, the latest because: {newest.reason}",
            "`manage.py quarantine list` shows them; `quarantine retry` stores what can be stored now",
        )


def check_lake_files(_: object) -> Iterator[Result]:
    """Check that every file in the catalog exists and can be opened, and that every file is in the catalog."""
    folder = lake_folder()
    if folder is None:
        yield OK, f"{settings.EVENTLANE_LAKE_PATH} isn't a folder, so its files aren't checked"
        return
    faults = list(verify(folder))
    results = [*_damage_results(faults), *_unknown_results(folder, faults)]
    yield from results
    if not results:
        yield OK, "every file in the catalog is there, and every file is in the catalog"


def _damage_results(faults: list[Fault]) -> Iterator[Result]:
    """Name the files that can't be read, including those that only a reader found."""
    used = {file.path for file in known_files() if file.in_use}
    lost = {file.path: file.reason for file in known_damage() if file.path in used}
    lost |= {fault.path: fault.reason for fault in faults if fault.state in ("missing", "damaged")}
    if lost:
        named = some([(Path(path), reason) for path, reason in sorted(lost.items())])
        advice = (
            "all other events can still be read. Put the files back from a backup, or give them up with "
            "`manage.py lake forget FILE`; `manage.py lake verify` names all of them"
        )
        yield PROBLEM, f"{len(lost):,} files are missing or damaged: {named}", advice


def _unknown_results(folder: Path, faults: list[Fault]) -> Iterator[Result]:
    with Lake(read_only=True) as lake:
        lost = lost_rows(lake, folder, datetime.now(UTC)) if lake.attached else {}
    if lost:
        named = some([(Path(path), f"{rows:,} events") for path, rows in lost.items()])
        message = f"{len(lost):,} files have events that the catalog has lost: {named}"
        yield PROBLEM, message, "`manage.py lake adopt FILE` puts their events back, each once"
    others = sum(fault.state == "unknown" and fault.path not in lost for fault in faults)
    if others:
        yield WARNING, f"{others:,} files are unknown to the catalog{_left_alone(folder)}", ADOPTION_ADVICE
    if aside := len(set_aside_files(folder)):
        message = f"{aside:,} unknown files are set aside, for {settings.EVENTLANE_ORPHAN_DAYS} days"
        yield WARNING, message, ADOPTION_ADVICE


def _left_alone(folder: Path) -> str:
    too_many = are_too_many(leftovers(folder, datetime.now(UTC)))
    return ": too many or too large for maintenance to touch them" if too_many else ""


def check_event_times(_: object) -> Iterator[Result]:
    """Check that the times of events can be read: the replies to their senders don't tell."""
    lately = timezone.now() - timedelta(days=UNREAD_DAYS)
    counted = UnreadTimes.objects.filter(latest_time__gt=lately, events__gte=MANY_UNREAD).select_related("dataset")
    rows = sorted(counted, key=lambda row: (-row.events, row.dataset_id))
    sizes = dataset_sizes([row.dataset.table_name for row in rows])
    many = [row for row in rows if row.events >= UNREAD_SHARE * sizes[row.dataset.table_name][0]]
    if not many:
        yield OK, "no dataset lately got many events whose time can't be read"
        return
    listed = ", ".join(f"{row.dataset} {row.events:,} until {readable_time(row.latest_time)}" for row in many[:5])
    yield (
        WARNING,
        f"events whose time can't be read, by dataset: {listed}",
        "they have their time of receipt instead; docs/fields.md says which times are understood",
    )
