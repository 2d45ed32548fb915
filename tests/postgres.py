"""The PostgreSQL and the scratch folder of a test session."""

import os
from contextlib import ExitStack
from pathlib import Path

import psycopg

from eventlane import scratch
from eventlane.embedded_postgres import running_postgres
from eventlane.scratch import remove_home

__all__ = ["be_careless", "prepare_environment", "remove_home", "scratch_home"]


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
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            database.execute(f"ALTER SYSTEM SET {name} = off")
        database.execute("SELECT pg_reload_conf()")
