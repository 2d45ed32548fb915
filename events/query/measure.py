"""What it took to answer, and whether all was there that should have been read."""

from collections.abc import Sequence

from django.conf import settings

from events.lake.snapshot import Snapshot
from events.query.answer import Statistics
from events.query.calculations import PERCENTILES
from events.query.compiled import time_frame
from events.query.files import File
from events.query.model import Query

# Counting ten million events of a time frame takes as long as counting them by level. Where it isn't needed, the number
# of events is estimated.
COUNTED_BELOW = 100_000


def measure(snapshot: Snapshot, query: Query, files: Sequence[File], read: Sequence[File] | None = None) -> Statistics:
    """Return what a snapshot tells, and the files of its datasets; `read` are those of `files_read`, if known."""
    read = files_read(snapshot, query, files) if read is None else read
    statistics = Statistics(complete_until=snapshot.complete_until)
    statistics.files_scanned, statistics.files_skipped = len(read), len(files) - len(read)
    statistics.bytes_scanned = sum(file.bytes for file in read)
    estimated = sum(one.rows_within(query.from_us, query.to_us) for one in read) + snapshot.unsealed_count
    is_counted = estimated < COUNTED_BELOW or (
        estimated > settings.EVENTLANE_QUERY_EXACT_VALUES and any(one.op in PERCENTILES for one in query.calculations)
    )
    statistics.events_scanned = _count(snapshot, query) if is_counted else estimated
    if snapshot.lake.attached:
        _name_other_nodes(statistics, snapshot)
    return statistics


def _count(snapshot: Snapshot, query: Query) -> int:
    conditions = time_frame(query)
    count = f"SELECT count(*) FROM ({snapshot.relation()}) WHERE {conditions.sql}"
    return int(snapshot.execute(count, conditions.parameters)[0][0])


def files_read(snapshot: Snapshot, query: Query, files: Sequence[File]) -> list[File]:
    """Return the files that may hold events of the time frame with what is searched for."""
    skipped = snapshot.skipped_files()
    return [file for file in files if file.id not in skipped and file.reaches(query.from_us, query.to_us)]


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
