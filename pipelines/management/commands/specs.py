from typing import Any

from django.core.management.base import CommandParser

from eventlane.command_line import ExampleCommand
from pipelines.resources.reference import examples, page


class Command(ExampleCommand):
    help = "Print a page of docs/specs: the members of a spec of this kind, with types and defaults."
    example = "python manage.py specs task > docs/specs/task.md"
    requires_system_checks: list[str] = []
    needs_platform = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=examples())

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(page(options["kind"]), ending="")
