"""What a project's deletion has to hold up here."""

from typing import Any

from django.dispatch import receiver

from pipelines.models import UNFINISHED
from projects.deletion import project_is_going
from projects.models import Project


@receiver(project_is_going)
def lock_pipelines(project: Project, **_: Any) -> None:
    """Lock the project's unfinished pipelines, and so before their tasks, as workers do."""
    list(project.pipelines.select_for_update().filter(status__in=UNFINISHED).order_by("pk").values_list("pk"))
