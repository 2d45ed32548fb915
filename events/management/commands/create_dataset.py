import re
from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from eventlane.command_line import ExampleCommand
from events.models import Dataset
from projects.models import Project

FOREVER = "forever"
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Command(ExampleCommand):
    help = "Create a dataset, so that events can be sent to it."
    example = """
python manage.py create_dataset logs --project main
python manage.py create_dataset audit --project main --retention-days forever --default-namespace app
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="lower case letters, digits, - and _")
        parser.add_argument("--project", metavar="P", help="its name; needed when there are several")
        parser.add_argument("--organization", metavar="O", help="needed when several have a project with this name")
        parser.add_argument(
            "--retention-days",
            type=_days,
            default=settings.EVENTLANE_RETENTION_DAYS,
            metavar="N",
            help=f"delete events this many days after they are received, or `{FOREVER}` (default: %(default)s)",
        )
        parser.add_argument(
            "--default-namespace",
            type=_namespace,
            metavar="NS",
            help="namespace of events sent without one (default: such a request is refused)",
        )
        parser.add_argument(
            "--unwrap-message",
            action="store_true",
            help="read level, time, ids and other columns also from messages that are JSON as text, like Docker's",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = _find_project(options["project"], options["organization"])
        if Dataset.objects.filter(project=project, name=options["name"]).exists():
            raise CommandError(f"project {project} already has a dataset {options['name']}")
        dataset = Dataset(
            project=project,
            name=options["name"],
            retention_days=options["retention_days"],
            default_namespace=options["default_namespace"] or "",
            unwrap_message=options["unwrap_message"],
        )
        try:
            dataset.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from None
        dataset.save()
        kept = f"{dataset.retention_days} days" if dataset.retention_days else "forever"
        self.stdout.write(
            f"Dataset {dataset.name} in project {dataset.project}; events are kept {kept}.\n"
            f"Send them to {settings.EVENTLANE_PUBLIC_URL}/v1/{dataset.name}/<namespace>"
        )


def _days(text: str) -> int | None:
    if text == FOREVER:
        return None
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 36500:
        raise ArgumentTypeError(f"{text!r} is neither a number of days from 1 to 36500 nor `{FOREVER}`")
    return int(text)


def _namespace(text: str) -> str:
    """Check a default namespace like one in a route."""
    limit = settings.EVENTLANE_MAX_NAMESPACE_LENGTH
    if not 1 <= len(text) <= limit or CONTROL_CHARACTER.search(text):
        raise ArgumentTypeError(f"a namespace must have 1 to {limit} characters and no control characters")
    return text


def _find_project(name: str | None, organization: str | None) -> Project:
    """Return the project that is meant; raise CommandError with the choices if it isn't clear."""
    wanted = Q() if name is None else Q(name=name)
    wanted &= Q() if organization is None else Q(organization__name=organization)
    found = list(Project.objects.filter(wanted).select_related("organization")[:2])
    if len(found) == 1:
        return found[0]
    there_is = "there is " + (", ".join(_all_projects()) or "no project yet; `manage.py up` creates the first one")
    if not found:
        raise CommandError(f"no such project; {there_is}")
    option = "--project" if name is None else "--organization"
    raise CommandError(f"which project? Use {option}; {there_is}")


def _all_projects() -> list[str]:
    projects = Project.objects.select_related("organization").order_by("organization__name", "name")
    return [f"{project.name} (of {project.organization})" for project in projects]
