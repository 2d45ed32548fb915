"""Runs before Django is configured: gives the session a PostgreSQL and a scratch EVENTLANE_HOME of its own.

`database` tests use pytest-django as usual (`db`, `transactional_db`). Tests of the whole running platform use the
fixtures of tests/acceptance/conftest.py, which are here for every folder: `server`, `fresh_server`.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import django
import hypothesis
import psycopg
import pytest
from django.db import connection

from tests.postgres import prepare_environment

TESTS = Path(__file__).parent
TIMED = TESTS / "acceptance/test_access.py"  # keys that expire
ALONE = (
    "acceptance",
    "eventlane/test_embedded_postgres.py",
    "events/lake/test_restart.py",
    "events/lake/test_trickle.py",
)
DRILLS = [TESTS / path for path in ALONE]

hypothesis.settings.register_profile(
    "unhurried", deadline=None
)  # how long an example takes says how busy the machine is
hypothesis.settings.load_profile("unhurried")
hypothesis.settings.register_profile("nightly", max_examples=2000, deadline=None)

_cleanup = ExitStack()
try:
    prepare_environment(_cleanup)
    django.setup()
except BaseException:
    _cleanup.close()
    raise

from tests.server import fresh_server, server  # noqa: E402, F401  (fixtures)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Put out whoever still holds a connection when the test database is to be dropped: PostgreSQL refuses otherwise.

    That is a thread of the code under test which looks at the database now and then, as the directory's does.
    """
    yield
    own = 0 if connection.connection is None or connection.connection.closed else connection.connection.info.backend_pid
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s",
            [connection.settings_dict["NAME"], own],
        )


def pytest_configure(config: pytest.Config) -> None:
    """Let tests interrupt what they start: in the background pytest runs with SIGINT ignored, and hands that down."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the drills, which measure time or kill things and want the machine for themselves; and property tests."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.property)
        if item.path == TIMED:
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("slow") and any(item.path.is_relative_to(path) for path in DRILLS):
            item.add_marker(pytest.mark.alone)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the session's PostgreSQL and remove its folder."""
    _cleanup.close()
