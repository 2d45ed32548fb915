"""Files of the lake that can't be read: found when a reader fails on them, and remembered until they are intact again.

They are recorded in PostgreSQL, so that the next reader needn't search, and the console and doctor know them.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import duckdb
from django.conf import settings
from django.db import connection

from eventlane.database import DATABASE_FAILED
from eventlane.one_line import one_line
from events.lake.connection import quoted_text
from events.lake.damaged_files import file_state, known_damage
from events.lake.duckdbs import ProcessEnded, ProcessFailed
from events.lake.files import Fault, KnownFile, find_fault, known_files
from events.models import DamagedFile
from projects.installation import lake_folder

OF_ALL_READERS = ("sealed_files", "sealed_requests")  # which they need besides their dataset's table
NAMED = re.compile(r"ducklake-[0-9a-f-]{36}(?:-delete)?\.parquet")
OF_CATALOG = (duckdb.IOException, duckdb.TransactionException, duckdb.ConnectionException, duckdb.OutOfMemoryException)
OF_PROCESS = (ProcessEnded, ProcessFailed)


def find_damage(tables: Sequence[str], known: Iterable[str], error: duckdb.Error) -> list[DamagedFile]:
    """Return the unreadable files of datasets' tables that may have made a reader fail with `error`, except known ones.

    Files found earlier come first, then those with a wrong size or footer. Otherwise, content is read for at most
    EVENTLANE_QUERY_SECONDS: of the file that the error names, or of all files, newest first.
    """
    folder, known = lake_folder(), set(known)
    if folder is None or not _is_of_a_file(error):
        return []
    try:
        remembered = [file for file in known_damage(*tables, *OF_ALL_READERS) if file.path not in known]
        return remembered or _search(folder, tables, known, str(error))
    except DATABASE_FAILED:
        connection.close()
        return []  # the catalog failed, not a file


def note_damage(folder: Path, faults: Iterable[Fault]) -> list[DamagedFile]:
    """Record these files as damaged."""
    rows = [
        DamagedFile(
            path=fault.path,
            table_name=fault.table_name,
            rows=fault.rows or 0,
            reason=fault.reason,
            state=file_state(folder / fault.path),
        )
        for fault in faults
    ]
    DamagedFile.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["path"],
        update_fields=["table_name", "rows", "reason", "state"],
    )
    return rows


def review_damage(folder: Path) -> list[DamagedFile]:
    """Check all files by existence and size; forget damaged ones that are intact again, and return the rest."""
    files = {file.path: file for file in known_files() if file.in_use}
    DamagedFile.objects.exclude(path__in=[file.path for file in known_damage() if file.path in files]).delete()
    faults = [fault for file in files.values() if (fault := find_fault(folder, file, footers=False))]
    known = set(DamagedFile.objects.values_list("path", flat=True))
    note_damage(folder, [fault for fault in faults if fault.path not in known])
    return known_damage()


def _is_of_a_file(error: duckdb.Error) -> bool:
    """Return whether a file may be to blame. The catalog's own failures are of the same kinds, but name no file."""
    if isinstance(error, OF_PROCESS):
        return False
    return bool(NAMED.search(str(error))) or not isinstance(error, OF_CATALOG)


def _search(folder: Path, tables: Sequence[str], known: set[str], message: str) -> list[DamagedFile]:
    found = sorted(known_files(*tables, *OF_ALL_READERS), key=lambda file: file.path)
    files = [file for file in found if file.in_use and file.path not in known]
    faults = [fault for file in files if (fault := find_fault(folder, file))]
    return note_damage(folder, faults or _unreadable(folder, files, message))


def _unreadable(folder: Path, files: Sequence[KnownFile], message: str) -> Iterator[Fault]:
    """Yield the first file whose content can't be read."""
    end = time.monotonic() + settings.EVENTLANE_QUERY_SECONDS
    names = set(NAMED.findall(message))
    newest_first = sorted(files, key=lambda file: file.file_id, reverse=True)
    for file in newest_first if not names else [file for file in files if Path(file.path).name in names]:
        if time.monotonic() > end:
            return
        if reason := content_error(folder / file.path):
            yield Fault("damaged", file.path, file.table_name, file.rows, reason)
            return


def content_error(file: Path) -> str:
    """Read the whole file; return what is wrong with it, or an empty text."""
    try:
        with open_scanner(file) as scanner:
            scanner.execute("SELECT bit_xor(hash(file)) FROM read_parquet(?) AS file", [str(file)]).fetchall()
    except duckdb.Error as error:
        return one_line(str(error).replace(str(file), file.name))
    return ""


def open_scanner(file: Path) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB that can reach only this file."""
    scanner = duckdb.connect(config={"threads": 1})
    scanner.execute(f"SET allowed_paths = [{quoted_text(str(file))}]")
    scanner.execute("SET enable_external_access = false")
    scanner.execute("SET lock_configuration = true")
    return scanner
