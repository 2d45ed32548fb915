"""Convert new events and put them where search lines are asked about them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa

from eventlane.times import to_microseconds
from events.clock import newest_time
from events.journal import Batch
from events.lake.arrow import event_table
from events.lake.columns import EVENT_COLUMNS
from events.lake.connection import Lake, table_definition
from events.lake.duckdbs import Rows
from events.lake.shape import Shape, shape_of_view
from events.lake.snapshot import COLUMNS
from events.lake.unwrap import shaped_source
from events.models import Dataset
from events.tails.frames import JSON_SQL
from events.tails.prepared import DATABASE, PreparedStatements

CAME = f"{DATABASE}.main.came"  # events as they came
CAME_COLUMNS = {
    "id": "UUID",
    "received_us": "BIGINT",
    "key_id": "VARCHAR",
    "namespace": "VARCHAR",
    "service": "VARCHAR",
    "event": "VARCHAR",
    "dataset_id": "VARCHAR",
    "dataset": "VARCHAR",
    "is_ahead": "BOOLEAN",
}
STAGED = f"{DATABASE}.main.staged"  # and converted
STAGED_COLUMNS = {"dataset_id": "VARCHAR", "dataset": "VARCHAR"} | EVENT_COLUMNS | {"frame": "VARCHAR"}
EVENTS = f"WITH events AS (SELECT id, received_us, key_id, namespace, service, event FROM {CAME})"


class Stage:
    """The new events in a DuckDB, as rows of STAGED."""

    def __init__(self, lake: Lake, statements: PreparedStatements) -> None:
        self._lake, self._statements = lake, statements
        self._shape: Shape | None = None  # of the events before, which is what to expect
        for table, columns in ((CAME, CAME_COLUMNS), (STAGED, STAGED_COLUMNS)):
            lake.execute(f"CREATE TABLE {table} ({table_definition(columns)})")

    def put(self, batches: Sequence[Batch], datasets: Collection[Dataset]) -> None:
        """Put there the batches of these datasets alone; those with the same settings are converted together.

        Raises duckdb.Error if they can't be converted.
        """
        names = {dataset.pk: dataset.name for dataset in datasets}
        unwrapping = {dataset.pk for dataset in datasets if dataset.unwrap_message}
        # Only a checkpoint gives back the memory of deleted rows.
        self._lake.execute(f"DELETE FROM {CAME}; DELETE FROM {STAGED}; CHECKPOINT {DATABASE}")
        for group in filter(None, (names.keys() - unwrapping, unwrapping)):
            if of_group := [batch for batch in batches if batch.dataset_id in group]:
                self._take(of_group, names)
                self._convert(unwraps=group <= unwrapping)

    def _take(self, batches: Sequence[Batch], names: Mapping[str, str]) -> None:
        self._lake.execute(f"DELETE FROM {CAME}")
        ids = [batch.dataset_id for batch in batches for _ in range(batch.count)]
        events = event_table(batches)
        events = events.append_column("dataset_id", pa.array(ids))
        events = events.append_column("dataset", pa.array([names[one] for one in ids]))
        sql = f"INSERT INTO {CAME} SELECT *, received_us > ? FROM events"
        self._lake.execute(sql, [to_microseconds(newest_time())], events=events)

    def _convert(self, *, unwraps: bool) -> None:
        self._shape = shape_of_view(self._rows, self._shape)
        source = shaped_source(self._rows, self._shape, {}, unwraps=unwraps)
        shown = ", ".join(f"converted.{name}" for name in EVENT_COLUMNS)
        both = f"SELECT dataset_id, dataset, {shown}, is_ahead FROM ({source.sql}) AS converted JOIN {CAME} USING (id)"
        sql = f"INSERT INTO {STAGED} {EVENTS} SELECT dataset_id, dataset, {COLUMNS}, {JSON_SQL} FROM ({both})"
        self._rows(sql, **source.tables)

    def _rows(self, sql: str, **tables: Any) -> Rows:
        """Run a statement about the rows of CAME, called events; without other tables it is planned once."""
        if not sql.startswith("INSERT"):
            sql = f"{EVENTS} SELECT * FROM ({sql})"
        return self._lake.execute(sql, **tables) if tables else self._statements.rows(sql)
