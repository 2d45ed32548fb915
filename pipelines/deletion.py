"""What the deletion of a project must hold up here."""

from typing import Any

from django.dispatch import receiver

from pipelines.models import UNFINISHED
from projects.deletion import project_is_going
from projects.models import Project


@receiver(project_is_going)
def lock_pipelines(project: Project, **_: Any) -> None:
    """Lock the project's unfinished pipelines, before their tasks, in the same order as workers."""
    list(project.pipelines.select_for_update().filter(status__in=UNFINISHED).order_by("pk").values_list("pk"))
