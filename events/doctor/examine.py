"""Run all checks."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import psycopg
from django.conf import settings

from eventlane.embedded_postgres import database_url
from eventlane.one_line import one_line
from events.doctor.database import check_clock, check_database, check_installation_marks, check_migrations
from events.doctor.finding import PROBLEM, WARNING, Finding, Result
from events.doctor.journal import check_journal, check_ledger, check_sealer
from events.doctor.lake import check_event_times, check_lake, check_lake_files
from events.doctor.machine import check_debug, check_disk, check_proxies, check_secret_key, check_versions
from events.doctor.services import check_syslog, check_tasks, check_triggers, check_workers

CONNECT_SECONDS = 5
CHECKS: dict[str, Callable[[], Iterator[Result]]] = {
    "versions": check_versions,
    "debug": check_debug,
    "secret key": check_secret_key,
    "proxies": check_proxies,
    "disk": check_disk,
    "journal": check_journal,
}
DATABASE_CHECKS: dict[str, Callable[["psycopg.Connection[Any]"], Iterator[Result]]] = {
    "migrations": check_migrations,
    "clock": check_clock,
    "installation": check_installation_marks,
    "lake": check_lake,
    "lake files": check_lake_files,
    "sealer": check_sealer,
    "ledger": check_ledger,
    "event times": check_event_times,
    "workers": check_workers,
    "triggers": check_triggers,
    "syslog": check_syslog,
    "tasks": check_tasks,
}


def examine() -> Iterator[Finding]:
    """Run all checks. A check that crashes is a problem. Without the database, the others still run."""
    for name, check in CHECKS.items():
        yield from _run(name, check)
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(_connect())
        except psycopg.Error as error:
            yield Finding("database", PROBLEM, f"no connection: {one_line(error)}", _database_advice())
            for name in DATABASE_CHECKS:
                yield Finding(name, WARNING, "not checked: this needs the database")
            return
        yield from _run("database", partial(check_database, connection))
        for name, database_check in DATABASE_CHECKS.items():
            yield from _run(name, partial(database_check, connection))


def _run(name: str, check: Callable[[], Iterable[Result]]) -> Iterator[Finding]:
    try:
        for result in check():
            yield Finding(name, *result)
    except Exception as error:
        yield Finding(name, PROBLEM, f"the check failed: {type(error).__name__}: {one_line(error)}")


def _connect() -> "psycopg.Connection[Any]":
    return psycopg.connect(settings.DATABASE_URL, connect_timeout=CONNECT_SECONDS, autocommit=True)


def _database_advice() -> str:
    if database_url(settings.EVENTLANE_HOME) == settings.DATABASE_URL:
        return "the embedded PostgreSQL runs only while Eventlane does: start it with `make run`"
    return "check that PostgreSQL is running and that DATABASE_URL is right"
