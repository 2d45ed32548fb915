import shutil
import sys
import time
from typing import Any

import duckdb
from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand
from eventlane.database import DATABASE_FAILED
from eventlane.one_line import one_line
from eventlane.wire.errors import ApiError, InvalidRequestBody
from events.command_line import add_search, find_dataset, refusal
from events.lake.connection import Lake
from events.lake.lines import safe_json
from events.query.export import FORMATS, export, new_export_file, read_export


class Command(ExampleCommand):
    help = (
        "Write all events of a dataset that match to the standard output, as lines of JSON or as a Parquet file.\n\n"
        "SEARCH is a search line like 'level:error'. The events come in no particular order. They are first\n"
        "collected in a file under EVENTLANE_HOME, so you get either all of them or an error."
    )
    example = """
python manage.py export_events logs --from 7d > logs.ndjson
python manage.py export_events logs 'level:error -service:web' --from 2026-11-01 --to 2026-12-01 | gzip > errors.gz
python manage.py export_events logs --from 30d --format parquet > logs.parquet
"""
    prints_lines = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_search(parser)
        parser.add_argument("--project", metavar="P", help="name or id; needed when several have such a dataset")
        parser.add_argument("--from", metavar="TIME", default="1h", help="15m, 2d, 2026-11-27, … (default 1h)")
        parser.add_argument("--to", metavar="TIME", default="now")
        parser.add_argument("--format", choices=[*FORMATS], default="ndjson")

    def handle(self, *args: Any, **options: Any) -> None:
        dataset = find_dataset(options["dataset"], options["project"])
        body = {"datasets": [dataset.name]} | {name: options[name] for name in ("q", "from", "to", "format")}
        try:
            query, chosen = read_export(body, now_us=time.time_ns() // 1000)
            with new_export_file() as file:
                with Lake(read_only=True) as lake:
                    statistics = export(lake, [dataset], query, chosen, file)
                if sys.stdout.isatty() and chosen == "ndjson":
                    sys.stdout.writelines(safe_json(line.decode().rstrip("\n")) + "\n" for line in file)
                else:
                    shutil.copyfileobj(file, sys.stdout.buffer)
        except InvalidRequestBody as error:
            raise refusal(error) from None
        except ApiError as error:
            raise CommandError(error.message) from None
        except (duckdb.Error, DATABASE_FAILED) as error:
            raise CommandError(one_line(error)) from None
        sys.stdout.flush()
        for warning in statistics.warnings:
            self.stderr.write(warning)
