"""Which installation home, journal, lake and database belong to. Compared before anything is written.

PostgreSQL gives each cluster an identifier and refuses anything with another one. Here, each part has the
installation's id. A home that was moved, copied or pointed at the wrong database is noticed before it does harm.
"""

import socket
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection

from eventlane.database import DATABASE_AWAY
from eventlane.embedded_postgres import database_url, holds_database, recorded_folder
from eventlane.installation import JOURNAL_FILES, NAME, Mark, WrongInstallation, read_mark

DOCUMENT = "docs/operations.md, What belongs together"


@dataclass(frozen=True)
class Parts:
    """What each part says about itself, None if nothing."""

    home: Mark | None
    journal: Mark | None
    lake: Mark | None
    database: str | None  # the id stored in it

    def ids(self) -> set[str]:
        """Return all installation ids they name."""
        marks = {mark.installation for mark in (self.home, self.journal, self.lake) if mark}
        return marks | ({self.database} if self.database else set())


def check_installation(*, writes: bool = True) -> None:
    """Raise WrongInstallation unless all parts belong to one installation. Changes nothing; takes 1 ms.

    Readers may use parts that the first start hasn't marked yet.
    """
    parts = read_parts()
    refuse_strangers(parts)
    if not parts.ids():
        return  # no release that writes marks has set up either of them
    if parts.database is None:
        raise refusal(parts, "The database is not this installation's")
    if writes:
        _refuse_unmarked(parts)


def check_at_start() -> None:
    """Like check_installation, but continue while the database is away: whoever opens the lake later compares again."""
    try:
        check_installation()
    except DATABASE_AWAY:
        pass


def read_parts() -> Parts:
    """Read the marks, and the id in the database, which may be empty or from an earlier release."""
    lake = lake_folder()
    return Parts(
        read_mark(settings.EVENTLANE_HOME),
        read_mark(settings.EVENTLANE_JOURNAL),
        read_mark(lake) if lake else None,
        _row("projects_installation", "SELECT id FROM projects_installation"),
    )


def refuse_strangers(parts: Parts) -> None:
    """Raise WrongInstallation if the parts can't belong to one installation, or to one node."""
    if len(parts.ids()) > 1:
        raise WrongInstallation(f"{_places(parts)}\nThese belong to different installations. {_advice()}")
    _refuse_lake_of_another_database(parts)
    _refuse_journal_of_another_node(parts)
    _refuse_copied_node(parts)


def lake_folder() -> Path | None:
    """Return the lake's folder, or None if it is a bucket, which has no mark."""
    path: str = settings.EVENTLANE_LAKE_PATH
    return None if "://" in path else Path(path)


def lake_mark(installation: str) -> Mark:
    """Return what the lake's mark should say."""
    return Mark(installation, database=_database_number(), folder=str(_embedded_folder() or ""))


def refusal(parts: Parts, reason: str) -> WrongInstallation:
    """Return the error that lists the places of all parts, the reason, and what to do."""
    return WrongInstallation(f"{_places(parts)}\n{reason}. {_advice()}")


def lost(parts: Parts, name: str, folder: Path) -> WrongInstallation:
    """Return the error for a part that isn't where it was when this home was set up."""
    return refusal(
        parts,
        f"This home was set up before, but its {name} is not in {folder}: events may be missing. Put it back. If "
        f"it is lost for good, delete {settings.EVENTLANE_HOME / NAME} as well: the next start creates an empty one",
    )


def _refuse_unmarked(parts: Parts) -> None:
    lake = lake_folder()
    if not parts.home:
        raise refusal(parts, "This home is not set up yet: start with `manage.py up` or `manage.py set_up`")
    if not parts.journal:
        raise lost(parts, "journal", settings.EVENTLANE_JOURNAL)
    if lake and not parts.lake:
        raise lost(parts, "lake", lake)


