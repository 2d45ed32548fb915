"""The mark that says which installation a folder belongs to: the file `installation` in home, journal and lake.

    installation 2x4Yq…          the same in all three and in the database
    node web-3f09a1              only in a journal: the node that wrote it
    database 7712…507/16384      only in a lake: the database with its catalog, by PostgreSQL's numbers
    folder /srv/a/postgres       and its folder, if it is the embedded one

No Django import: the supervisor reads it before there is a database.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "installation"
JOURNAL_FILES = "*.journal"
LAKE_FILES = "*.parquet"


class WrongInstallation(RuntimeError):
    """Parts that don't belong together. The message says what belongs where and what to do; nothing was changed."""


@dataclass(frozen=True)
class Mark:
    """What a folder says about itself."""

    installation: str
    node: str = ""
    database: str = ""
    folder: str = ""


def read_mark(folder: Path) -> Mark | None:
    """Return the folder's mark, or None; raise WrongInstallation for one that is damaged."""
    file = folder / NAME
    try:
        pairs = [line.split(" ", 1) for line in file.read_text().splitlines()]
        return Mark(**dict(pairs))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (TypeError, ValueError):
        raise WrongInstallation(
            f"{file} says which installation the folder belongs to, but it is damaged. Restore it from a backup, or "
            "delete it: the next start then compares the contents and writes it again"
        ) from None


def write_mark(folder: Path, mark: Mark) -> None:
    """Write the folder's mark to disk, creating the folder if needed; leave a correct one alone."""
    if read_mark(folder) == mark:
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = folder / f"{NAME}.{os.getpid()}"
    with draft.open("w") as file:
        file.writelines(f"{name} {value}\n" for name, value in asdict(mark).items() if value)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / NAME)


def events_in(home: Path, lake: Path | None) -> Iterator[str]:
    """Yield a sentence for each of these folders that has events."""
    if next((home / "journal").glob(JOURNAL_FILES), None):
        yield f"{home / 'journal'} has events that are not sealed yet"
    if lake and next(lake.rglob(LAKE_FILES), None):
        yield f"{lake} has sealed events"
