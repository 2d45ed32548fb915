"""Where a process keeps what it accepts, and what it accepts at most."""

from django.conf import settings

from eventlane.configuration import MIB
from eventlane.free_space import FreeSpace
from events.ingest.parse import Limits
from events.journal import JournalWriter

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
    FreeSpace((settings.EVENTLANE_HOME, settings.EVENTLANE_JOURNAL), settings.EVENTLANE_MIN_FREE_MB * MIB),
)
