"""What our management commands have in common: how projects and pipelines are named."""

from collections.abc import Sequence

from django.core.management.base import CommandError, CommandParser

from projects.models import Pipeline, Project


def add_project_argument(parser: CommandParser) -> None:
    """Add --project."""
    parser.add_argument("--project", metavar="P", help="name or id; needed when there are several")


def find_project(wanted: str | None) -> Project:
    """Return the one project that is meant; raise CommandError that lists the choice when it isn't clear."""
    projects = list(Project.objects.select_related("organization").order_by("organization__name", "name"))
    found = [project for project in projects if wanted in (None, project.name, project.pk)]
    if len(found) == 1:
        return found[0]
    choice = ", ".join(f"{project} (of {project.organization}, id {project.pk})" for project in found or projects)
    if not found:
        no = "there is no project" if wanted is None else f"there is no project {wanted!r}"
        raise CommandError(f"{no}; there is {choice or 'none yet: `manage.py up` makes the first one'}")
    raise CommandError(f"which project? Say --project with a name or id: {choice}")


def find_pipelines(ids: Sequence[str]) -> list[Pipeline]:
    """Return the pipelines of these ids, in their order; raise CommandError that names one that isn't there."""
    found = Pipeline.objects.select_related("project").in_bulk(list(ids))
    for pipeline_id in ids:
        if pipeline_id not in found:
            raise CommandError(f"there is no pipeline {pipeline_id!r}; `manage.py pipelines` lists them")
    return [found[pipeline_id] for pipeline_id in dict.fromkeys(ids)]
