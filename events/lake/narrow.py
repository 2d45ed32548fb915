"""Where in a dataset's table an event can be that holds certain texts: spans of received time, by the gram files.

Spans, and not files or row groups: DuckLake opens a file that a condition on its name excludes. By bounds of time it
leaves out both. Whatever is outside a span is known not to match, so it does no harm that other files and rows may have
times within one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from events.lake.conditions import Clause
from events.lake.connection import PARQUET_OPTIONS, Lake, catalog_schema, quoted_name
from events.lake.files import PLACE
from events.lake.gram_files import Damaged, grams_path, times_that_may_hold
from events.lake.grams import Grams, grams_of
from events.lake.unsealed import Span
from projects.installation import lake_folder

GROUP_ROWS = int(PARQUET_OPTIONS["parquet_row_group_size"])
MAX_SPANS = 100  # a scan looks at all of them for each row group
FILES = f"""
    SELECT f.data_file_id, {PLACE}, f.file_size_bytes, f.record_count,
        epoch_us(min_value::TIMESTAMPTZ), epoch_us(max_value::TIMESTAMPTZ)
    FROM {{catalog}}.ducklake_data_file f
    JOIN {{catalog}}.ducklake_table t ON t.table_id = f.table_id AND t.end_snapshot IS NULL
    JOIN {{catalog}}.ducklake_schema s USING (schema_id)
    JOIN {{catalog}}.ducklake_column c
        ON c.table_id = t.table_id AND c.column_name = 'received_time' AND c.end_snapshot IS NULL
    LEFT JOIN {{catalog}}.ducklake_file_column_stats b ON b.data_file_id = f.data_file_id AND b.column_id = c.column_id
    WHERE f.end_snapshot IS NULL AND t.table_name = ?"""
INLINED_TABLES = """
    SELECT i.table_name FROM {catalog}.ducklake_inlined_data_tables i
    JOIN {catalog}.ducklake_table t ON t.table_id = i.table_id AND t.end_snapshot IS NULL WHERE t.table_name = ?"""
INLINED_TIMES = """
    SELECT epoch_us(min(received_time::TIMESTAMPTZ)), epoch_us(max(received_time::TIMESTAMPTZ))
    FROM {catalog}.{name} WHERE end_snapshot IS NULL HAVING count(*) > 0"""

Execute = Callable[..., list[tuple[Any, ...]]]


class Times(NamedTuple):
    """When the events of a file or of a part of it were received, from the first to the last; None is unknown."""

    first_us: int | None
    last_us: int | None

    def reaches(self, span: Span) -> bool:
        """Tell whether some may be in the span."""
        return (span.end is None or self.first_us is None or self.first_us < span.end) and (
            span.start is None or self.last_us is None or self.last_us >= span.start
        )


class Narrower:
    """Where in a dataset's table events can be that meet all the clauses, in one transaction's snapshot."""

    def __init__(self, lake: Lake, execute: Execute, table: str, clauses: Sequence[Clause]) -> None:
        """Read the catalog, if the clauses can tell anything; `execute` is the lake's, or ends what takes too long."""
        self._folder = lake_folder()
        self._wanted = _grams(execute, clauses) if self._folder and clauses else []
        self.tells = any(map(_tells, self._wanted))
        self._files: list[_File] = []
        self._found: list[Times] = []
        self.rows = 0  # about how many the files that were asked have in these times
        if self.tells:
            files, inlined = lake.remember(("narrow", table), lambda: _read_catalog(execute, table))
            self._files = [_File(id, path, size, count, Times(*times)) for id, path, size, count, *times in files]
            self._found = list(inlined)

    def spans(self, span: Span) -> list[Span]:
        """Return spans within `span`, in order: no sealed event of the table outside of them meets the clauses."""
        if not self.tells:
            return [span]
        for file in self._files:
            if not file.asked and file.times.reaches(span):
                self._ask(file)
        return _as_few_spans([times for times in self._found if times.reaches(span)], span)

    def skipped_files(self, span: Span) -> set[int]:
        """Return the ids of those of the table's files that no span reaches, though `span` may."""
        spans = self.spans(span)
        return {file.id for file in self._files if file.asked and not any(map(file.times.reaches, spans))}

    def _ask(self, file: "_File") -> None:
        assert self._folder
        path = self._folder / file.path
        file.asked, found, rows = True, [file.times], file.rows
        try:
            blocks = times_that_may_hold(path, file.bytes, file.rows, self._wanted)
            found, rows = [Times(*times) for times in blocks], min(file.rows, len(blocks) * GROUP_ROWS)
        except Damaged:
            grams_path(path).unlink(missing_ok=True)  # maintenance makes another one
        except OSError:
            pass
        self._found += found
        self.rows += rows


@dataclass(slots=True)
class _File:
    """A Parquet file of the table."""

    id: int
    path: str
    bytes: int
    rows: int
    times: Times
    asked: bool = False  # its gram file was


def _grams(execute: Execute, clauses: Sequence[Clause]) -> list[list[Grams]]:
    """Return the grams of the clauses' texts, each of which DuckDB has to put into lower case as it did the events."""
    texts = [text for clause in clauses for text in clause]
    lowered = iter(execute("SELECT encode(lower(unnest(?::VARCHAR[])))", [texts]))
    return [[grams_of(next(lowered)[0]) for _ in clause] for clause in clauses]


def _tells(clause: Sequence[Grams]) -> bool:
    """Tell whether a clause can be false by its grams: a short text has none."""
    return all(len(grams.words) or len(grams.ids) for grams in clause)


def _read_catalog(execute: Execute, table: str) -> tuple[list[tuple[Any, ...]], list[Times]]:
    return execute(FILES.format(catalog=catalog_schema()), [table]), list(_inlined_times(execute, table))


def _inlined_times(execute: Execute, table: str) -> Iterator[Times]:
    """Yield when those rows were received that are in no file yet."""
    for (name,) in execute(INLINED_TABLES.format(catalog=catalog_schema()), [table]):
        for first, last in execute(INLINED_TIMES.format(catalog=catalog_schema(), name=quoted_name(name))):
            yield Times(first, last)


def _as_few_spans(found: Sequence[Times], span: Span) -> list[Span]:
    """Return the times as spans that don't overlap, at most MAX_SPANS of them: the shortest gaps are closed."""
    if any(None in times for times in found):
        return [span]
    spans: list[tuple[int, int]] = []
    for first, last in sorted((times.first_us or 0, times.last_us or 0) for times in found):
        if spans and first <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], last + 1))
        else:
            spans.append((first, last + 1))
    while len(spans) > MAX_SPANS:
        closed = min(range(1, len(spans)), key=lambda place: spans[place][0] - spans[place - 1][1])
        spans[closed - 1 : closed + 1] = [(spans[closed - 1][0], spans[closed][1])]
    return [span.cut(start, end) for start, end in spans]
