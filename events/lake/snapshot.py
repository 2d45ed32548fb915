"""The events of datasets at one moment: those sealed in the lake and those still in this node's journal, as one.

How a reader sees each event exactly once, while writers append and sealers seal:

1. It opens every file of the journal. From now on it can read them, also when a sealer unlinks them.
2. It begins a transaction on the lake, which is one snapshot. It attaches the lake before, if it was made only now.
3. It reads in that snapshot which of the opened files are sealed.
4. The events are the lake's rows in the snapshot, and the rows of the opened files that are not sealed in it.

A file's events and its name in `sealed_files` appear in one snapshot together, so no event is on both sides.
None is on neither: an event that was stored before step 1 lay in a file that was in the folder at step 1, or
that was unlinked before it. Files are unlinked only after their snapshot is committed, and the snapshot of
step 2 is not older. A file that holds data is never renamed, so the listing can't miss it.

`sealed_files` has to remember a name for as long as a reader may hold the file open; maintenance forgets it
an hour after the file is gone.

Events of the journal are staged: put into a temporary table, once they are needed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
from django.conf import settings

from events.journal import Batch, JournalFile, open_files
from events.journal.copies import firsts_among
from events.lake.arrow import event_table
from events.lake.columns import EVENT_COLUMNS
from events.lake.conditions import Conditions
from events.lake.connection import Lake, event_table_name, quoted_text, table_definition
from events.lake.deadline import Deadline
from events.lake.duckdbs import ArrowReader
from events.lake.narrow import Narrower
from events.lake.pieces import PIECES, WHOLE
from events.lake.promoted import Part, Promoted, parts_of
from events.lake.seal import sealed_names
from events.lake.sealed_requests import sealed_copies
from events.lake.unsealed import JournalIndex, Span, Stretch, times_of_ids, within
from events.lake.unwrap import source_of
from events.models import Dataset, NotedField

COLUMNS = ", ".join(EVENT_COLUMNS)
STAGED = "temp.main.unsealed"
STAGED_COLUMNS = {"dataset": "VARCHAR"} | EVENT_COLUMNS
STRETCHES_AT_ONCE = 256  # 16 MiB
FETCHED_ROWS = 1000
BATCH_ROWS = 10_000
EVER = Span(None, None)

_index = JournalIndex()


class Unsealed(NamedTuple):
    """A part of a journal file in which a dataset has events that are not sealed."""

    dataset: Dataset
    file: JournalFile
    stretch: Stretch

    def batches(self) -> list[Batch]:
        """Read the dataset's batches."""
        reading = self.file.read(self.stretch.start, self.stretch.end - self.stretch.start)
        return [batch for batch in reading.batches if batch.dataset_id == self.dataset.id]


PromotedFields = Mapping[str, Sequence[Promoted]]


def promoted_fields(datasets: Sequence[Dataset]) -> PromotedFields:
    """Return the fields that are columns, by dataset id. Only a snapshot opened after this is sure to have them."""
    found = defaultdict(list)
    for field in NotedField.objects.filter(dataset__in=datasets).exclude(number=None).order_by("number"):
        assert field.number
        found[field.dataset_id].append(Promoted(field.path, field.number, field.kind))
    return found


@contextmanager
def open_snapshot(
    lake: Lake,
    datasets: Sequence[Dataset],
    where: Conditions | None = None,
    *,
    held: Sequence[JournalFile] | None = None,
    promoted: PromotedFields | None = None,
) -> Iterator["Snapshot"]:
    """Give the datasets' events as of now, for the length of a transaction on the lake.

    Events that don't match `where` may be missing: it spares staging and reading them, and the reader's statements
    repeat it. A reader that has opened the journal's files itself passes them as `held`, and stages what it likes. One
    that asks for `parts` passes `promoted_fields`.
    """
    complete_until = datetime.now(UTC)
    files = open_files(settings.EVENTLANE_JOURNAL) if held is None else held
    try:
        if not lake.attached:
            lake.attach_if_there()
        with lake.transaction(), Deadline(lake.interrupt) as deadline:
            snapshot = Snapshot(lake, datasets, where or Conditions(), deadline, complete_until)
            snapshot.promoted = promoted or {}
            snapshot.take_sides(files, stage_later=held is None)
            yield snapshot
            snapshot.clear()
    finally:
        for file in files if held is None else ():
            file.close()


