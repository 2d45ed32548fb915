"""The alerts of a project. All lookups start here, so that alerts of others are unknown."""

from django.db.models import QuerySet

from eventlane.lookup import get_or_unknown
from eventlane.names import is_name
from eventlane.wire.errors import UnknownObject
from events.models import AlertChange
from pipelines.models import Resource
from projects.models import Project


def alerts_of(project: Project) -> QuerySet[Resource]:
    """Return the resources of the project's alerts, each with its state as `alert`."""
    return Resource.objects.filter(project=project, type=Resource.Type.ALERT).select_related("project", "alert")


def get_alert(project: Project, alert_id: str) -> Resource:
    """Return an alert of the project, or raise UnknownObject."""
    return get_or_unknown(alerts_of(project), "alert", pk=alert_id)


def get_alert_by_name(project: Project, name: str) -> Resource:
    """Return the project's alert with this name, or raise UnknownObject."""
    if not is_name(name):  # PostgreSQL can't take every text as a parameter
        raise UnknownObject("alert")
    return get_or_unknown(alerts_of(project), "alert", name=name)


def changes_of(alert: Resource) -> QuerySet[AlertChange]:
    """Return the history of an alert."""
    return AlertChange.objects.filter(alert=alert.pk).prefetch_related("messages")
