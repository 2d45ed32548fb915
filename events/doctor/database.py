"""Check PostgreSQL, and that what is in it belongs to this code, this clock and this installation."""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection as django_connection
from django.db.migrations.executor import MigrationExecutor

from eventlane.installation import WrongInstallation
from eventlane.one_line import one_line
from eventlane.times import readable_time
from events.doctor.finding import OK, PROBLEM, WARNING, Result
from events.journal.reader import creation_time, journal_paths
from projects.installation import check_installation

OLDEST_POSTGRES = 150000  # the oldest that Eventlane was tried with, as libpq counts
MAX_SKEW_SECONDS = 2.0
NOT_SET_CLOCK = 1_735_689_600  # 2025: no clock that was set shows less
AHEAD = """
SELECT dataset.name, sum(received.events)::bigint, max(received.minute)
FROM events_receivedcount AS received JOIN events_dataset AS dataset ON dataset.id = received.dataset_id
WHERE received.minute > now() + make_interval(secs => %s) GROUP BY dataset.id, dataset.name ORDER BY 2 DESC LIMIT 5
"""


def check_database(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that its version works with Django and DuckLake."""
    begin = time.perf_counter()
    (name,) = connection.execute("SHOW server_version").fetchone() or ("?",)
    milliseconds = (time.perf_counter() - begin) * 1000
    if connection.info.server_version < OLDEST_POSTGRES:
        yield PROBLEM, f"PostgreSQL {name} is too old", "use PostgreSQL 15 or newer"
    else:
        yield OK, f"PostgreSQL {name} answers in {milliseconds:.1f} ms"


def check_migrations(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that the tables match this code."""
    executor = MigrationExecutor(django_connection)
    missing = [str(migration) for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    if missing:
        yield PROBLEM, f"not applied: {', '.join(missing)}", "run `manage.py set_up` (starting Eventlane does it too)"
    else:
        yield OK, f"all {len(executor.loader.applied_migrations)} applied"


def check_clock(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that our clock agrees with the database's: ids and times are made here, expiry is judged there."""
    advice = "set the clock and keep it right with NTP (timedatectl set-ntp true)"
    begin = time.time()
    (theirs,) = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone() or (0.0,)
    end = time.time()
    skew = max(theirs - end, begin - theirs, 0.0)
    back = _newest_journal_time() - begin
    if begin < NOT_SET_CLOCK:
        yield PROBLEM, f"it shows {time.strftime('%Y-%m-%d', time.gmtime(begin))}: the clock was never set", advice
    elif skew > MAX_SKEW_SECONDS:
        yield PROBLEM, f"{skew:.1f} s apart from the database's", advice
    elif back > MAX_SKEW_SECONDS:
        yield PROBLEM, f"the clock was set back: the newest journal file was created {back:.0f} s in the future", advice
    else:
        yield OK, f"{skew:.3f} s apart from the database's"
    if connection.execute("SELECT to_regclass('events_receivedcount')").fetchone() == (None,):
        return  # a database that was never set up
    for dataset, events, latest in connection.execute(AHEAD, [settings.EVENTLANE_CLOCK_TOLERANCE_SECONDS]):
        yield (
            WARNING,
            f"the clock was fast: {events:,} events of {dataset} are dated up to {readable_time(latest)}",
            "until then, `tail` leaves them out but the API shows them; their retention also starts then",
        )


def _newest_journal_time() -> float:
    return max((creation_time(path.stem) for path in journal_paths(settings.EVENTLANE_JOURNAL)), default=0.0)


def check_installation_marks(connection: "psycopg.Connection[Any]") -> Iterator[Result]:
    """Check that home, journal, lake and database belong to one installation."""
    try:
        check_installation()
    except WrongInstallation as error:
        yield (
            PROBLEM,
            one_line(error),
            "nothing is written until they match; see docs/operations.md, What belongs together",
        )
    else:
        yield OK, "home, journal, lake and database belong together"
