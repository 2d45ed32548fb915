"""Make the gram files of the Parquet files that have none."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from events.lake.conditions import SEARCHED_COLUMNS
from events.lake.connection import Lake, quoted_text
from events.lake.files import KnownFile, known_files
from events.lake.gram_files import Block, BlockBuilder, grams_path, write_grams
from events.lake.pieces import PIECES, WHOLE

MIN_BYTES = 64 * 1024  # a smaller file is read faster than two

ROWS_AT_ONCE = 2048
# What conditions look at: an event's text, with escapes and without; and columns, whose text may differ from it.
UNESCAPED = r"CASE WHEN contains(event, '\') THEN json(plain(event))::VARCHAR END"
NOT_IN_EVENT = "CASE WHEN NOT contains(event, {0}) THEN {0} END"


def files_without_grams(folder: Path) -> list[KnownFile]:
    """Return the files of events in use that have no gram file, and are large enough for one, the newest first."""
    files = [
        file
        for file in known_files()
        if file.kind == "data" and file.in_use and file.bytes >= MIN_BYTES and file.table_name.startswith("events_")
    ]
    lacking = [file for file in files if not grams_path(folder / file.path).exists()]
    return sorted(lacking, key=lambda file: file.file_id, reverse=True)


def make_grams(lake: Lake, folder: Path, file: KnownFile) -> None:
    """Make the gram file of one Parquet file; raises duckdb.Error, OSError or pa.ArrowException if it can't be read."""
    path = folder / file.path
    metadata = pq.read_metadata(path)
    names = metadata.schema.names
    batches = _Batches(_texts(lake, path, names))
    places = [names.index(name) for name in ("event", *PIECES, *SEARCHED_COLUMNS) if name in names]
    blocks = []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        size = sum(group.column(place).total_uncompressed_size for place in places)
        blocks.append(_block(batches, group.num_rows, size))
    write_grams(path, file.bytes, file.rows, blocks)


def searched_text(columns: Sequence[str]) -> str:
    """Return the expression of all text in which conditions look for clauses: every clause that holds is in it."""
    parts = ["event", UNESCAPED, *(NOT_IN_EVENT.format(name) for name in columns)]
    return f"lower(concat_ws(chr(10), {', '.join(parts)}))"


def _texts(lake: Lake, path: Path, names: Collection[str]) -> Iterator[pa.RecordBatch]:
    """Yield the times and texts of a file's rows in their order; it has columns with these names."""
    searched = [name for name in SEARCHED_COLUMNS if name in names]
    event = f"{WHOLE} AS event" if PIECES.keys() <= set(names) else "event"
    columns = ", ".join(["received_time", event, *searched])
    rows = f"SELECT {columns} FROM read_parquet({quoted_text(str(path))})"
    result = lake.stream(f"SELECT epoch_us(received_time) AS us, {searched_text(searched)} AS text FROM ({rows})")
    yield from result.to_arrow_reader(ROWS_AT_ONCE)


def _block(batches: "_Batches", rows: int, text_bytes: int) -> Block:
    builder = BlockBuilder(text_bytes)
    times = []
    for batch in batches.take(rows):
        builder.add(batch["text"])
        bounds = pc.min_max(batch["us"]).as_py()
        times += [bounds["min"], bounds["max"]]
    return builder.block(min(times), max(times))


class _Batches:
    """Rows that are taken as many at a time as a row group has."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._left: pa.RecordBatch | None = None

    def take(self, rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the next rows."""
        while rows:
            batch = self._left or next(self._batches)
            taken = batch.slice(0, rows)
            self._left = batch.slice(rows) if len(batch) > rows else None
            rows -= len(taken)
            yield taken
