"""What a start does about the installation: find out which one it is, and mark its parts.

Unmarked parts (of a new installation, a new node, or a release that made no marks) are recognized by their contents.
Nothing is written before all parts match.
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
    """Return the id of the installation that all parts belong to, or a new id; raise WrongInstallation.

    Changes nothing. Works before the database is migrated.
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
    """Record the id in the database, and where this node is."""
    Installation.objects.get_or_create(row=1, defaults={"id": installation})
    place = {"host": socket.gethostname(), "home": str(settings.EVENTLANE_HOME)}
    Node.objects.update_or_create(name=settings.EVENTLANE_NODE, defaults=place)


def mark_folders(installation: str) -> None:
    """Mark lake, journal and home. The home comes last: its mark says that the others are marked."""
    if lake := lake_folder():
        write_mark(lake, lake_mark(installation))
    write_mark(settings.EVENTLANE_JOURNAL, Mark(installation, node=settings.EVENTLANE_NODE))
    write_mark(settings.EVENTLANE_HOME, Mark(installation))


def _refuse_other_lake(parts: Parts, lake: Path) -> None:
    """Refuse an unmarked lake, or one beside an unmarked database, that lacks the catalog's files.

    In a home that was set up, the lake had a mark: an empty folder without one may be the mount point of a missing
    disk.
    """
    if parts.lake and parts.database:
        return
    files = newest_files()
    if files and not holds_one_of(lake, files):
        reason = f"The catalog in the database knows of {files[0]} and others; {lake} has none of the newest"
        raise refusal(parts, reason)
    if not files and parts.home and not parts.lake:
        raise lost(parts, "lake", lake)


def _refuse_empty_database(parts: Parts) -> None:
    """Refuse to fill an empty database beside folders that have been used."""
    if not is_empty_database():
        return
    signs = list(events_in(settings.EVENTLANE_HOME, lake_folder()))
    if parts.ids() or signs:
        reason = "; ".join(["The database is empty, but the folders are not new", *signs])
        raise refusal(parts, f"{reason}. To start afresh, use an empty EVENTLANE_HOME and an empty lake folder")
