import sys
from typing import Any

from django.core.management.base import CommandParser

from eventlane.command_line import ExampleCommand
from events.command_line import find_dataset
from events.dashboards import starter
from pipelines.resources.files import spec_text


class Command(ExampleCommand):
    help = (
        "Print a dashboard that suits any dataset, as YAML to deploy: events and errors in numbers and over time,\n"
        "services, durations, the newest errors. Change it as you like."
    )
    example = """
python manage.py starter_dashboard logs > resources/logs.yaml
python manage.py deploy resources --project main
"""
    prints_lines = True
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("dataset", metavar="DATASET")
        parser.add_argument("--project", metavar="P", help="name or id; needed when several have such a dataset")

    def handle(self, *args: Any, **options: Any) -> None:
        dataset = find_dataset(options["dataset"], options["project"])
        sys.stdout.write(spec_text(starter(dataset.name), compact=True))
