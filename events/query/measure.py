"""What it took to answer, and whether all was there that should have been read."""

from datetime import UTC, datetime

from django.conf import settings

from eventlane.times import to_microseconds
from events.lake.snapshot import Snapshot
from events.query.answer import Statistics
from events.query.compiled import time_column, time_frame
from events.query.model import Query


def measure(snapshot: Snapshot, query: Query) -> Statistics:
    """Return what a snapshot tells."""
    statistics = Statistics(complete_until=snapshot.complete_until)
    conditions = time_frame(query)
    count = f"SELECT count(*) FROM ({snapshot.relation()}) WHERE {conditions.sql}"
    statistics.events_scanned = snapshot.execute(count, conditions.parameters)[0][0]
    if snapshot.lake.attached:
        _measure_files(statistics, snapshot, query)
        _name_other_nodes(statistics, snapshot)
    return statistics


def _measure_files(statistics: Statistics, snapshot: Snapshot, query: Query) -> None:
    """Count the files that may hold events of the time frame, and the others."""
    tables = [dataset.table_name for dataset in snapshot.datasets]
    for size, least, greatest in snapshot.lake.data_files(tables, time_column(query)):
        if least and greatest and (_us(greatest) < query.from_us or _us(least) >= query.to_us):
            statistics.files_skipped += 1
        else:
            statistics.files_scanned += 1
            statistics.bytes_scanned += size


def _us(text: str) -> int:
    """Return a moment as DuckLake keeps it, like 2026-11-27 10:00:00.5+00."""
    return to_microseconds(datetime.fromisoformat(text).astimezone(UTC))


def _name_other_nodes(statistics: Statistics, snapshot: Snapshot) -> None:
    """Say which nodes have events that only they can read: those that have sealed something in the last hour."""
    if not snapshot.lake.has_sealed_files():
        return
    nodes = "SELECT DISTINCT node FROM lake.main.sealed_files WHERE encode(node) <> ? ORDER BY node"
    for (node,) in snapshot.execute(nodes, [settings.EVENTLANE_NODE.encode()]):
        statistics.partial = True
        statistics.warnings.append(
            f"what node {node} received in the last seconds may be missing: it is not sealed yet"
        )
