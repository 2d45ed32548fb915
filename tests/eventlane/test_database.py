"""The errors that say that PostgreSQL is away, as they come out of a real one."""

import re
from pathlib import Path

import psycopg
import pytest
from django.db import ProgrammingError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from eventlane.database import DATABASE_AWAY, DATABASE_FAILED, is_contention

ROOT = Path(__file__).resolve().parents[2]


def another(**options: object) -> BaseDatabaseWrapper:
    """Return a connection to the same database that shares nothing with the tests' own."""
    found = connection.copy(alias="another")
    found.settings_dict = {**found.settings_dict, "OPTIONS": found.settings_dict["OPTIONS"] | options}
    return found


def test_server_that_does_not_answer(tmp_path: Path, transactional_db: None) -> None:
    nowhere = another(pool=False)
    nowhere.settings_dict |= {"HOST": str(tmp_path), "PORT": 1}
    with pytest.raises(DATABASE_AWAY):
        nowhere.ensure_connection()


def test_pool_without_a_connection_to_give(transactional_db: None) -> None:
    first, second = (another(pool={"min_size": 0, "max_size": 1, "timeout": 0.1}) for _ in range(2))
    first.ensure_connection()
    try:
        with pytest.raises(DATABASE_AWAY, match="couldn't get a connection"):
            second.ensure_connection()
    finally:
        first.close()
        first.close_pool()


def test_connection_that_breaks_off(transactional_db: None) -> None:
    broken = another(pool=False)
    with broken.cursor() as cursor, pytest.raises(DATABASE_AWAY):
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with pytest.raises(DATABASE_AWAY):
        broken.cursor()
    broken.close()


def test_server_that_refuses_is_not_away(transactional_db: None) -> None:
    with pytest.raises(ProgrammingError) as caught, connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    assert isinstance(caught.value, DATABASE_FAILED) and not isinstance(caught.value, DATABASE_AWAY)


def test_transaction_that_gave_way_to_another() -> None:
    error = ProgrammingError()
    error.__cause__ = psycopg.errors.DeadlockDetected()
    assert is_contention(error)
    error.__cause__ = psycopg.errors.CannotConnectNow()
    assert not is_contention(error) and not is_contention(ValueError())


def test_nobody_else_lists_these_errors() -> None:
    own = re.compile(
        r"^from (django\.db|psycopg_pool)(\.\w+)* import .*\b(InterfaceError|OperationalError|PoolTimeout)\b", re.M
    )
    houses = [ROOT / name for name in ("platform", "projects", "pipelines", "events")]
    found = [file for house in houses for file in house.rglob("*.py") if own.search(file.read_text())]
    assert [file.name for file in found] == ["database.py"]
