"""What it took to answer, and whether all was there that should have been read."""

from collections.abc import Sequence

from django.conf import settings

from events.lake.snapshot import Snapshot
from events.query.answer import Statistics
from events.query.compiled import time_frame
from events.query.files import File
from events.query.model import Query


def measure(snapshot: Snapshot, query: Query, files: Sequence[File]) -> Statistics:
    """Return what a snapshot tells, and the files of its datasets."""
    statistics = Statistics(complete_until=snapshot.complete_until)
    conditions = time_frame(query)
    count = f"SELECT count(*) FROM ({snapshot.relation()}) WHERE {conditions.sql}"
    statistics.events_scanned = snapshot.execute(count, conditions.parameters)[0][0]
    _measure_files(statistics, snapshot, query, files)
    if snapshot.lake.attached:
        _name_other_nodes(statistics, snapshot)
    return statistics


def _measure_files(statistics: Statistics, snapshot: Snapshot, query: Query, files: Sequence[File]) -> None:
    """Count the files that may hold events of the time frame with what is searched for, and the others."""
    skipped = snapshot.skipped_files()
    for file in files:
        if file.id in skipped or not file.reaches(query.from_us, query.to_us):
            statistics.files_skipped += 1
        else:
            statistics.files_scanned += 1
            statistics.bytes_scanned += file.bytes


def _name_other_nodes(statistics: Statistics, snapshot: Snapshot) -> None:
    """Say which nodes have events that only they can read: those that have sealed something in the last hour."""
    for node in _sealing_nodes(snapshot):
        if node != settings.EVENTLANE_NODE:
            statistics.partial = True
            statistics.warnings.append(
                f"what node {node} received in the last seconds may be missing: it is not sealed yet"
            )


def _sealing_nodes(snapshot: Snapshot) -> list[str]:
    if not snapshot.lake.has_sealed_files():
        return []
    nodes = "SELECT DISTINCT node FROM lake.main.sealed_files ORDER BY node"
    return snapshot.lake.remember(("nodes",), lambda: [node for (node,) in snapshot.execute(nodes)])
