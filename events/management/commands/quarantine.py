import json
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterable
from itertools import islice
from typing import Any, NoReturn
from uuid import UUID

import duckdb
from django.core.management.base import CommandError, CommandParser
from django.db.models import QuerySet

from eventlane.command_line import ExampleCommand, whole_number
from eventlane.database import DATABASE_FAILED
from eventlane.ids import is_id
from eventlane.one_line import one_line
from events.command_line import find_dataset
from events.ingest import storage
from events.ingest.retry import StillRefused, retry
from events.lake.connection import Lake
from events.lake.culprits import LakeUnwell
from events.lake.lines import visible
from events.lake.quarantine import Entry, discard, entries, put_back, text_of
from events.lake.statistics import note_quarantine
from events.models import Dataset, QuarantinedRequest
from projects.installation import check_installation

SHOWN = 100
LEFT_SHOWN = 20


class Command(ExampleCommand):
    help = (
        "Look at what couldn't be stored, try again to store it, or give it up.\n\n"
        "list   events that the lake refused, and requests of keys with `quarantine after`, oldest first\n"
        "show   an entry with its event or its body; --raw prints just that, as it was sent\n"
        "retry  store events in their datasets, each once, and requests as if they came again. What still can't be\n"
        "       stored stays in quarantine; the reasons are printed, and the exit status is 1\n"
        "drop   delete entries for good"
    )
    example = """
python manage.py quarantine list
python manage.py quarantine list --json | jq -r 'select(.namespace == "web") | .id'
python manage.py quarantine show 01a21b5a-739f-77fd-bc0d-8bfc136941e8
python manage.py quarantine retry --all --dataset logs
python manage.py quarantine drop 01a21b5a-739f-77fd-bc0d-8bfc136941e8
"""
    prints_lines = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True, metavar="list|show|retry|drop")
        listing = actions.add_parser("list", help="the entries in quarantine")
        _add_dataset(listing)
        listing.add_argument(
            "--limit",
            type=whole_number(1),
            default=SHOWN,
            metavar="N",
            help=f"number of entries to list (default: {SHOWN})",
        )
        listing.add_argument(
            "--json", action="store_true", help="print all entries, one JSON object per line, without events"
        )
        showing = actions.add_parser("show", help="an entry with its event")
        showing.add_argument("id", type=_id, metavar="ID", help="as printed by list")
        showing.add_argument("--raw", action="store_true", help="just the event's bytes, for a file")
        for name, meaning in (("retry", "try again to store entries"), ("drop", "delete entries for good")):
            moving = actions.add_parser(name, help=meaning)
            moving.add_argument("ids", nargs="*", type=_id, metavar="ID", help="as printed by list")
            moving.add_argument("--all", action="store_true", help="all entries, or with --dataset those of a dataset")
            _add_dataset(moving)

    def handle(self, *args: Any, **options: Any) -> None:
        action = options["action"]
        reads_only = action in ("list", "show")
        _check_selection(options)
        try:
            check_installation(writes=not reads_only)
            left = self._requests(action, options)
            if left is not None:
                with Lake(read_only=reads_only) as lake:
                    getattr(self, f"_{action}")(lake, left)
        except LakeUnwell as error:
            raise CommandError(f"nothing can be stored now: {error}") from None
        except (duckdb.Error, DATABASE_FAILED) as error:
            raise CommandError(f"the lake can't be used: {one_line(error)}") from None

    def _list(self, lake: Lake, options: dict[str, Any]) -> None:
        found = entries(lake, _dataset_id(options)) if lake.has_sealed_files() else iter(())
        names = _Names()
        if options["json"]:
            for entry in found:
                self.stdout.write(json.dumps(_row(entry, names)))
            for row in _requests_of(options):
                self.stdout.write(json.dumps(_request_row(row)))
            return
        lines = [_line(entry, names) for entry in islice(found, options["limit"])]
        lines += map(_request_line, _requests_of(options)[: options["limit"]])
        for line in lines:
            self.stdout.write(line)
        if more := sum(1 for _ in found):
            self.stdout.write(f"and {more:,} more; --limit N shows N of them, --json all")
        elif not lines:
            self.stderr.write(f"there is nothing in quarantine{' of this dataset' if options['dataset'] else ''}")

    def _show(self, lake: Lake, options: dict[str, Any]) -> None:
        [entry] = _of_ids(lake, [options["id"]]) if lake.has_sealed_files() else _none([options["id"]])
        text = text_of(lake, entry)
        if options["raw"]:
            sys.stdout.buffer.write(text)
            return
        for name, value in _row(entry, _Names()).items():
            self.stdout.write(f"{name}: {'' if value is None else visible(str(value))}")
        self.stdout.write(f"event: {visible(text.decode(errors='backslashreplace'))}")

    def _requests(self, action: str, options: dict[str, Any]) -> dict[str, Any] | None:
        """Do with requests what is asked; return what is left to do with events, or None."""
        if action == "list":
            return options
        ids = [options["id"]] if action == "show" else options["ids"]
        found = _selected_requests(options, [entry_id for entry_id in ids if isinstance(entry_id, str)])
        if action == "show":
            for row in found:
                self._show_request(row, options["raw"])
        elif found:
            (self._retry_requests if action == "retry" else self._drop_requests)(found)
        others = [entry_id for entry_id in ids if isinstance(entry_id, UUID)]
        return None if ids and not others else {**options, "ids": others}

    def _show_request(self, row: QuarantinedRequest, raw: bool) -> None:
        if raw:
            sys.stdout.buffer.write(row.body)
            return
        for name, value in {**_request_row(row), "headers": row.headers}.items():
            self.stdout.write(f"{name}: {'' if value is None else visible(str(value))}")
        self.stdout.write(f"body: {visible(bytes(row.body).decode(errors='backslashreplace'))}")

    def _retry_requests(self, rows: list[QuarantinedRequest]) -> None:
        events, left = 0, 0
        for row in rows:
            try:
                events += retry(row)
            except StillRefused as error:
                left += 1
                self.stderr.write(f"left {row.pk}: {visible(str(error))}")
        storage.journal.close()
        self.stdout.write(f"{events:,} events of {len(rows) - left:,} requests stored")
        if left:
            raise CommandError(f"{left:,} requests stay in quarantine")

    def _drop_requests(self, rows: list[QuarantinedRequest]) -> None:
        QuarantinedRequest.objects.filter(pk__in=[row.pk for row in rows]).delete()
        self.stdout.write(f"{len(rows):,} requests deleted")

    def _retry(self, lake: Lake, options: dict[str, Any]) -> None:
        done = put_back(lake, _selected(lake, options))
        note_quarantine(lake)
        self.stdout.write(f"{done.events:,} events put back")
        for entry_id, reason in islice(done.left.items(), LEFT_SHOWN):
            self.stderr.write(f"left {entry_id}: {visible(reason)}")
        if done.left:
            raise CommandError(f"{len(done.left):,} entries stay in quarantine")

    def _drop(self, lake: Lake, options: dict[str, Any]) -> None:
        self.stdout.write(f"{discard(lake, _selected(lake, options)):,} entries deleted")
        note_quarantine(lake)


