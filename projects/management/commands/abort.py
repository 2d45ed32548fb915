from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventlane.commands import ExampleCommand
from eventlane.wire.errors import StateError
from projects.command_line import find_pipelines
from projects.execution.pipelines import abort_pipeline


class Command(ExampleCommand):
    help = "Abort pipelines: what runs of them is stopped within seconds, what has ended stays as it is."
    example = """
python manage.py abort 23BxCU5Dh90B3XVF4UrkWrnjdCO
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ids", metavar="PIPELINE_ID", nargs="+")

    def handle(self, *args: Any, **options: Any) -> None:
        refused = False
        for pipeline in find_pipelines(options["ids"]):
            try:
                abort_pipeline(pipeline)
                self.stdout.write(f"{pipeline}: aborted")
            except StateError as error:
                refused = True
                self.stderr.write(f"{pipeline}: {error}")
        if refused:
            raise CommandError("not every pipeline was aborted")
