from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventlane.commands import ExampleCommand
from projects.command_line import add_project_argument, find_project
from projects.runtimes.local import may_be_enabled, why_refused


class Command(ExampleCommand):
    help = (
        "Let tasks of a project run as processes of the workers (the runtime `local`), as the switch on the\n"
        "project's page in the console does. Only where EVENTLANE_LOCAL_RUNTIME allows it."
    )
    example = """
python manage.py allow_tasks --project main
python manage.py allow_tasks --project main --revoke
"""

    def add_arguments(self, parser: CommandParser) -> None:
        add_project_argument(parser)
        parser.add_argument("--revoke", action="store_true", help="don't let them any more")

    def handle(self, *args: Any, **options: Any) -> None:
        project = find_project(options["project"])
        wanted = not options["revoke"]
        if wanted and not project.local_runtime and not may_be_enabled():
            raise CommandError("this server doesn't allow local tasks: see EVENTLANE_LOCAL_RUNTIME")
        project.local_runtime = wanted
        project.save(update_fields=["local_runtime"])
        self.stdout.write(f"Local tasks of project {project} {'may' if wanted else 'may no longer'} run.")
        if wanted and (reason := why_refused()):
            self.stderr.write(f"Workers like this machine refuse them: {reason}.", self.style.WARNING)
