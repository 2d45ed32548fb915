"""Where the lake's files are: at the place in the settings, if they are really there.

DuckLake records the place in its catalog at creation and refuses any other afterwards. But users move EVENTLANE_HOME or
restore a backup elsewhere. What must not happen: a node with a wrong setting quietly writes files where other nodes
don't find them, or mistakes an unmounted disk for an empty lake.
"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from eventlane.installation import LAKE_FILES, WrongInstallation
from projects.installation import check_installation, lake_folder

NEWEST_FILES = 20  # one of these must exist; all of them are lost only together with their folder


class LakeElsewhere(WrongInstallation):
    """The catalog's files are not where EVENTLANE_LAKE_PATH says."""


def data_path_options(*, writes: bool) -> str:
    """Return the options of ATTACH with the data path; raise WrongInstallation."""
    check_installation(writes=writes)
    path = settings.EVENTLANE_LAKE_PATH.rstrip("/") + "/"
    options = "DATA_PATH '{}'".format(path.replace("'", "''"))
    folder = lake_folder()
    recorded = _recorded_path()
    if recorded is None:
        if folder:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return options
    if folder and not folder.is_dir():
        raise LakeElsewhere(
            f"the lake is not there: {folder} is not a folder, but the catalog knows of files in {recorded}. "
            "Put it back, or set EVENTLANE_LAKE_PATH to where it is; nothing was changed"
        )
    if recorded == path:
        return options
    newest = newest_files()
    if newest and not (folder and holds_one_of(folder, newest)):  # only DuckDB could look into a bucket
        raise LakeElsewhere(
            f"the events are in {recorded}, and {path} doesn't contain {newest[0]}: "
            "set EVENTLANE_LAKE_PATH to where they are, or move them there"
        )
    return f"{options}, OVERRIDE_DATA_PATH true"


def has_catalog() -> bool:
    """Return whether a lake was ever created."""
    return _recorded_path() is not None


def newest_files() -> list[str]:
    """Return the names of the newest files in the catalog; empty if there are none."""
    schema = connection.ops.quote_name(settings.EVENTLANE_LAKE_SCHEMA)
    rows = _rows(
        "ducklake_data_file",
        f"SELECT path FROM {schema}.ducklake_data_file WHERE end_snapshot IS NULL"
        f" ORDER BY data_file_id DESC LIMIT {NEWEST_FILES}",
    )
    return [path.rpartition("/")[2] for (path,) in rows]


def holds_one_of(folder: Path, names: list[str]) -> bool:
    """Return whether one of these files is somewhere below a folder."""
    return any(path.name in names for path in folder.rglob(LAKE_FILES))


def _recorded_path() -> str | None:
    """Return the catalog's data path, or None without a catalog."""
    schema = connection.ops.quote_name(settings.EVENTLANE_LAKE_SCHEMA)
    rows = _rows("ducklake_metadata", f"SELECT value FROM {schema}.ducklake_metadata WHERE key = 'data_path'")
    return rows[0][0] if rows else None


def _rows(table: str, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query on a table of the catalog; none without the table."""
    with connection.cursor() as cursor:
        schema = connection.ops.quote_name(settings.EVENTLANE_LAKE_SCHEMA)
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{schema}.{table}"])
        if cursor.fetchone() != (True,):
            return []
        cursor.execute(query)
        return cursor.fetchall()
