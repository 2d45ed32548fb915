from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand
from pipelines.runtimes.allowed import WHY_REFUSED, may_be_allowed, setting_of, switch_of, why_refused
from projects.command_line import add_project_argument, find_project


class Command(ExampleCommand):
    help = (
        "Let a project's tasks run as processes of the workers (the runtime `local`) or in containers, like the\n"
        "switches on the project's page in the console. EVENTLANE_LOCAL_RUNTIME or EVENTLANE_CONTAINER_RUNTIME\n"
        "must allow it."
    )
    example = """
python manage.py allow_tasks --project main
python manage.py allow_tasks --project main --runtime container
python manage.py allow_tasks --project main --revoke
"""

    def add_arguments(self, parser: CommandParser) -> None:
        add_project_argument(parser)
        parser.add_argument("--runtime", choices=tuple(WHY_REFUSED), default="local", help="default: local")
        parser.add_argument("--revoke", action="store_true", help="stop allowing them")

    def handle(self, *args: Any, **options: Any) -> None:
        project, runtime, wanted = find_project(options["project"]), options["runtime"], not options["revoke"]
        if wanted and not getattr(project, switch_of(runtime)) and not may_be_allowed(runtime):
            raise CommandError(f"this server doesn't allow {runtime} tasks: see {setting_of(runtime)}")
        setattr(project, switch_of(runtime), wanted)
        project.save(update_fields=[switch_of(runtime)])
        self.stdout.write(
            f"{runtime.capitalize()} tasks of project {project} {'may' if wanted else 'may no longer'} run."
        )
        if wanted and (reason := why_refused(runtime)):
            self.stderr.write(f"Workers on a machine like this one refuse them: {reason}.", self.style.WARNING)
