from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand
from eventlane.wire.errors import StateError
from pipelines.command_line import find_pipelines
from pipelines.execution.pipelines import restart_pipeline
from pipelines.following import follow_pipelines


class Command(ExampleCommand):
    help = (
        "Run a finished pipeline again, with the specs, event and parameters that it had. Its scratchpad is\n"
        "emptied. With --from-failure, the scratchpad and successful tasks are kept."
    )
    example = """
python manage.py restart 23BxCU5Dh90B3XVF4UrkWrnjdCO
python manage.py restart 23BxCU5Dh90B3XVF4UrkWrnjdCO --from-failure --follow
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="PIPELINE_ID")
        parser.add_argument("--from-failure", action="store_true", help="only the tasks that failed or were aborted")
        parser.add_argument("--follow", action="store_true", help="show its output, exit like `manage.py run`")

    def handle(self, *args: Any, **options: Any) -> None:
        [pipeline] = find_pipelines([options["id"]])
        try:
            restart_pipeline(pipeline, from_failure=options["from_failure"])
        except StateError as error:
            raise CommandError(str(error)) from None
        self.stderr.write(f"pipeline {pipeline}: restarted", str)
        if options["follow"]:
            raise SystemExit(follow_pipelines(self, [pipeline]))
