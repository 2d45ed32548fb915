from argparse import SUPPRESS
from pathlib import Path
from typing import Any

import duckdb
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from eventlane.command_line import ExampleCommand
from eventlane.database import DATABASE_FAILED
from eventlane.progress import Progress
from events.lake.connection import Lake
from events.lake.maintain import Step, maintain


class Command(ExampleCommand):
    help = (
        "Keep the lake small and fast: merge small files, delete events past their dataset's retention, expire\n"
        "snapshots, remove files. May run beside everything else; `up` runs it on a schedule."
    )
    example = "python manage.py maintain"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--progress", type=Path, help=SUPPRESS)  # the supervisor's

    def handle(self, *args: Any, **options: Any) -> None:
        progress = Progress(options["progress"])
        try:
            with Lake() as lake:
                failed = [step.name for step in maintain(lake, timezone.now()) if not self._tell(step, progress)]
        except (duckdb.Error, DATABASE_FAILED) as error:
            raise CommandError(f"the lake can't be opened: {error}") from None
        if failed:
            raise CommandError(f"failed: {', '.join(failed)}; see the lines above; the next run tries again")

    def _tell(self, step: Step, progress: Progress) -> bool:
        progress.step()
        self.stdout.write(f"{step.name}: {step.result}")
        return not step.failed
