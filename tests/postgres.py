"""The PostgreSQL and the scratch folders of a test run, whose processes share what takes long to make."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.db import connection, transaction

from eventlane import scratch
from eventlane.configuration import ROOT
from eventlane.embedded_postgres import running_postgres
from eventlane.scratch import remove_home

__all__ = [
    "be_careless",
    "delete_all_rows",
    "made_once",
    "migrated_database",
    "prepare_environment",
    "remove_home",
    "scratch_home",
]

RUN_FOLDER = "TESTS_RUN_FOLDER"  # pytest-xdist's processes inherit it, and DATABASE_URL, from the one that starts them
OWN_DATABASE = "TESTS_OWN_DATABASE"  # set while the PostgreSQL is the run's own, so that nobody minds one database more
MIGRATED = "eventlane_migrated"


def scratch_home() -> Path:
    """Return a new, empty EVENTLANE_HOME for a test."""
    return scratch.scratch_home("test")


def prepare_environment(cleanup: ExitStack) -> None:
    """Set up os.environ for a test session, before Django reads its settings; `cleanup` undoes what it started.

    The developer's own EVENTLANE_ variables are taken out: a test must not depend on a shell. DATABASE_URL is
    respected, to test against another PostgreSQL.
    """
    for name in [name for name in os.environ if name.startswith("EVENTLANE_")]:
        del os.environ[name]
    home = scratch_home()
    cleanup.callback(remove_home, home)
    os.environ["EVENTLANE_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "eventlane.settings"
    os.environ.setdefault(RUN_FOLDER, str(home))
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = cleanup.enter_context(running_postgres(home))
        os.environ[OWN_DATABASE] = "yes"
        be_careless(os.environ["DATABASE_URL"])


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """Return a path that the first process of the run to ask makes, while the others wait.

    `make` lets the path appear when it is complete.
    """
    path = Path(os.environ[RUN_FOLDER], name)
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            make(path)
    return path


def migrated_database() -> str | None:
    """Return the name of a database with all tables, to copy; None on a PostgreSQL that is not the run's own."""
    if OWN_DATABASE not in os.environ:
        return None
    made_once("migrated", _migrate)
    return MIGRATED


def _migrate(done: Path) -> None:
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(f"DROP DATABASE IF EXISTS {MIGRATED}")
        database.execute(f"CREATE DATABASE {MIGRATED}")
    environment = os.environ | {"DATABASE_URL": urlsplit(url)._replace(path=f"/{MIGRATED}").geturl()}
    command = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0"]
    subprocess.run(command, env=environment, check=True)
    done.touch()


def be_careless(url: str) -> None:
    """Have a database of tests not wait for the disk: nobody misses it after a power cut."""
    with psycopg.connect(url, autocommit=True) as database:
        for name in ("fsync", "full_page_writes"):  # kill -9 loses nothing by these
            database.execute(f"ALTER SYSTEM SET {name} = off")
        database.execute("SELECT pg_reload_conf()")


KEPT = {"django_content_type", "auth_permission"}  # the same after every migration


def delete_all_rows() -> None:
    """Empty the tables of all apps, but for what Django itself keeps there."""
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT
    last = "projects_directoryversion"  # deleting from others makes a row there
    statements = [f'DELETE FROM "{table}"' for table in [*sorted(tables - {last}), last]]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("; ".join(["SET CONSTRAINTS ALL DEFERRED", *statements]))
