"""Which files of the lake are known to be damaged, from PostgreSQL: a web process needs no DuckDB to say so."""

from pathlib import Path

from events.models import DamagedFile
from projects.installation import lake_folder


def known_damage(*tables: str) -> list[DamagedFile]:
    """Return what is known to be damaged of these tables, or of all, unless it has changed since."""
    folder = lake_folder()
    found = DamagedFile.objects.filter(table_name__in=tables) if tables else DamagedFile.objects.all()
    return [file for file in found.order_by("path") if folder and file_state(folder / file.path) == file.state]


def file_state(file: Path) -> str:
    """Return a text that changes when the file is written, replaced or made readable; empty: it can't be seen."""
    try:
        state = file.stat()
    except OSError:
        return ""
    return f"{state.st_ino} {state.st_size} {state.st_ctime_ns}"
