import os
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import duckdb
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from eventlane.command_line import ExampleCommand, whole_number
from eventlane.database import DATABASE_FAILED
from eventlane.durations import InvalidDuration, parse_duration
from eventlane.one_line import one_line
from eventlane.wire.errors import ApiError
from events.clock import dated_ahead
from events.command_line import add_search, find_dataset
from events.filters import EXAMPLE, read_filter
from events.lake.conditions import Conditions
from events.lake.deadline import QueryTimeout
from events.lake.follow import EventFollower
from events.lake.lines import json_line, plain_line
from events.lake.query import EventQuery, EventReader, EventRow
from events.models import DamagedFile, Dataset, Namespace
from events.query.where import search_conditions

POLL_SECONDS = 0.25  # an event should appear within a second of its 202
RETRY_SECONDS = 2.0
DEFAULT_LIMIT = 100
NAMESPACES_SHOWN = 20


class Command(ExampleCommand):
    help = (
        "Show a dataset's events, newest last: everything received since --from, or the last 100.\n\n"
        "A line shows the event's time, level, namespace, service and message, or the whole event if it has\n"
        "no message. --json prints one object per line, with the event as it was sent."
    )
    example = """
python manage.py tail logs
python manage.py tail logs --namespace web --filter level=error --from 1h
python manage.py tail logs --filter user.id=42 --search timeout --follow
python manage.py tail logs 'level:error service:(api OR web) http.status>=500' --follow
python manage.py tail logs --from 1d --json | jq .event.message
"""
    prints_lines = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_search(parser)
        parser.add_argument("--project", metavar="P", help="name or id; needed when several have such a dataset")
        parser.add_argument("--namespace", metavar="N", help="only events in this namespace")
        parser.add_argument(
            "--filter",
            metavar="KEY=VALUE",
            type=_filter,
            action="append",
            default=[],
            help="only events with this value; KEY is service, level, message, requestId, traceId, duration, error, id "
            "or a key of the event, with dots into nested objects, in quotation marks if it is empty or contains a = "
            "('\"a=b\"=c'); can be repeated",
        )
        parser.add_argument("--search", metavar="TEXT", help="only events whose text contains this, in any case")
        parser.add_argument(
            "--from", metavar="AGO", type=_ago, dest="ago", help="how far back to start, like 90s, 15m, 1h or 7d"
        )
        parser.add_argument(
            "--limit", metavar="N", type=whole_number(1), help=f"the last N (without --from: {DEFAULT_LIMIT})"
        )
        parser.add_argument(
            "--follow", action="store_true", help="continue with new events as they arrive, until Ctrl-C"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object per line")

    def handle(self, *args: Any, **options: Any) -> None:
        query = _query(find_dataset(options["dataset"], options["project"]), options)
        show = _printer(options["json"])
        try:
            for ahead in dated_ahead([query.dataset.pk]).values():
                self.stderr.write(f"{ahead}; they are not shown until then")
            if options["follow"]:
                _follow(query, show, self.stderr.write)
            else:
                _show(query, show, self.stderr.write)
        except KeyboardInterrupt:
            pass
        except RuntimeError as error:  # DuckDB raises this for a Ctrl-C during a query
            if not isinstance(error.__cause__, KeyboardInterrupt):
                raise
        except (QueryTimeout, duckdb.Error, DATABASE_FAILED) as error:
            raise CommandError(str(error)) from None


def _show(query: EventQuery, show: Callable[[Iterable[EventRow]], int], warn: Callable[[str], Any]) -> None:
    with EventReader(query) as reader:
        count = show(reader.read())
    _warn_of_damage(reader.left_out, warn)
    if not count:
        _check_namespace(query)


def _warn_of_damage(files: Iterable[DamagedFile], warn: Callable[[str], Any]) -> None:
    """Warn about events that are missing."""
    for file in files:
        warn(
            f"partial: the {file.rows:,} events of {file.path} are missing, it can't be read ({file.reason}); "
            "`manage.py doctor` says what to do"
        )


def _query(dataset: Dataset, options: dict[str, Any]) -> EventQuery:
    limit = options["limit"]
    if limit is None and options["ago"] is None:
        limit = DEFAULT_LIMIT
    return EventQuery(
        dataset=dataset,
        namespace=options["namespace"],
        filters=tuple(options["filter"]),
        search=options["search"],
        from_time=options["ago"],
        limit=limit,
        where=_where(options["q"]),
    )


def _where(line: str | None) -> Conditions | None:
    try:
        return search_conditions(line) if line else None
    except ApiError as error:
        raise CommandError(error.message) from None


def _check_namespace(query: EventQuery) -> None:
    """Raise CommandError if nothing can match because the dataset has no such namespace."""
    names = Namespace.objects.filter(dataset=query.dataset).order_by("name").values_list("name", flat=True)
    if query.namespace is not None and query.namespace not in names:
        some = ", ".join(names[:NAMESPACES_SHOWN]) or "none yet"
        raise CommandError(f"dataset {query.dataset} has no namespace {query.namespace!r}; it has {some}")


def _printer(as_json: bool) -> Callable[[Iterable[EventRow]], int]:
    """Return a function that prints events and counts them: coloured and safe for a terminal, otherwise plain."""
    terminal = sys.stdout.isatty()

    def line(row: EventRow) -> str:
        if as_json:
            return json_line(row, safe=terminal)
        return plain_line(row, coloured=terminal and "NO_COLOR" not in os.environ)

    def show(rows: Iterable[EventRow]) -> int:
        count = 0
        for row in rows:
            sys.stdout.write(line(row) + "\n")
            count += 1
        sys.stdout.flush()
        return count

    return show


def _follow(query: EventQuery, show: Callable[[Iterable[EventRow]], int], warn: Callable[[str], Any]) -> None:
    """Show events until interrupted, through restarts of the database."""
    with EventFollower(query) as follower:
        show(follower.history())
        _warn_of_damage(follower.left_out, warn)
        warned = {file.path for file in follower.left_out}
        failure = ""
        while True:
            time.sleep(RETRY_SECONDS if failure else POLL_SECONDS)
            try:
                if failure:
                    follower.reconnect()
                show(follower.news())
                failure = ""
                _warn_of_damage([file for file in follower.left_out if file.path not in warned], warn)
                warned |= {file.path for file in follower.left_out}
            except (duckdb.Error, DATABASE_FAILED) as error:
                if not failure:
                    warn(f"waiting for the database: {one_line(error)}")
                failure = str(error)


def _filter(text: str) -> tuple[str, str]:
    try:
        return read_filter(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not {EXAMPLE}") from None


def _ago(text: str) -> datetime:
    try:
        return timezone.now() - parse_duration(text)
    except InvalidDuration as error:
        raise ArgumentTypeError(str(error)) from None
    except OverflowError:
        return timezone.now() - timedelta(days=365 * 1000)
