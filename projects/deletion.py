"""Delete a project while programs send to it and workers run its tasks."""

from django.dispatch import Signal

from eventlane.lookup import get_or_unknown
from eventlane.transactions import retry
from projects.models import Project

# Sent with the locked `project` before its deletion. Receivers lock rows of theirs that others may be changing.
project_is_going = Signal()


def delete_project(project: Project) -> None:
    """Delete a project with everything in it. Workers stop its tasks within seconds.

    Raises UnknownObject if someone else has deleted it.
    """
    retry(lambda: _delete(project.pk))


def _delete(project_id: str) -> None:
    """Hold up everybody who creates something in the project, then delete it; they find it gone."""
    project = get_or_unknown(Project.objects.select_for_update(), "project", pk=project_id)
    project_is_going.send(Project, project=project)
    project.delete()
