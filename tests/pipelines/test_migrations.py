"""A database of the release that had one app for projects and pipelines goes on with two."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from eventlane.configuration import ROOT
from eventlane.embedded_postgres import installed_binaries

RELEASE = Path(__file__).parent / "data/release.sql"  # made with pg_dump: four pipelines, an identity, a hook
LOG_ENTRY = """
INSERT INTO django_admin_log
(action_time, object_id, object_repr, action_flag, change_message, content_type_id, user_id)
SELECT now(), 'x', 'x', 1, '', content_type.id, account.id
FROM django_content_type AS content_type, projects_account AS account
WHERE (content_type.app_label, content_type.model) = ('projects', 'pipeline')
"""


@pytest.fixture
def database() -> Iterator[psycopg.Connection]:
    """Yield a connection to a database as that release left it."""
    address, _, query = os.environ["DATABASE_URL"].partition("?")
    url = f"{address.rpartition('/')[0]}/of_a_release" + (f"?{query}" if query else "")
    name = sql.Identifier("of_a_release")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(name))
        try:
            psql = [installed_binaries() / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", RELEASE]
            subprocess.run(psql, check=True, stdout=subprocess.DEVNULL)
            with psycopg.connect(url, autocommit=True) as connection:
                yield connection
        finally:
            server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def manage(database: psycopg.Connection, *words: str) -> str:
    url = (
        f"postgresql://{database.info.user}:{database.info.password}@/{database.info.dbname}?host={database.info.host}"
    )
    environment = os.environ | {"DATABASE_URL": f"{url}&port={database.info.port}"}
    command = [sys.executable, str(ROOT / "manage.py"), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tables(database: psycopg.Connection) -> dict[str, tuple[int, int]]:
    """Return identity and place on disk of every table: a rewritten one gets another place."""
    rows = database.execute("SELECT relname, oid, relfilenode FROM pg_class WHERE relkind = 'r' AND oid >= 16384")
    return {name: (oid, place) for name, oid, place in rows}


@pytest.mark.slow
def test_pipelines_of_the_last_release_are_there_and_no_table_was_rewritten(database: psycopg.Connection) -> None:
    database.execute(LOG_ENTRY)
    before = tables(database)

    manage(database, "migrate")

    after = tables(database)
    assert {name: after.get(name) for name in before} == before
    assert sorted(name for name in after if "pipeline" in name) == ["projects_pipeline"]
    lines = manage(database, "pipelines").splitlines()
    assert len([line for line in lines if "greetings" in line]) == 3
    assert len([line for line in lines if "failing" in line and "failed" in line]) == 1
    entry = "SELECT app_label FROM django_admin_log JOIN django_content_type AS kind ON kind.id = content_type_id"
    assert database.execute(entry).fetchall() == [("pipelines",)]
