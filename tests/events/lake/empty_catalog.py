"""The catalog of a lake in which nothing is sealed yet, for each test that wants one, in a twentieth of the time."""

from functools import cache
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.test import override_settings

from events.lake.connection import Lake
from events.lake.data_path import has_catalog

TEMPLATE = "lake_template"


def make_catalog() -> None:
    """Make what the lake's first writer makes, if it isn't there."""
    if has_catalog():
        return
    path, schema = settings.EVENTLANE_LAKE_PATH, settings.EVENTLANE_LAKE_SCHEMA
    Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
    names = _template_tables()
    statements = [f'CREATE SCHEMA "{schema}"']
    for name in names:
        statements += [
            f'CREATE TABLE "{schema}".{name} (LIKE {TEMPLATE}.{name} INCLUDING ALL)',
            f'INSERT INTO "{schema}".{name} TABLE {TEMPLATE}.{name}',
        ]
    statements.append(f"UPDATE \"{schema}\".ducklake_metadata SET value = '{path}/' WHERE key = 'data_path'")
    with connection.cursor() as cursor:
        cursor.execute(";".join(statements))


@cache
def _template_tables() -> list[str]:
    """Have a writer make the template, once in this process and its database; return the names of its tables."""
    with override_settings(EVENTLANE_LAKE_SCHEMA=TEMPLATE):
        Lake().close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [TEMPLATE])
        return [name for (name,) in cursor.fetchall()]