def _refuse_lake_of_another_database(parts: Parts) -> None:
    """Two databases on one lake would mistake each other's files for leftovers.

    A lake inside the home moves with the home, like the embedded database. Otherwise, a restored or copied database is
    recognized by its number, and an embedded one by its folder.
    """
    lake, mark, ours = lake_folder(), parts.lake, _embedded_folder()
    if not (lake and mark and mark.database):
        return
    if ours and (lake.is_relative_to(settings.EVENTLANE_HOME) or mark.folder == str(ours)):
        return
    is_copy = ours and mark.folder and holds_database(Path(mark.folder))
    if mark.database == _database_number() and not is_copy:
        return
    raise WrongInstallation(
        f"{_places(parts)}\nThe lake's files belong to another database: {mark.folder or mark.database}. Two "
        "databases can't share a lake: each would mistake the other's files for leftovers. Nothing was changed. Set "
        "EVENTLANE_LAKE_PATH to this database's own lake. If this database replaces that one for good (moved, or "
        f"restored from its backup), delete {lake / NAME}: the next start compares the contents and writes it again"
    )


def _refuse_journal_of_another_node(parts: Parts) -> None:
    mark, node = parts.journal, settings.EVENTLANE_NODE
    if mark and mark.node and mark.node != node and next(settings.EVENTLANE_JOURNAL.glob(JOURNAL_FILES), None):
        raise WrongInstallation(
            f"{settings.EVENTLANE_JOURNAL} has events of node {mark.node} that aren't sealed yet, but this is "
            f"node {node}: sealed by two nodes, they would be stored twice. Nothing was changed. Set "
            f"EVENTLANE_NODE={mark.node}, or put that node's own journal here"
        )


def _refuse_copied_node(parts: Parts) -> None:
    """A complete copy has its own database. One that shares the database would be the same node twice."""
    if parts.home is None or _embedded_folder():
        return
    query = "SELECT home FROM projects_node WHERE name = %s AND host = %s"
    recorded = _row("projects_node", query, [settings.EVENTLANE_NODE, socket.gethostname()])
    home = settings.EVENTLANE_HOME
    if recorded and not _same(Path(recorded), home) and read_mark(Path(recorded)) == parts.home:
        raise WrongInstallation(
            f"{home} is a copy of {recorded}, and both would be node {settings.EVENTLANE_NODE} of the same database. "
            f"Nothing was changed. To turn the copy into a separate node, delete `node`, `{NAME}` and `journal` in "
            f"{home}. If it replaces {recorded}, delete {recorded}/{NAME}"
        )


def _row(table: str, query: str, parameters: list[str] | None = None) -> str | None:
    """Return the single value that a query finds, or None without table or row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        if cursor.fetchone() != (True,):
            return None
        cursor.execute(query, parameters)
        row = cursor.fetchone()
    return row[0] if row else None


def _database_number() -> str:
    """Return PostgreSQL's number of this database; a restored dump gets another one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid, has_function_privilege('pg_control_system()', 'EXECUTE') FROM pg_database"
            " WHERE datname = current_database()"
        )
        number, allowed = cursor.fetchone()
        if not allowed:
            return f"-/{number}"
        cursor.execute("SELECT system_identifier FROM pg_control_system()")
        return f"{cursor.fetchone()[0]}/{number}"


def _embedded_folder() -> Path | None:
    """Return the folder of the database if it is the embedded one of this home."""
    home = settings.EVENTLANE_HOME
    return (recorded_folder(home) or home / "postgres") if database_url(home) == settings.DATABASE_URL else None


def _same(one: Path, other: Path) -> bool:
    return one == other or (one.exists() and other.exists() and one.samefile(other))


def _places(parts: Parts) -> str:
    database = f"{connection.settings_dict['NAME']} at {connection.settings_dict['HOST'] or 'localhost'}"
    rows = [
        ("home", settings.EVENTLANE_HOME, parts.home and parts.home.installation),
        ("journal", settings.EVENTLANE_JOURNAL, parts.journal and parts.journal.installation),
        ("lake", settings.EVENTLANE_LAKE_PATH, parts.lake and parts.lake.installation),
        ("database", database, parts.database),
    ]
    lines = (f"  {part:<9}{installation or 'no installation':<28}{place}" for part, place, installation in rows)
    return "these don't belong together:\n" + "\n".join(lines)


def _advice() -> str:
    return (
        "Nothing was changed. Set EVENTLANE_HOME, EVENTLANE_LAKE_PATH and DATABASE_URL to parts of one installation, "
        f"or restore what is missing from a backup ({DOCUMENT})"
    )
