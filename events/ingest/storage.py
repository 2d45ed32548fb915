"""Where a process keeps what it accepts, what it accepts at most, and whether there is room for it."""

from pathlib import Path

from django.conf import settings

from eventlane.configuration import MIB
from eventlane.free_space import FreeSpace, Stock
from events.ingest.parse import Limits
from events.journal import JournalWriter, backlog

limits = Limits(
    settings.EVENTLANE_MAX_EVENT_BYTES,
    settings.EVENTLANE_MAX_EVENT_DEPTH,
    settings.EVENTLANE_MAX_REQUEST_EVENTS,
    settings.EVENTLANE_MAX_INVALID_BYTES,
)
journal = JournalWriter(
    settings.EVENTLANE_JOURNAL,
    settings.EVENTLANE_NODE,
    settings.EVENTLANE_JOURNAL_MAX_BYTES,
    settings.EVENTLANE_JOURNAL_MAX_AGE_SECONDS,
)


class Unsealed(Stock):
    """The rule that at most `most_bytes` of a journal wait to be sealed; 0: as many as there are."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        super().__init__()
        self._folder, self._most_bytes = folder, most_bytes

    def _look(self) -> str:
        if not self._most_bytes:
            return ""
        waiting = backlog(self._folder).bytes
        if waiting <= self._most_bytes:
            return ""
        most = self._most_bytes // MIB
        return f"{self._folder} holds {waiting / MIB:,.0f} MiB unsealed, more than EVENTLANE_MAX_BACKLOG_MB={most}"


# What must not run short so that events are taken, and what senders are told then: of folders they learn nothing.
stocks: tuple[tuple[Stock, str], ...] = (
    (
        FreeSpace((settings.EVENTLANE_HOME, settings.EVENTLANE_JOURNAL), settings.EVENTLANE_MIN_FREE_MB * MIB),
        "the disk is nearly full: no events are taken until there is room again",
    ),
    (
        Unsealed(settings.EVENTLANE_JOURNAL, settings.EVENTLANE_MAX_BACKLOG_MB * MIB),
        "too many events wait to be sealed: no events are taken until there are fewer",
    ),
)
