from argparse import SUPPRESS
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from eventlane.command_line import ExampleCommand, whole_number
from eventlane.progress import Progress
from projects.installation import check_at_start


class Command(ExampleCommand):
    help = "Run pipeline tasks and timers until SIGTERM or Ctrl-C. Any number of workers may run."
    example = """
python manage.py work
python manage.py work --tasks 8
"""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--tasks", type=whole_number(1), metavar="N", help="tasks to run at once (default: EVENTLANE_WORKER_TASKS)"
        )
        parser.add_argument("--progress", type=Path, help=SUPPRESS)  # the supervisor's

    def handle(self, *args: Any, **options: Any) -> None:
        from pipelines.execution.worker import PROGRESS_THREADS, Worker

        check_at_start()
        progress = Progress(options["progress"], PROGRESS_THREADS)
        Worker(options["tasks"] or settings.EVENTLANE_WORKER_TASKS, progress).run()
