"""Where the lake's files are: what the setting says, if they are really there.

DuckLake writes the place into its catalog when it is made, and from then on refuses another. But a user moves
EVENTLANE_HOME, or restores a backup elsewhere. What must not happen is that a node whose setting is wrong
quietly writes files where the other nodes don't find them.
"""

from pathlib import Path

from django.conf import settings
from django.db import connection


class LakeElsewhere(Exception):
    """The catalog's files are not where EVENTLANE_LAKE_PATH says."""


def data_path_options() -> str:
    """Return the options of ATTACH that name the data path; raise LakeElsewhere."""
    path = settings.EVENTLANE_LAKE_PATH.rstrip("/") + "/"
    if "://" not in path:
        Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
    options = "DATA_PATH '{}'".format(path.replace("'", "''"))
    recorded, newest = _catalog_says()
    if recorded in (None, path):
        return options
    if newest is not None and not _holds(path, newest):
        raise LakeElsewhere(
            f"the events are in {recorded}, and {path} doesn't hold {newest}: "
            "set EVENTLANE_LAKE_PATH to where they are, or move them there"
        )
    return f"{options}, OVERRIDE_DATA_PATH true"


def _catalog_says() -> tuple[str | None, str | None]:
    """Return the catalog's data path and the name of its newest file, each None when there is none."""
    schema = connection.ops.quote_name(settings.EVENTLANE_LAKE_SCHEMA)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{schema}.ducklake_metadata"])
        if cursor.fetchone() != (True,):
            return None, None
        cursor.execute(f"SELECT value FROM {schema}.ducklake_metadata WHERE key = 'data_path'")
        recorded = cursor.fetchone()
        cursor.execute(
            f"SELECT path FROM {schema}.ducklake_data_file WHERE end_snapshot IS NULL"
            " ORDER BY data_file_id DESC LIMIT 1"
        )
        newest = cursor.fetchone()
    return recorded and recorded[0], newest and newest[0].rpartition("/")[2]


def _holds(path: str, name: str) -> bool:
    """Tell whether a file of this name lies anywhere below a folder; in a bucket, only DuckDB could look."""
    return "://" not in path and any(Path(path).rglob(name))
