"""Runs before Django is configured: gives the session a PostgreSQL and a scratch EVENTLANE_HOME of its own.

`database` tests use pytest-django as usual (`db`, `transactional_db`). Tests of the whole running platform use the
fixtures of tests/server.py, which are here for every folder: `server`, `fresh_server`.
"""

import gc
import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import django
import hypothesis
import psycopg
import pytest
from django.db import connection

from tests.postgres import delete_all_rows, migrated_database, prepare_environment

SLOW_FIXTURES = {"node", "server", "fresh_server", "podman"}  # a real lake, a running platform, real containers

hypothesis.settings.register_profile(
    "unhurried", deadline=None
)  # how long an example takes says how busy the machine is
hypothesis.settings.load_profile("unhurried")
hypothesis.settings.register_profile("nightly", max_examples=2000, deadline=None)

gc.disable()  # until all tests are collected: what they import stays
_cleanup = ExitStack()
try:
    prepare_environment(_cleanup)
    django.setup()
except BaseException:
    _cleanup.close()
    raise

from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402
from django.test import TransactionTestCase  # noqa: E402
from whitenoise.middleware import WhiteNoiseMiddleware  # noqa: E402

from tests.server import fresh_server, server  # noqa: E402, F401  (fixtures)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Have the test database copied from one that is migrated: each process of a run needs one."""
    connection.settings_dict["TEST"]["TEMPLATE"] = migrated_database()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Disconnect everyone before the test database is dropped: otherwise, PostgreSQL refuses to drop it.

    That is a thread of the code under test which looks at the database now and then, as the directory's does.
    """
    yield
    own = 0 if connection.connection is None or connection.connection.closed else connection.connection.info.backend_pid
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        database.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> %s",
            [connection.settings_dict["NAME"], own],
        )


@pytest.fixture(scope="session", autouse=True)
def static_files_listed_once() -> Iterator[None]:
    """Let all test clients share the list of static files: otherwise, WhiteNoise builds it for each, in 25 ms."""
    list_files, listed = WhiteNoiseMiddleware.add_files_from_finders, {}

    def list_once(middleware: WhiteNoiseMiddleware) -> None:
        if not listed:
            list_files(middleware)
            listed.update(middleware.files)
        middleware.files.update(listed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", list_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def cheap_password_hashes() -> Iterator[None]:
    """Hash passwords as the platform does, in one round instead of a million."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PBKDF2PasswordHasher, "iterations", 1)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_flush() -> Iterator[None]:
    """Delete the rows of transactional tests, in 5 ms.

    Django truncates every table and makes all permissions and content types anew, in 150 ms or more.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda test_case: delete_all_rows())
        yield


def pytest_configure(config: pytest.Config) -> None:
    """Let tests interrupt what they start: in the background pytest runs with SIGINT ignored, and hands that down."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark property tests, and as slow what is a drill, or needs a real lake or platform, or the machine for itself.

    What is for the night is left out unless `-m` names it.
    """
    if "nightly" not in config.getoption("markexpr"):
        nightly = [item for item in items if item.get_closest_marker("nightly")]
        config.hook.pytest_deselected(items=nightly)
        items[:] = [item for item in items if item not in nightly]
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.property)
        if _is_slow(item):
            item.add_marker(pytest.mark.slow)


def _is_slow(item: pytest.Item) -> bool:
    if item.get_closest_marker("alone") or item.get_closest_marker("drill"):
        return True
    needs_much = not SLOW_FIXTURES.isdisjoint(getattr(item, "fixturenames", ()))
    return needs_much and not item.get_closest_marker("quick")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Look for garbage only in what tests make: looking through the tests and modules takes a twentieth of the time."""
    gc.freeze()
    gc.enable()


lost_processes = []


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Note when one of the processes that run tests is lost: the tests that it had left never run."""
    if error:
        lost_processes.append(node)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """End with another status than failed tests have after the loss of a process."""
    if lost_processes:
        session.exitstatus = pytest.ExitCode.INTERNAL_ERROR


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the session's PostgreSQL and remove its folder."""
    _cleanup.close()
