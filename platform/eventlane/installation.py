"""The mark that says which installation a folder belongs to: a file `installation` in home, journal and lake.

    installation 2x4Yq…          the same in all of them and in the database
    node web-3f09a1              the journal's only: the node whose events are in it
    database 7712…507/16384      the lake's only: the database whose catalog knows its files, as PostgreSQL numbers it
    folder /srv/a/postgres       and where that is, if it is the embedded one

No Django import: the supervisor looks at it before there is a database.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "installation"
JOURNAL_FILES = "*.journal"
LAKE_FILES = "*.parquet"


class WrongInstallation(RuntimeError):
    """Parts that don't belong together. The message says what belongs where, and what to do; nothing was changed."""


@dataclass(frozen=True)
class Mark:
    """What a folder says of itself."""

    installation: str
    node: str = ""
    database: str = ""
    folder: str = ""


def read_mark(folder: Path) -> Mark | None:
    """Return the folder's mark, None when it has none; raise WrongInstallation for one that can't be understood."""
    file = folder / NAME
    try:
        pairs = [line.split(" ", 1) for line in file.read_text().splitlines()]
        return Mark(**dict(pairs))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (TypeError, ValueError):
        raise WrongInstallation(
            f"{file} says which installation the folder belongs to, but it is damaged. Put it back from a backup, or "
            "delete it: then the next start compares the contents and writes it anew"
        ) from None


def write_mark(folder: Path, mark: Mark) -> None:
    """Make the folder if need be, and write its mark, on disk when this returns; one that is right is left alone."""
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
    """Yield what says that events were stored in these folders: one sentence a folder."""
    if next((home / "journal").glob(JOURNAL_FILES), None):
        yield f"{home / 'journal'} holds events that are not sealed yet"
    if lake and next(lake.rglob(LAKE_FILES), None):
        yield f"{lake} holds sealed events"
