"""What our management commands share: how the user names a project, and numbers of an API key."""

from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import whole_number
from projects.models import Project

number = whole_number(0, 2**31 - 1)  # what the columns of API keys hold
times = whole_number(1, 2**15 - 1)


def add_project_argument(parser: CommandParser) -> None:
    """Add --project."""
    parser.add_argument("--project", metavar="P", help="name or id; needed when there are several")


def find_project(wanted: str | None) -> Project:
    """Return the project that is meant; raise CommandError with the choices if it isn't clear."""
    projects = list(Project.objects.select_related("organization").order_by("organization__name", "name"))
    found = [project for project in projects if wanted in (None, project.name, project.pk)]
    if len(found) == 1:
        return found[0]
    choice = ", ".join(f"{project} (of {project.organization}, id {project.pk})" for project in found or projects)
    if not found:
        no = "there is no project" if wanted is None else f"there is no project {wanted!r}"
        raise CommandError(f"{no}; {f'choose from {choice}' if choice else '`manage.py up` creates the first one'}")
    raise CommandError(f"which project? Use --project with a name or id: {choice}")
