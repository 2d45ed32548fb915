"""The files of the lake known to be damaged, from PostgreSQL: a web process needs no DuckDB to show them."""

from pathlib import Path

from events.models import DamagedFile
from projects.installation import lake_folder


def known_damage(*tables: str) -> list[DamagedFile]:
    """Return the known damaged files of these tables, or of all, except files that have changed since."""
    folder = lake_folder()
    found = DamagedFile.objects.filter(table_name__in=tables) if tables else DamagedFile.objects.all()
    return [file for file in found.order_by("path") if folder and file_state(folder / file.path) == file.state]


def file_state(file: Path) -> str:
    """Return a text that changes if the file is written, replaced or made readable; empty if it can't be seen."""
    try:
        state = file.stat()
    except OSError:
        return ""
    return f"{state.st_ino} {state.st_size} {state.st_ctime_ns}"