class _Names:
    """Names of datasets for people, each looked up once."""

    def __init__(self) -> None:
        self._names: dict[str | None, str] = {None: "-"}

    def of(self, dataset_id: str | None) -> str:
        """Return a dataset's name with its project, or its id if it was deleted."""
        if dataset_id not in self._names:
            dataset = Dataset.objects.filter(pk=dataset_id).select_related("project").first()
            name = f"{dataset.name} of {dataset.project.name}" if dataset else f"deleted dataset {dataset_id}"
            self._names[dataset_id] = name
        return self._names[dataset_id]


def _check_selection(options: dict[str, Any]) -> None:
    """Raise CommandError unless it is clear which entries are meant, before any of them is touched."""
    if options.get("project") and not options["dataset"]:
        raise CommandError("--project says whose --dataset is meant; without one, it would select nothing")
    if options["action"] not in ("retry", "drop"):
        return
    if bool(options["ids"]) == options["all"]:
        raise CommandError("give the ids of entries, or --all")
    if options["ids"] and options["dataset"]:
        raise CommandError("--dataset requires --all; ids don't need it")


def _add_dataset(parser: CommandParser) -> None:
    parser.add_argument("--dataset", metavar="D", help="only this dataset's entries")
    parser.add_argument("--project", metavar="P", help="name or id; needed if several have such a dataset")


