"""The journal: where accepted events are kept until they are sealed into the lake."""

from events.journal.format import Batch, Copy, new_batch
from events.journal.reader import Backlog, JournalFile, backlog, claim_closed, open_files
from events.journal.writer import JournalFailed, JournalWriter

__all__ = [
    "Backlog",
    "Batch",
    "Copy",
    "JournalFailed",
    "JournalFile",
    "JournalWriter",
    "backlog",
    "claim_closed",
    "new_batch",
    "open_files",
]
