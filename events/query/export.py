"""All events that a query matches, written to a file in constant memory (docs/query.md).

A file, and not straight to whoever asked: a damaged file of the lake may be found in the middle, and then the export
starts again without it. And a client that reads slowly must not hold a DuckDB, nor a snapshot of the lake.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import duckdb
import pyarrow as pa
from django.conf import settings

from eventlane.configuration import MIB
from eventlane.free_space import FreeSpace
from eventlane.wire.errors import ApiError, InvalidRequestBody, Problem
from events.lake.columns import EVENT_COLUMNS
from events.lake.connection import Lake, spill_folder
from events.lake.partial import read_around
from events.lake.snapshot import Snapshot, open_snapshot, promoted_fields
from events.models import Dataset
from events.query.answer import Statistics
from events.query.body import MEMBERS, read_query
from events.query.compiled import Statement, matched_statement
from events.query.files import files_of
from events.query.measure import measure
from events.query.model import SELECTING, Query
from events.query.needles import where_of
from events.query.run import QueryTooLarge
from events.query.values import TIME_FORMAT

GROUP_BYTES = 32 * MIB  # of a row group of Parquet, in memory
READ = {"UUID": "{0}::VARCHAR AS {0}", "VARCHAR": "plain({0}) AS {0}"}  # by type of a column
COLUMNS = ", ".join(["dataset", *(READ.get(kind, "{0}").format(name) for name, kind in EVENT_COLUMNS.items())])
ONE_LINE = "replace(replace(plain(event), chr(10), ' '), chr(13), ' ')"  # line ends can only stand between tokens
LINE = (
    """concat('{"id": "', id, '", "dataset": ', to_json(dataset)"""
    f""", ', "received_time": "', strftime(received_time, '{TIME_FORMAT}')"""
    f""", '", "event_time": "', strftime(event_time, '{TIME_FORMAT}'), '", "namespace": ', to_json(plain(namespace))"""
    f""", ', "service": ', coalesce(to_json(plain(service))::VARCHAR, 'null'), ', "event": ', {ONE_LINE}, '}}')"""
)


class NoDiskSpace(ApiError):
    """The export takes more disk space than the server can spare. Ask for a shorter time."""

    status, code = 503, "no_disk_space"


def read_export(body: Any, *, now_us: int) -> tuple[Query, str]:
    """Return the query of a body, and the format; raise InvalidRequestBody or InvalidSearchLine."""
    if not isinstance(body, Mapping):
        return read_query(body, now_us=now_us), ""
    chosen = body.get("format") or "ndjson"
    known = isinstance(chosen, str) and chosen in FORMATS
    problems = [] if known else [Problem("/format", f"must be {' or '.join(FORMATS)}")]
    problems += [
        Problem(f"/{name}", "an export has all events that match, in no order")
        for name in body
        if name in MEMBERS and name not in SELECTING and body[name] is not None
    ]
    if problems:
        raise InvalidRequestBody(problems)
    return read_query({name: value for name, value in body.items() if name != "format"}, now_us=now_us), chosen


def new_export_file() -> BinaryIO:
    """Return a file without a name, which is gone when it is closed."""
    spill_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=spill_folder())


def export(lake: Lake, datasets: Sequence[Dataset], query: Query, file_format: str, file: BinaryIO) -> Statistics:
    """Write all events that match to a file, without those in damaged files, and go back to its start.

    The first one has to be found within EVENTLANE_QUERY_SECONDS. Raises QueryTimeout, QueryTooLarge, NoDiskSpace.
    """

    def write(lake: Lake) -> Statistics:
        file.seek(0)
        file.truncate()
        with open_snapshot(lake, datasets, where_of(query), promoted=promoted_fields(datasets)) as snapshot:
            statistics = measure(snapshot, query, files_of(snapshot, query))
            FORMATS[file_format](snapshot, matched_statement(query, snapshot), _Checked(file))
        return statistics

    try:
        statistics, left_out = read_around(lake, [one.table_name for one in datasets], write)
    except duckdb.OutOfMemoryException:
        raise QueryTooLarge from None
    statistics.add_left_out(left_out)
    file.seek(0)
    return statistics


class _Checked:
    """A file to write to as long as EVENTLANE_MIN_FREE_MB stay free: events that come in need the disk, too."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._space = FreeSpace([spill_folder()], settings.EVENTLANE_MIN_FREE_MB * MIB)

    def write(self, data: Any) -> int:
        if self._space.shortage():
            raise NoDiskSpace
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self._file.tell()


def _write_ndjson(snapshot: Snapshot, found: Statement, file: Any) -> None:
    for batch in snapshot.batches(f"SELECT {LINE} AS line FROM ({found.sql})", found.parameters):
        file.write("".join(f"{line}\n" for line in batch.column(0).to_pylist()).encode())


def _write_parquet(snapshot: Snapshot, found: Statement, file: Any) -> None:
    import pyarrow.parquet as pq  # imported here: it takes 0.1 s, which exports of lines do without

    batches = snapshot.batches(f"SELECT {COLUMNS} FROM ({found.sql})", found.parameters)
    with pq.ParquetWriter(file, next(batches).schema, compression="zstd") as writer:
        for group in _in_groups(batches):
            writer.write_table(pa.Table.from_batches(group))


def _in_groups(batches: Iterator[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    """Put batches together to row groups. A writer keeps some KB of each until the end, so there must not be many."""
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        if sum(one.nbytes for one in group) >= GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


FORMATS: dict[str, Callable[[Snapshot, Statement, Any], None]] = {"ndjson": _write_ndjson, "parquet": _write_parquet}
