"""The answer to a query, as the API gives it (docs/query.md)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eventlane import exact_numbers
from eventlane.times import to_microseconds
from events.lake.query import EventRow
from events.models import DamagedFile
from events.query.calculations import ZERO_WHEN_EMPTY, Column
from events.query.model import Query
from events.query.series import Buckets
from events.query.times import SECOND, show_time
from events.query.values import Kind

Row = list[Any]


@dataclass(slots=True)
class Statistics:
    """What it took to answer, and how whole the answer is."""

    events_scanned: int = 0
    bytes_scanned: int = 0
    files_scanned: int = 0
    files_skipped: int = 0
    elapsed_ms: float = 0
    complete_until: datetime | None = None
    partial: bool = False
    warnings: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)  # of the warnings, those about damaged files

    def add_left_out(self, files: Sequence[DamagedFile]) -> None:
        """Say which damaged files the answer does without."""
        self.lost = [f"the {file.rows:,} events of {file.path} are missing: {file.reason}" for file in files]
        self.partial = self.partial or bool(files)
        self.warnings += self.lost

    def show(self) -> dict[str, Any]:
        """Return them as the wire has them."""
        return {
            "events_scanned": self.events_scanned,
            "bytes_scanned": self.bytes_scanned,
            "files_scanned": self.files_scanned,
            "files_skipped": self.files_skipped,
            "elapsed_ms": round(self.elapsed_ms),
            "complete_until": self.complete_until and show_time(to_microseconds(self.complete_until)),
            "partial": self.partial,
            "warnings": self.warnings,
        }


@dataclass(slots=True)
class Series:
    """Values by row, calculation and bucket."""

    buckets: Buckets
    values: list[list[Row]]

    def show(self) -> dict[str, Any]:
        """Return it as the wire has it."""
        return {
            "granularity_seconds": self.buckets.width_us // SECOND,
            "times": [show_time(start) for start in self.buckets.starts],
            "values": self.values,
        }


@dataclass(slots=True)
class Answer:
    """What a query found."""

    query: Query
    rows: list[Row] = field(default_factory=list)
    others: Row | None = None
    series: Series | None = None
    events: list[tuple[str, EventRow]] = field(default_factory=list)  # each with the name of its dataset
    before: str | None = None
    statistics: Statistics = field(default_factory=Statistics)

    def columns(self) -> list[dict[str, str]]:
        """Return name and kind of each column of a row."""
        groups = [{"name": path, "kind": "group"} for path in self.query.group_by]
        return groups + [{"name": one.name, "kind": "calculation"} for one in self.query.calculations]

    def show(self, events: Sequence[Any]) -> dict[str, Any]:
        """Return it as the wire has it; `events` are its events as the caller shows them."""
        answer = {
            "columns": self.columns(),
            "rows": self.rows,
            "others": self.others,
            "events": events,
            "before": self.before,
            "statistics": self.statistics.show(),
        }
        return answer if self.series is None else answer | {"series": self.series.show()}


def shown(value: Any, kind: Kind) -> Any:
    """Return a value of a statement as JSON has it; what is no finite number is null."""
    if value is None:
        return None
    if kind is Kind.JSON:
        return exact_numbers.decode_stored(value)
    if not math.isfinite(value):
        return None
    return int(value) if value == int(value) and abs(value) < 2**53 else value


def shown_values(values: Sequence[Any], columns: Sequence[Column]) -> Row:
    """Return the values of calculations as JSON has them."""
    return [shown(value, column.kind) for value, column in zip(values, columns, strict=True)]


def make_series(
    query: Query, buckets: Buckets, rows: int, found: Sequence[Sequence[Any]], columns: Sequence[Column]
) -> Series:
    """Return the series of the rows; `found` has place, bucket and values wherever there was an event."""
    seconds = buckets.seconds(query.from_us, query.to_us)
    values = [
        [[0 if one.op in ZERO_WHEN_EMPTY else None] * len(buckets.starts) for one in query.calculations]
        for _ in range(rows)
    ]
    for place, bucket, *calculated in found:
        for number, value in enumerate(shown_values(calculated, columns)):
            op = query.calculations[number].op
            if value is not None or op not in ZERO_WHEN_EMPTY:
                values[place - 1][number][bucket] = value / seconds[bucket] if op == "rate" else value
    return Series(buckets, values)
