import json
import sys
from collections.abc import Iterable, Iterator
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
from events.lake.ledger_hours import COUNTED, record
from events.models import Dataset, LedgerHour
from events.query.terminal import text_table
from projects.installation import check_installation


class Command(ExampleCommand):
    help = (
        "Check that no event was lost: compare what was accepted with what became of it, for each dataset and hour.\n\n"
        "accepted = stored + duplicates + quarantined + unsealed + expired + erased + settled\n\n"
        "Prints the sums of each dataset, then the hours that don't balance. The exit status is 1 if there are any.\n"
        "--settle declares the differences of a dataset to be known, for instance after files were given up."
    )
    example = """
python manage.py ledger
python manage.py ledger logs --days 2 --hours
python manage.py ledger --json | jq '.hours[] | select(.difference != 0)'
python manage.py ledger logs --settle
"""
    prints_lines = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset", nargs="?", metavar="DATASET", help="only this one (default: all)")
        parser.add_argument("--project", metavar="P", help="name or id; needed when several have such a dataset")
        parser.add_argument("--days", type=whole_number(1), metavar="N", help="only the hours of the last N days")
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
        self._print(found, options)
        if found.wrong:
            sys.exit(1)

    def _settle(self, lake: Lake, found: Balance) -> None:
        settle(lake, found.wrong)
        self.stderr.write(
            f"events settled: {sum(hour.difference for hour in found.wrong):,}, hours: {len(found.wrong):,}"
        )

    def _print(self, found: Balance, options: dict[str, Any]) -> None:
        if options["json"]:
            rows = [_row(hour) for hour in found.hours]
            self.stdout.write(json.dumps({"hours": rows, "unread": [one.name for one in found.unread]}, indent=2))
            return
        for line in text_table(["dataset", *COUNTED, "difference"], _sums(found.hours), numbers_from=1):
            self.stdout.write(line)
        if listed := found.hours if options["hours"] else found.wrong:
            rows_of_hours = ([str(hour.dataset), format_time(hour.hour), *_figures(hour)] for hour in listed)
            self.stdout.write("")
            for line in text_table(["dataset", "hour", *COUNTED, "difference"], rows_of_hours, numbers_from=2):
                self.stdout.write(line)
        for dataset in found.unread:
            self.stderr.write(
                f"{dataset} can't be counted: files are missing or damaged; `manage.py doctor` names them"
            )


def _datasets(options: dict[str, Any]) -> list[Dataset]:
    if options["dataset"]:
        return [find_dataset(options["dataset"], options["project"])]
    return list(Dataset.objects.select_related("project").order_by("name", "id"))


def _figures(hour: LedgerHour) -> list[int]:
    return [*(getattr(hour, name) for name in COUNTED), hour.difference]


def _sums(hours: Iterable[LedgerHour]) -> Iterator[list[Any]]:
    """Yield the sums of each dataset."""
    sums: dict[Dataset, list[int]] = {}
    for hour in hours:
        so_far = sums.setdefault(hour.dataset, [0] * (len(COUNTED) + 1))
        sums[hour.dataset] = [total + more for total, more in zip(so_far, _figures(hour), strict=True)]
    for dataset, figures in sums.items():
        yield [dataset.name, *figures]


def _row(hour: LedgerHour) -> dict[str, Any]:
    figures = dict(zip((*COUNTED, "difference"), _figures(hour), strict=True))
    return (
        {"dataset": hour.dataset.name, "dataset_id": hour.dataset_id, "hour": format_time(hour.hour)}
        | figures
        | {"keys": hour.keys}
    )
