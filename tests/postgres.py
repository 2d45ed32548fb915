"""The PostgreSQL and the scratch folder of a test session."""

import os
from contextlib import ExitStack
from pathlib import Path

import psycopg
from django.db import connection, transaction

from eventlane import scratch
from eventlane.embedded_postgres import running_postgres
from eventlane.scratch import remove_home

__all__ = ["be_careless", "delete_all_rows", "prepare_environment", "remove_home", "scratch_home"]


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
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = cleanup.enter_context(running_postgres(home))
        be_careless(os.environ["DATABASE_URL"])


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
