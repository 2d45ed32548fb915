"""Events in a DuckDB in memory, converted as the lake converts them, for questions without a whole platform."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from events.journal import new_batch
from events.journal.format import first_id
from events.lake import columns, conditions, promoted
from events.lake.arrow import event_table
from events.lake.columns import EVENT_COLUMNS, converted
from events.lake.pieces import PIECES, WHOLE, in_pieces
from events.lake.promoted import Part, Promoted, filled, parts_of
from events.query.answer import Answer
from events.query.body import read_query
from events.query.run import answer_query

KNOWN = ", ".join(["dataset", *(name for name in EVENT_COLUMNS if name != "event"), f"{WHOLE} AS event"])
STORED = ", ".join(["dataset", *EVENT_COLUMNS, *PIECES])
NOW_US = 1_795_780_800_000_000  # 2026-11-27T12:00:00Z


class Table:
    """Events of datasets, as events.query.run asks for them."""

    def __init__(self) -> None:
        self.database = duckdb.connect()
        self.database.execute("SET TimeZone = 'UTC'")
        self.database.execute(columns.MACROS + conditions.MACROS + promoted.MACROS)
        self.count = 0
        self.promoted: Sequence[Promoted] = ()

    def close(self) -> None:
        self.database.close()

    def fill(
        self, events: Iterable["str | dict[str, Any]"], dataset: str = "logs", received_us: int = NOW_US - 1
    ) -> None:
        """Have these events in the table, and no others."""
        self.database.execute("DROP TABLE IF EXISTS known")
        self.count = 0
        self.promoted = ()
        self.add(events, dataset, received_us)

    def add(
        self, events: Iterable["str | dict[str, Any]"], dataset: str = "logs", received_us: int = NOW_US - 1
    ) -> None:
        """Have these events, too."""
        texts = [(event if isinstance(event, str) else json.dumps(event)).encode() for event in events]
        batch = new_batch("dataset", "web", "", texts, list(map(len, texts)))
        ours = received_us + 1000 * self.count
        batch = replace(batch, received_us=received_us, first_id=first_id(ours * 1000))
        self.count += len(texts)
        events = event_table([batch])
        rows = f"SELECT '{dataset}' AS dataset, * FROM ({in_pieces(converted(self._shaped, events), least=1)})"
        self.database.register("events", events)
        known = self.database.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'known'").fetchone()
        self.database.execute(f"INSERT INTO known {rows}" if known == (1,) else f"CREATE TABLE known AS {rows}")
        self.database.unregister("events")

    def _shaped(self, sql: str, events: Any) -> list[tuple[Any, ...]]:
        self.database.register("events", events)
        return self.execute(sql)

    @property
    def kinds(self) -> Mapping[str, str]:
        return {one.path: one.kind for one in self.promoted}

    def parts(self, paths: Collection[str]) -> Sequence[Part]:
        columns = [one for one in self.promoted if one.path in paths]
        source = "FROM known WHERE true"
        return parts_of(KNOWN, source, columns) if columns else [Part(f"SELECT {KNOWN} {source}")]

    def promote(self, fields: Mapping[str, str]) -> None:
        """Give these paths columns of these kinds: a third of the rows has all, one half of them, and one none."""
        self.promoted = [Promoted(path, number, kind) for number, (path, kind) in enumerate(fields.items(), 1)]
        parts = [f"SELECT {STORED}, 0 AS promoted FROM known WHERE hash(id) % 3 = 0"]
        for third, count in (1, len(fields) // 2), (2, len(fields)):
            values = filled(self.promoted[:count]) if count else {"promoted": "0"}
            columns = ", ".join(f"{sql} AS {name}" for name, sql in values.items())
            parts.append(f"SELECT {STORED}, {columns} FROM known WHERE hash(id) % 3 = {third}")
        self.database.execute(f"CREATE OR REPLACE TABLE known AS {' UNION ALL BY NAME '.join(parts)}")

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self.database.execute(sql, list(parameters)).fetchall()

    def ask(self, **body: Any) -> Answer:
        """Return the answer to a query as a request would have it."""
        everything = {"datasets": ["logs"], "from": "0001-01-02", "to": "9999-12-30"}
        body = {{"from_": "from"}.get(name, name): value for name, value in body.items()}
        return answer_query(read_query(everything | body, now_us=NOW_US), self)

    def found(self, **body: Any) -> list[Any]:
        """Return the `n` of the events that a query finds."""
        answer = self.ask(limit=1000, **body)
        return sorted(json.loads(row.event)["n"] for _, row in answer.events)
