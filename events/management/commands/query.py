import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Iterable, Sequence
from typing import Any

import duckdb
from django.core.management.base import CommandError, CommandParser

from eventlane import exact_numbers
from eventlane.command_line import ExampleCommand
from eventlane.database import DATABASE_FAILED
from eventlane.one_line import one_line
from eventlane.wire.errors import ApiError, InvalidRequestBody, UnknownObject
from events.command_line import find_dataset, refusal
from events.lake.connection import Lake
from events.lake.lines import json_line, plain_line, safe_json
from events.models import Dataset
from events.query.answer import Answer
from events.query.body import read_query
from events.query.model import Query
from events.query.run import ask
from events.query.saved import FRAME, saved_body
from events.query.terminal import OTHERS, chart, csv_lines, table_of, text_table
from events.query.times import SECOND, show_time
from events.query.typed import read_calculation, read_order
from projects.command_line import find_project

# The options that say what to ask. A saved query says that itself.
ASKING = ("search", "dataset", "calculate", "group_by", "order_by", "received", "limit", "granularity", "time_zone")


class Command(ExampleCommand):
    help = (
        "Search events, count them, calculate values from them, by group and over time.\n\n"
        "SEARCH is a search line like 'level:error service:(api OR web) timeout'. Without --calculate the events\n"
        "themselves are shown, newest last. docs/query.md describes what a query can do."
    )
    example = """
python manage.py query -d logs level:error
python manage.py query -d logs --calculate count --group-by service --from 6h
python manage.py query -d logs level:error --calculate 'p95(duration)' --group-by service --granularity 5m --chart
python manage.py query -d logs -d audit 'user.id:42' --calculate 'count as events' --from 2026-11-01 --to now --csv
python manage.py query --saved slow-services --from 1d
"""
    prints_lines = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "search",
            metavar="SEARCH",
            nargs="?",
            help="a search line; without it all events; put -- before one that begins with a -",
        )
        parser.add_argument(
            "-d", "--dataset", metavar="D", action="append", default=[], help="may be given several times"
        )
        parser.add_argument("--saved", metavar="NAME", help="a saved query; only --from and --to go with it")
        parser.add_argument("--project", metavar="P", help="name or id; needed when several have such a dataset")
        parser.add_argument(
            "--calculate",
            metavar="OP(PATH)",
            type=_calculation,
            action="append",
            default=[],
            help="count, p95(duration), 'max(http.status) as worst', …; may be given several times",
        )
        parser.add_argument("--group-by", metavar="PATH", action="append", default=[], help="up to five times")
        parser.add_argument(
            "--order-by",
            metavar="NAME",
            type=read_order,
            action="append",
            default=[],
            help="a column, or 'COLUMN desc'",
        )
        parser.add_argument("--from", metavar="TIME", help="15m, 2d, 2026-11-27, … (default 1h, or the saved query's)")
        parser.add_argument("--to", metavar="TIME", help="(default now, or the saved query's)")
        parser.add_argument("--received", action="store_true", help="use the time of receipt, not the event's own")
        parser.add_argument("--limit", metavar="N", type=int, help="groups (default 10) or events (default 100)")
        parser.add_argument("--granularity", metavar="SPAN", help="a value for each span of time, like 5m, 1d or auto")
        parser.add_argument("--time-zone", metavar="ZONE", help="where days begin, like Europe/Berlin (default UTC)")
        form = parser.add_mutually_exclusive_group()
        form.add_argument(
            "--json", action="store_true", help="print the answer as JSON; events as tail --json does, one per line"
        )
        form.add_argument("--csv", action="store_true", help="print the answer as CSV")
        form.add_argument("--chart", action="store_true", help="draw bars, or lines with --granularity")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            datasets, body = _saved(options) if options["saved"] else _asked(options)
            query = read_query(body, now_us=time.time_ns() // 1000)
            with Lake(read_only=True) as lake:
                answer = ask(lake, datasets, query)
        except InvalidRequestBody as error:
            raise refusal(error) from None
        except ApiError as error:
            raise CommandError(error.message) from None
        except (duckdb.Error, DATABASE_FAILED) as error:
            raise CommandError(one_line(error)) from None
        for line in _lines(answer, options):
            sys.stdout.write(line + "\n")
        sys.stdout.flush()
        if not answer.rows and not answer.events:
            self.stderr.write(f"nothing matched {_time_frame(answer.query)}")
        for warning in answer.statistics.warnings:
            self.stderr.write(f"partial: {warning}" if answer.statistics.partial else warning)


def _find_datasets(names: Sequence[str], project: str | None) -> list[Dataset]:
    """Return the datasets, which have to be of one project."""
    found = [find_dataset(name, project) for name in dict.fromkeys(names)]
    if len({dataset.project_id for dataset in found}) > 1:
        raise CommandError("the datasets are of different projects; ask for those of one at a time")
    return found


def _saved(options: dict[str, Any]) -> tuple[list[Dataset], dict[str, Any]]:
    """Return the datasets and the body of a saved query."""
    if any(options[name] for name in ASKING):
        raise CommandError("a saved query says what it asks; only --from and --to can be chosen")
    project = find_project(options["project"])
    try:
        body = saved_body(project, options["saved"], {name: options[name] for name in FRAME})
    except UnknownObject:
        raise CommandError(f"there is no saved query {options['saved']} in project {project}") from None
    return _find_datasets(body["datasets"], project.pk), body


def _asked(options: dict[str, Any]) -> tuple[list[Dataset], dict[str, Any]]:
    """Return the datasets and the body of the question in the options."""
    if not options["dataset"]:
        raise CommandError("which events? Name a dataset with -d, or a saved query with --saved")
    return _find_datasets(options["dataset"], options["project"]), _body(options)


def _body(options: dict[str, Any]) -> dict[str, Any]:
    names = ("calculations", "group_by", "order_by", "from", "to", "limit", "granularity", "time_zone")
    given = {"calculate": "calculations"}
    body = {given.get(name, name): value for name, value in options.items() if given.get(name, name) in names}
    time_meant = "received" if options["received"] else "event"
    return body | {"datasets": list(dict.fromkeys(options["dataset"])), "q": options["search"], "time": time_meant}


def _lines(answer: Answer, options: dict[str, Any]) -> Iterable[str]:
    terminal = sys.stdout.isatty()
    if not answer.query.calculations:
        return _event_lines(answer, options, terminal)
    if options["json"]:
        shown = exact_numbers.encode(answer.show([])).decode()
        return [safe_json(shown) if terminal else shown]
    if options["chart"]:
        return chart(answer)
    names, rows = table_of(answer)
    if options["csv"]:
        return csv_lines(names, rows, safe=terminal)
    if not rows:
        return []
    if answer.others and answer.series is None:
        groups = len(answer.query.group_by)
        rows = [*rows, [OTHERS, *[""] * (groups - 1), *answer.others[groups:]]]
    return text_table(names, rows, len(names) - len(answer.query.calculations))


def _event_lines(answer: Answer, options: dict[str, Any], terminal: bool) -> Iterable[str]:
    events = [row for _, row in answer.events] if answer.query.order_by else [row for _, row in reversed(answer.events)]
    if options["json"]:
        return [json_line(row, safe=terminal) for row in events]
    if options["csv"]:
        fields = ("id", "event_time", "namespace", "service", "level", "message", "event")
        return csv_lines(fields, [[_field(row, name) for name in fields] for row in events], safe=terminal)
    return [plain_line(row, coloured=terminal) for row in events]


def _time_frame(query: Query) -> str:
    """Say which events were asked for."""
    which = "received" if query.by_receipt else "with a time"
    datasets = ", ".join(query.datasets)
    return f"in {datasets} {which} from {_second(query.from_us)} until {_second(query.to_us)}"


def _second(us: int) -> str:
    return show_time(us // SECOND * SECOND)


def _field(row: Any, name: str) -> Any:
    value = getattr(row, name)
    return value.isoformat() if name.endswith("_time") else None if value is None else str(value)


def _calculation(text: str) -> dict[str, str]:
    found = read_calculation(text)
    if found is None:
        raise ArgumentTypeError(f"{text!r} is not like count, p95(duration) or 'max(http.status) as worst'")
    return found
