"""Times that a clock which was ahead gave away: events keep them, but nothing waits until they have come."""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone


def newest_time() -> datetime:
    """Return the latest time that something received by now may bear; what is later is of a clock that was ahead."""
    return timezone.now() + timedelta(seconds=settings.EVENTLANE_CLOCK_TOLERANCE_SECONDS)
