import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import duckdb
from django.core.management.base import CommandError, CommandParser

from eventlane import exact_numbers
from eventlane.command_line import ExampleCommand
from eventlane.database import DATABASE_FAILED
from eventlane.one_line import one_line
from eventlane.wire.errors import ApiError, InvalidRequestBody
from events.command_line import add_search, find_dataset, refusal
from events.lake.connection import Lake
from events.lake.lines import safe_json
from events.query.body import read_query
from events.query.fields import Field, Fields, find_fields
from events.query.terminal import text_table


class Command(ExampleCommand):
    help = (
        "List the fields of a dataset's events: their paths, types, and values, and how many events have them.\n\n"
        "SEARCH is a search line like 'level:error'. Each line shows a path, its types, its most frequent values, the\n"
        "share of events that have it, and how many different values there are. A query is faster if the fields that\n"
        "it uses are columns."
    )
    example = """
python manage.py fields logs
python manage.py fields logs 'service:api level:error' --from 6h
python manage.py fields logs --from 1d --json | jq -r '.fields[].path'
"""
    prints_lines = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_search(parser)
        parser.add_argument("--project", metavar="P", help="name or id; needed when several have such a dataset")
        parser.add_argument("--from", metavar="TIME", default="1h", help="15m, 2d, 2026-11-27, … (default 1h)")
        parser.add_argument("--to", metavar="TIME", default="now")
        parser.add_argument("--json", action="store_true", help="print the reply of GET /v0/datasets/id/:id/fields")

    def handle(self, *args: Any, **options: Any) -> None:
        found = _find(options)
        if options["json"]:
            shown = exact_numbers.encode(found.show()).decode()
            sys.stdout.write((safe_json(shown) if sys.stdout.isatty() else shown) + "\n")
        else:
            for line in _lines(found):
                sys.stdout.write(line + "\n")
            if not found.events:
                self.stderr.write("there are no such events")
        sys.stdout.flush()
        for warning in found.statistics.warnings:
            self.stderr.write(warning)


def _find(options: dict[str, Any]) -> Fields:
    dataset = find_dataset(options["dataset"], options["project"])
    body = {"datasets": [dataset.name], "from": options["from"], "to": options["to"], "q": options["q"]}
    try:
        query = read_query(body, now_us=time.time_ns() // 1000)
        with Lake(read_only=True) as lake:
            return find_fields(lake, dataset, query)
    except InvalidRequestBody as error:
        raise refusal(error) from None
    except ApiError as error:
        raise CommandError(error.message) from None
    except (duckdb.Error, DATABASE_FAILED) as error:
        raise CommandError(one_line(error)) from None


def _lines(found: Fields) -> Iterator[str]:
    rows = [
        [
            *(one.path, ", ".join(one.types), "yes" if one.is_column else "", _top(one)),
            *(f"{one.events / found.events:.0%}", f"{one.distinct:,}"),
        ]
        for one in found.fields
    ]
    return text_table(("field", "types", "column", "most frequent", "share", "values"), rows, 4)


def _top(one: Field) -> str:
    """Return the most frequent values, unless each stands in one event only."""
    values = (json.dumps(value, ensure_ascii=False) for value, count in one.top if count > 1 or one.distinct == 1)
    return ", ".join(values)