def _requests_of(options: dict[str, Any]) -> QuerySet[QuarantinedRequest]:
    """Return the requests that are meant: none if a dataset is named."""
    return _requests().none() if options["dataset"] else _requests()


def _requests() -> QuerySet[QuarantinedRequest]:
    """Return all requests without their bodies, which together may not fit into memory."""
    return QuarantinedRequest.objects.select_related("project").defer("body").order_by("id")


def _selected_requests(options: dict[str, Any], ids: list[str]) -> list[QuarantinedRequest]:
    if options.get("all"):
        return list(_requests_of(options))
    found = {row.pk: row for row in _requests().filter(pk__in=ids)}
    return list(found.values()) if len(found) == len(set(ids)) else _none(set(ids) - set(found))


def _request_row(row: QuarantinedRequest) -> dict[str, Any]:
    return {
        "id": row.pk,
        "quarantined_time": row.creation_time.isoformat(),
        "project": row.project.name,
        "path": row.path,
        "events": row.events,
        "bytes": row.bytes,
        "reason": row.reason,
    }


def _request_line(row: QuarantinedRequest) -> str:
    what = "request" if row.events is None else f"{row.events:,} events"
    where = f"{what} to {row.path} of {row.project.name}"
    return visible(f"{row.pk}  {row.creation_time:%Y-%m-%d %H:%M:%S}  {where}, {row.bytes:,} bytes: {row.reason}")


def _id(text: str) -> UUID | str:
    if is_id(text):
        return text
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not an id; `manage.py quarantine list` prints the ids") from None


def _dataset_id(options: dict[str, Any]) -> str | None:
    return find_dataset(options["dataset"], options["project"]).pk if options["dataset"] else None


def _selected(lake: Lake, options: dict[str, Any]) -> list[Entry]:
    """Return the entries that are meant; raise CommandError for an unknown id."""
    return list(entries(lake, _dataset_id(options))) if options["all"] else _of_ids(lake, options["ids"])


def _of_ids(lake: Lake, ids: list[UUID]) -> list[Entry]:
    found = list(entries(lake, ids=ids))
    return found if len(found) == len(set(ids)) else _none(set(ids) - {entry.id for entry in found})


def _none(ids: Iterable[UUID | str]) -> NoReturn:
    raise CommandError(f"not in quarantine: {', '.join(sorted(map(str, ids)))}; `manage.py quarantine list` lists all")


def _row(entry: Entry, names: _Names) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "quarantined_time": entry.quarantined_time.isoformat(),
        "received_time": entry.received_time and entry.received_time.isoformat(),
        "dataset": names.of(entry.dataset_id),
        "namespace": entry.namespace,
        "service": entry.service,
        "bytes": entry.bytes,
        "reason": entry.reason,
    }


def _line(entry: Entry, names: _Names) -> str:
    where = f"{names.of(entry.dataset_id)}, {entry.namespace or '-'}"
    time = f"{entry.quarantined_time:%Y-%m-%d %H:%M:%S}"
    return visible(f"{entry.id}  {time}  {where}, {entry.bytes:,} bytes: {entry.reason}")
