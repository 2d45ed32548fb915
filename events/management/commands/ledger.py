import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import duckdb
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from eventlane.command_line import ExampleCommand, whole_number
from eventlane.database import DATABASE_FAILED
from eventlane.one_line import one_line
from eventlane.times import format_time
from events.command_line import find_dataset
from events.lake.connection import Lake
from events.lake.ledger import Balance, balance, settle
from events.lake.ledger_hours import COUNTED, Counted, counted_datasets, hours_of, key_names, record
from events.models import DeletedDataset, LedgerHour
from events.query.terminal import text_table
from projects.installation import check_installation


class Command(ExampleCommand):
    help = (
        "Check that no event was lost: compare what was accepted with what became of it, for each dataset, hour and\n"
        "API key.\n\n"
        "accepted = stored + duplicates + quarantined + unsealed + expired + erased + settled\n\n"
        "Prints the sums of each dataset, then what doesn't balance. The exit status is 1 if anything doesn't.\n"
        "--settle declares the differences of a dataset to be known, for instance after files were given up."
    )
    example = """
python manage.py ledger
python manage.py ledger --keys
python manage.py ledger logs --days 2 --hours
python manage.py ledger --json | jq '.hours[] | select(.difference != 0)'
python manage.py ledger logs --settle
"""
    prints_lines = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "dataset", nargs="?", metavar="DATASET", help="only this one (default: all), or 'NAME (deleted)'"
        )
        parser.add_argument("--project", metavar="P", help="name or id; needed when several have such a dataset")
        parser.add_argument("--days", type=whole_number(1), metavar="N", help="only the hours of the last N days")
        parser.add_argument("--keys", action="store_true", help="print the sums of each dataset and API key")
        parser.add_argument("--hours", action="store_true", help="list every hour, not just those that don't balance")
        parser.add_argument("--json", action="store_true", help='print {"hours": […], "unread": [datasets]}')
        parser.add_argument(
            "--settle", action="store_true", help="enter the differences of DATASET as settled; it balances then"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["settle"] and not options["dataset"]:
            raise CommandError("--settle needs a DATASET")
        now = timezone.now()
        days = settings.EVENTLANE_LEDGER_DAYS if options["days"] is None else options["days"]
        try:
            check_installation(writes=options["settle"])
            datasets = _datasets(options)
            with Lake(read_only=not options["settle"]) as lake:
                found = balance(lake, datasets, now - timedelta(days=days))
                if options["settle"]:
                    self._settle(lake, found)
                    found = balance(lake, datasets, now - timedelta(days=days))
            record(found.hours, now)
        except (duckdb.Error, DATABASE_FAILED) as error:
            raise CommandError(f"the lake can't be used: {one_line(error)}") from None
        self._print(found, {dataset.pk: dataset for dataset in datasets}, options)
        if found.wrong:
            sys.exit(1)

    def _settle(self, lake: Lake, found: Balance) -> None:
        settle(lake, found.wrong)
        self.stderr.write(
            f"events settled: {sum(hour.difference for hour in found.wrong):,}, hours: {hours_of(found.wrong):,}"
        )

    def _print(self, found: Balance, datasets: dict[str, Counted], options: dict[str, Any]) -> None:
        if options["json"]:
            rows = [_row(hour, datasets) for hour in found.hours]
            self.stdout.write(json.dumps({"hours": rows, "unread": [str(one) for one in found.unread]}, indent=2))
            return
        by_key = ("dataset_id", "key_id")
        self._print_table(datasets, by_key if options["keys"] else by_key[:1], found.hours)
        if listed := found.hours if options["hours"] else found.wrong:
            self.stdout.write("")
            self._print_table(datasets, ("dataset_id", "hour", "key_id"), listed)
        for dataset in found.unread:
            self.stderr.write(
                f"{dataset} can't be counted: files are missing or damaged; `manage.py doctor` names them"
            )

    def _print_table(self, datasets: dict[str, Counted], by: Sequence[str], hours: Iterable[LedgerHour]) -> None:
        """Print the sums of what has the same values of `by`."""
        sums: dict[tuple[Any, ...], list[int]] = {}
        for hour in hours:
            place = tuple(getattr(hour, name) for name in by)
            so_far = sums.setdefault(place, [0] * (len(COUNTED) + 1))
            sums[place] = [total + more for total, more in zip(so_far, _figures(hour), strict=True)]
        shown: dict[str, Callable[[Any], str]] = {
            "dataset_id": lambda one: str(datasets[one]),
            "hour": format_time,
            "key_id": key_names(place[-1] for place in sums).__getitem__,
        }
        rows = ([*(shown[name](one) for name, one in zip(by, place, strict=True)), *sums[place]] for place in sums)
        headings = [name.removesuffix("_id") for name in by]
        for line in text_table([*headings, *COUNTED, "difference"], rows, numbers_from=len(by)):
            self.stdout.write(line)


def _datasets(options: dict[str, Any]) -> list[Counted]:
    datasets = counted_datasets()
    if not (name := options["dataset"]):
        return datasets
    deleted: list[Counted] = [one for one in datasets if isinstance(one, DeletedDataset) and name in (one.pk, str(one))]
    return deleted or [find_dataset(name, options["project"])]


def _figures(hour: LedgerHour) -> list[int]:
    return [*(getattr(hour, name) for name in COUNTED), hour.difference]


def _row(hour: LedgerHour, datasets: dict[str, Counted]) -> dict[str, Any]:
    dataset = datasets[hour.dataset_id]
    figures = dict(zip((*COUNTED, "difference"), _figures(hour), strict=True))
    place = {"dataset_id": hour.dataset_id, "key_id": hour.key_id, "hour": format_time(hour.hour)}
    return {"dataset": dataset.name, "is_deleted": isinstance(dataset, DeletedDataset)} | place | figures
