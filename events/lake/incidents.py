"""What a node's sealer can't do, recorded in PostgreSQL for the console and `doctor`."""

from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from eventlane.database import DATABASE_FAILED
from events.models import SealerIncident

KEPT_INCIDENTS = timedelta(days=7)


def note_incident(file_name: str, error: str) -> None:
    """Record that a file, or anything at all (""), can't be sealed now. Does nothing while PostgreSQL is away."""
    now = timezone.now()
    try:
        SealerIncident.objects.filter(latest_time__lt=now - KEPT_INCIDENTS).delete()
        SealerIncident.objects.update_or_create(
            node=settings.EVENTLANE_NODE,
            file_name=file_name,
            end_time=None,
            defaults={"latest_time": now, "error": error},
            create_defaults={"start_time": now, "latest_time": now, "error": error},
        )
    except DATABASE_FAILED:
        connection.close()


def end_incidents(file_names: Collection[str]) -> None:
    """Record that sealing works, and that these files are sealed."""
    incidents = SealerIncident.objects.filter(node=settings.EVENTLANE_NODE, file_name__in=["", *file_names])
    incidents.filter(end_time=None).update(end_time=timezone.now())
