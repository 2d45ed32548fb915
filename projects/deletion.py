"""Deleting a project while programs send to it and workers run its tasks."""

from eventlane.wire.errors import UnknownObject
from projects.attempts import attempt
from projects.models import UNFINISHED, Project


def delete_project(project: Project) -> None:
    """Delete a project with all that it has; workers stop what they run of it within seconds.

    Raises UnknownObject when somebody else has deleted it.
    """
    attempt(lambda: _delete(project.pk))


def _delete(project_id: str) -> None:
    """Hold everybody up who makes something in the project, then delete it; they find it gone.

    Pipelines are locked before their tasks, as workers do.
    """
    project = Project.objects.select_for_update().filter(pk=project_id).first()
    if project is None:
        raise UnknownObject("project")
    list(project.pipelines.select_for_update().filter(status__in=UNFINISHED).order_by("pk").values_list("pk"))
    project.delete()
