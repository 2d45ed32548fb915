"""Which installation home, journal, lake and database belong to: read, and compared before anything is written.

PostgreSQL gives every cluster an identifier and refuses what carries another. Here each part carries the
installation's id, and a home that was moved, copied or set to the wrong database is noticed before it does harm.
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
    """What each part says of itself; None where it says nothing."""

    home: Mark | None
    journal: Mark | None
    lake: Mark | None
    database: str | None  # the id in it

    def ids(self) -> set[str]:
        """Return the ids of installations that they name."""
        marks = {mark.installation for mark in (self.home, self.journal, self.lake) if mark}
        return marks | ({self.database} if self.database else set())


def check_installation(*, writes: bool = True) -> None:
    """Raise WrongInstallation unless all parts are one installation's. Changes nothing, and costs 1 ms.

    Who only reads may use what the first start hasn't marked yet.
    """
    parts = read_parts()
    refuse_strangers(parts)
    if not parts.ids():
        return  # neither was ever set up by a release that marks them
    if parts.database is None:
        raise refusal(parts, "The database is not this installation's")
    if writes:
        _refuse_unmarked(parts)


def check_at_start() -> None:
    """As check_installation, but go on while the database is away: who opens the lake later compares again."""
    try:
        check_installation()
    except DATABASE_AWAY:
        pass


def read_parts() -> Parts:
    """Read the marks, and the id in the database, which may be empty or of an earlier release."""
    lake = lake_folder()
    return Parts(
        read_mark(settings.EVENTLANE_HOME),
        read_mark(settings.EVENTLANE_JOURNAL),
        read_mark(lake) if lake else None,
        _row("projects_installation", "SELECT id FROM projects_installation"),
    )


def refuse_strangers(parts: Parts) -> None:
    """Raise WrongInstallation when what the parts say can't be true of one installation, or of one node."""
    if len(parts.ids()) > 1:
        raise WrongInstallation(f"{_places(parts)}\nThese are of different installations. {_advice()}")
    _refuse_lake_of_another_database(parts)
    _refuse_journal_of_another_node(parts)
    _refuse_copied_node(parts)


def lake_folder() -> Path | None:
    """Return the lake's folder; None when it is in a bucket, which holds no mark."""
    path: str = settings.EVENTLANE_LAKE_PATH
    return None if "://" in path else Path(path)


def lake_mark(installation: str) -> Mark:
    """Return what the lake's mark has to say."""
    return Mark(installation, database=_database_number(), folder=str(_embedded_folder() or ""))


def refusal(parts: Parts, reason: str) -> WrongInstallation:
    """Return the error that shows where everything is, gives the reason, and says what to do."""
    return WrongInstallation(f"{_places(parts)}\n{reason}. {_advice()}")


def lost(parts: Parts, name: str, folder: Path) -> WrongInstallation:
    """Return the error for a part that isn't where it was when this home was set up."""
    return refusal(
        parts,
        f"This home was set up before, but its {name} is not in {folder}: events may be missing. Put it back there. If "
        f"it is lost for good, delete {settings.EVENTLANE_HOME / NAME}, too: then the next start makes an empty one",
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
    """Two databases on one lake would take each other's files for leftovers.

    A lake in the home goes where the home goes, and so does the embedded database. Else a database that was restored
    or copied is told from the one that wrote the mark: by its number, the embedded one by its folder.
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
        "databases can't share a lake: each would take the other's files for leftovers. Nothing was changed. Set "
        "EVENTLANE_LAKE_PATH to this database's own lake. If this database replaces that one for good (moved, or "
        f"restored from its backup), delete {lake / NAME}: the next start compares the contents and writes it anew"
    )


def _refuse_journal_of_another_node(parts: Parts) -> None:
    mark, node = parts.journal, settings.EVENTLANE_NODE
    if mark and mark.node and mark.node != node and next(settings.EVENTLANE_JOURNAL.glob(JOURNAL_FILES), None):
        raise WrongInstallation(
            f"{settings.EVENTLANE_JOURNAL} holds events of the node {mark.node} that aren't sealed yet, but this is "
            f"the node {node}: sealed by two nodes, they would be stored twice. Nothing was changed. Set "
            f"EVENTLANE_NODE={mark.node}, or put that node's own journal here"
        )


def _refuse_copied_node(parts: Parts) -> None:
    """A complete copy has a database of its own; one that shares the database would be the same node twice."""
    if parts.home is None or _embedded_folder():
        return
    query = "SELECT home FROM projects_node WHERE name = %s AND host = %s"
    recorded = _row("projects_node", query, [settings.EVENTLANE_NODE, socket.gethostname()])
    home = settings.EVENTLANE_HOME
    if recorded and not _same(Path(recorded), home) and read_mark(Path(recorded)) == parts.home:
        raise WrongInstallation(
            f"{home} is a copy of {recorded}, and both would be the node {settings.EVENTLANE_NODE} of one database. "
            f"Nothing was changed. To make a node of its own of the copy, delete `node`, `{NAME}` and `journal` in "
            f"{home}. If it replaces {recorded}, delete {recorded}/{NAME}"
        )


def _row(table: str, query: str, parameters: list[str] | None = None) -> str | None:
    """Return the one value that a query finds, None without table or row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
        if cursor.fetchone() != (True,):
            return None
        cursor.execute(query, parameters)
        row = cursor.fetchone()
    return row[0] if row else None


def _database_number() -> str:
    """Return what PostgreSQL knows this database by; a dump that is restored gets another."""
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
    """Return where the database is if it is the embedded one of this home."""
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