class Snapshot:
    """Events at one moment; made by `open_snapshot`.

    It is complete for all that this node had acknowledged until `complete_until`, and all that other nodes had sealed.
    """

    def __init__(
        self,
        lake: Lake,
        datasets: Sequence[Dataset],
        where: Conditions,
        deadline: Deadline,
        complete_until: datetime,
    ) -> None:
        self.lake = lake
        self.datasets = datasets
        self.complete_until = complete_until
        self.promoted: PromotedFields = {}
        self.sealed: set[str] = set()  # the names of those opened files that are sealed in it
        self._where = where
        self._deadline = deadline
        self._unsealed: list[Unsealed] = []
        self._staged: set[Unsealed] = set()
        self._repeated: set[bytes] = set()  # the first ids of batches that aren't shown, as they are copies
        self._has_stage = False
        self._narrowers: dict[str, Narrower] = {}
        names = [dataset.table_name for dataset in datasets]
        self._tables = lake.remember(("tables", *names), lambda: lake.tables_among(names)) if lake.attached else set()
        self._lacking = lake.remember(("lacking",), lake.lacking_tables) if self._tables else {}

    def take_sides(self, files: Sequence[JournalFile], *, stage_later: bool) -> None:
        """Find out which of the files are sealed, and with `stage_later` what the others hold."""
        self.sealed = sealed_names(self.lake, [file.name for file in files]) if files else set()
        if stage_later:
            unsealed = [file for file in files if file.name not in self.sealed]
            self._unsealed = [
                Unsealed(dataset, *found)
                for dataset in self.datasets
                for found in _index.stretches(unsealed, dataset.id)
            ]
            copies = {copy for one in self._unsealed for copy in one.stretch.copies}
            repeated = copies.difference(firsts_among(copies, sealed_copies(self.lake, copies)))
            self._repeated = {copy.first_id for copy in repeated}

    def relation(self, span: Span = EVER) -> str:
        """Return a SELECT of the events received in the span: EVENT_COLUMNS, and `dataset` with the dataset's name."""
        return " UNION ALL ".join(self.sources(span) or self._nothing())

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of the fields that are columns, by path: of several datasets' kinds, that of the first."""
        found = [one for dataset in self.datasets for one in self.promoted.get(dataset.pk, ())]
        return {one.path: one.kind for one in reversed(found)}

    def parts(self, paths: Collection[str]) -> list[Part]:
        """Return the events in parts that differ in which of the paths are columns."""
        parts: list[Part] = []
        for dataset, selected, source in self._sealed_sources(EVER):
            columns = [one for one in self.promoted.get(dataset.pk, ()) if one.path in paths]
            parts += parts_of(selected, source, columns) if columns else [Part(f"SELECT {selected} {source}")]
        with_columns = [part for part in parts if part.columns]
        others = [part.sql for part in parts if not part.columns] + self._staged_sources(EVER)
        return [*with_columns, Part(" UNION ALL ".join(others or self._nothing()))]

    def sources(self, span: Span = EVER, *, sealed: bool = True) -> list[str]:
        """Return what `relation` is put together from; without `sealed` only what there is in the journal."""
        of_lake = self._sealed_sources(span) if sealed else ()
        return [f"SELECT {selected} {source}" for _, selected, source in of_lake] + self._staged_sources(span)

    def _sealed_sources(self, span: Span) -> Iterator[tuple[Dataset, str, str]]:
        """Yield for each dataset what to select from where of the span: from what may hold what is asked for."""
        for dataset in self.datasets:
            if (table := self.sealed_table(dataset)) and (spans := self._narrower(dataset).spans(self._narrow(span))):
                selected = f"{quoted_text(dataset.name)} AS dataset, {self.columns_of(dataset)}"
                yield dataset, selected, f"FROM {table} WHERE {within(spans)}"

    def _narrow(self, span: Span) -> Span:
        """Return what of a span may hold the ids that are asked for."""
        ids = self._where.ids
        return span.cut(*times_of_ids(ids)) if ids else span

    def _staged_sources(self, span: Span) -> list[str]:
        self._stage(span)
        return [f"SELECT dataset, {COLUMNS} FROM {STAGED} WHERE {span.condition()}"] if self._has_stage else []

    def sealed_table(self, dataset: Dataset) -> str | None:
        """Return the quoted name of a dataset's table, if anything was sealed into it."""
        return event_table_name(dataset.table_name) if dataset.table_name in self._tables else None

    def skipped_files(self) -> set[int]:
        """Return the ids of the lake's files that aren't read as they can't hold what is searched for."""
        datasets = [dataset for dataset in self.datasets if self.sealed_table(dataset)]
        return {file for dataset in datasets for file in self._narrower(dataset).skipped_files(EVER)}

    def rows_left(self) -> int | None:
        """Return about how many rows of the lake may hold what is searched for; None if nothing tells."""
        narrowers = [self._narrower(dataset) for dataset in self.datasets if self.sealed_table(dataset)]
        for narrower in narrowers:
            narrower.spans(EVER)
        return sum(one.rows for one in narrowers) if all(one.tells for one in narrowers) else None

    def columns_of(self, dataset: Dataset) -> str:
        """Return EVENT_COLUMNS as its table has them, with whole texts: what it lacks is NULL."""
        lacking = self._lacking.get(dataset.table_name, set())
        read = dict.fromkeys(lacking, "NULL") | ({} if lacking & PIECES.keys() else {"event": WHOLE})
        return ", ".join(f"{read[name]} AS {name}" if name in read else name for name in EVENT_COLUMNS)

    def unsealed(self, span: Span) -> list[Stretch]:
        """Return the stretches of the journal that the span reaches."""
        return [unsealed.stretch for unsealed in self._unsealed if span.reaches(unsealed.stretch)]

    @property
    def unsealed_count(self) -> int:
        """How many events of the datasets are in the journal only."""
        return sum(unsealed.stretch.count for unsealed in self._unsealed)

    def stage(self, dataset: Dataset, batches: Sequence[Batch]) -> None:
        """Put a dataset's batches among the events that are not sealed."""
        self._make_stage()
        events = event_table(batches)
        source = source_of(self.execute, events, unwraps=dataset.unwrap_message)
        self.execute(
            f"INSERT INTO {STAGED} SELECT * FROM (SELECT ? AS dataset, {COLUMNS} FROM ({source.sql}))"
            f" WHERE {self._where.sql}",
            [dataset.name, *self._where.parameters],
            **source.tables,
        )

    def execute(self, sql: str, parameters: Sequence[Any] = (), **tables: Any) -> list[tuple[Any, ...]]:
        """Run one statement like `Lake.execute`; raise QueryTimeout or QueryCancelled.

        After an error, also one of memory, DuckDB takes no more statements in the transaction: another snapshot does.
        """
        with self._deadline.statement():
            return self.lake.execute(sql, parameters, **tables)

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of one statement; raise as `execute` does, QueryTimeout only before the first row.

        How long the reader takes over the rows is not bounded.
        """
        with self._deadline.statement():
            result = self.lake.stream(sql, parameters)
            rows = result.fetchmany(FETCHED_ROWS)
        while rows:
            yield from rows
            with self._deadline.statement(bounded=False):
                rows = result.fetchmany(FETCHED_ROWS)

    def batches(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[pa.RecordBatch]:
        """Yield the rows of one statement as Arrow batches, after an empty one; raise as `stream` does."""
        with self._deadline.statement():
            reader = self.lake.stream(sql, parameters).to_arrow_reader(BATCH_ROWS)
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)
        while batch := self._next_batch(reader):
            yield batch

    def _next_batch(self, reader: ArrowReader) -> pa.RecordBatch | None:
        with self._deadline.statement(bounded=False):
            try:
                return next(reader, None)
            except OSError as error:
                raise _duckdb_error(error) from error

    def cancel(self) -> None:
        """Let the statement that runs, and any later one, raise QueryCancelled. Any thread may call this."""
        self._deadline.cancel()

    def clear(self) -> None:
        """Give back what was staged."""
        if self._has_stage:
            self.lake.execute(f"DROP TABLE {STAGED}")

    def _narrower(self, dataset: Dataset) -> Narrower:
        if dataset.table_name not in self._narrowers:
            narrower = Narrower(self.lake, self.execute, dataset.table_name, self._where.clauses)
            self._narrowers[dataset.table_name] = narrower
        return self._narrowers[dataset.table_name]

    def _stage(self, span: Span) -> None:
        """Stage what the span reaches and isn't staged."""
        reached = [unsealed for unsealed in self._unsealed if span.reaches(unsealed.stretch)]
        for part in _parts([unsealed for unsealed in reached if unsealed not in self._staged]):
            batches = [batch for unsealed in part for batch in unsealed.batches()]
            if shown := [batch for batch in batches if batch.first_id not in self._repeated]:
                self.stage(part[0].dataset, shown)
            self._staged.update(part)

    def _nothing(self) -> list[str]:
        self._make_stage()
        return [f"SELECT * FROM {STAGED}"]

    def _make_stage(self) -> None:
        if not self._has_stage:
            self.lake.execute(f"CREATE OR REPLACE TEMP TABLE {STAGED} ({table_definition(STAGED_COLUMNS)})")
            self._has_stage = True


def _duckdb_error(error: OSError) -> duckdb.Error:
    """Return the error of DuckDB that Arrow has wrapped: of that, only the text is left."""
    for start, kind in (("Out of Memory", duckdb.OutOfMemoryException), ("INTERRUPT", duckdb.InterruptException)):
        if str(error).startswith(start):
            return kind(str(error))
    return duckdb.IOException(str(error))


def _parts(unsealed: Sequence[Unsealed]) -> Iterator[Sequence[Unsealed]]:
    """Yield as much of one dataset at a time as is converted at once."""
    for _, of_dataset in groupby(unsealed, lambda one: one.dataset.pk):
        found = list(of_dataset)
        for start in range(0, len(found), STRETCHES_AT_ONCE):
            yield found[start : start + STRETCHES_AT_ONCE]
