"""What a start does about the installation: find out which one this is, and mark its parts.

Parts without a mark (of a new installation, of a new node, or of a release that made none) are told by what is in
them. Nothing is written before all of them fit.
"""

import socket
from pathlib import Path

from django.conf import settings
from django.db import transaction

from eventlane.ids import new_id
from eventlane.installation import Mark, events_in, write_mark
from events.lake.data_path import holds_one_of, newest_files
from projects.first_start import is_empty_database
from projects.installation import Parts, lake_folder, lake_mark, lost, read_parts, refusal, refuse_strangers
from projects.models import Installation, Node


def find_installation() -> str:
    """Return the id of the installation that all parts belong to, a new one for a new one; raise WrongInstallation.

    Changes nothing, and works before the database is migrated.
    """
    parts = read_parts()
    if parts.database is None:
        _refuse_empty_database(parts)
    refuse_strangers(parts)
    if parts.home and not parts.journal:
        raise lost(parts, "journal", settings.EVENTLANE_JOURNAL)
    if lake := lake_folder():
        _refuse_other_lake(parts, lake)
    return next(iter(parts.ids()), None) or new_id()


@transaction.atomic
def record_installation(installation: str) -> None:
    """Write the id into the database, and where this node is."""
    Installation.objects.get_or_create(row=1, defaults={"id": installation})
    place = {"host": socket.gethostname(), "home": str(settings.EVENTLANE_HOME)}
    Node.objects.update_or_create(name=settings.EVENTLANE_NODE, defaults=place)


def mark_folders(installation: str) -> None:
    """Mark lake, journal and home, the home last: it says that the others are marked."""
    if lake := lake_folder():
        write_mark(lake, lake_mark(installation))
    write_mark(settings.EVENTLANE_JOURNAL, Mark(installation, node=settings.EVENTLANE_NODE))
    write_mark(settings.EVENTLANE_HOME, Mark(installation))


def _refuse_other_lake(parts: Parts, lake: Path) -> None:
    """Refuse an unmarked lake, or one beside an unmarked database, that the catalog's files aren't in.

    In a home that was set up there was a mark; an empty folder without one may be where a disk is not mounted.
    """
    if parts.lake and parts.database:
        return
    files = newest_files()
    if files and not holds_one_of(lake, files):
        reason = f"The catalog in the database knows of {files[0]} and others; {lake} holds none of the newest"
        raise refusal(parts, reason)
    if not files and parts.home and not parts.lake:
        raise lost(parts, "lake", lake)


def _refuse_empty_database(parts: Parts) -> None:
    """Refuse to fill an empty database for folders that have a past."""
    if not is_empty_database():
        return
    signs = list(events_in(settings.EVENTLANE_HOME, lake_folder()))
    if parts.ids() or signs:
        reason = "; ".join(["The database is empty, but the folders are not new", *signs])
        raise refusal(parts, f"{reason}. To begin anew, use an empty EVENTLANE_HOME and an empty lake folder")
