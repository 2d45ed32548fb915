import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser
from rich.console import Console
from rich.text import Text

from eventlane.command_line import ExampleCommand
from events.doctor.examine import examine
from events.doctor.finding import OK, PROBLEM, WARNING, Finding

MARKS = {OK: ("✓", "green"), WARNING: ("!", "yellow"), PROBLEM: ("✗", "bold red")}


class Command(ExampleCommand):
    help = (
        "Check everything that Eventlane depends on: versions, settings, disk, journal, database, clock, lake.\n\n"
        "Each line says `ok`, `warning` or `problem` and what to do about it. The exit status is 1 if\n"
        "there is a problem. It works with the database down, and changes nothing."
    )
    example = """
python manage.py doctor
python manage.py doctor --json | jq '.[] | select(.state != "ok")'
"""
    requires_system_checks: list[str] = []
    needs_platform = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print an array of {check, state, message, advice}")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for finding in examine():
            findings.append(finding)
            if not options["json"]:
                self._show(finding)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2))
        if any(finding.state == PROBLEM for finding in findings):
            sys.exit(1)

    def _show(self, finding: Finding) -> None:
        out: Any = self.stdout._out
        console = Console(file=out, soft_wrap=True)
        mark, style = MARKS[finding.state]
        line = Text(f"{mark} " if console.is_terminal else "")
        line.append(f"{finding.state:<8}").append(f"{finding.check:<13}", "bold")
        indent = " " * len(line)
        line.stylize(style, 0, len(line) - 13)
        console.print(line.append(finding.message))
        if finding.advice:
            console.print(Text(f"{indent}→ {finding.advice}", style))
