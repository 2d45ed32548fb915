import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand
from eventlane.times import readable_time
from eventlane.wire.errors import UnknownObject
from events.alerts.access import alerts_of, changes_of, get_alert_by_name
from events.alerts.words import condition_text, state_text
from events.api.alerts import AlertChangeRepresentation, AlertRepresentation
from events.models import Alert
from events.query.terminal import text_table
from pipelines.models import Resource
from projects.command_line import add_project_argument, find_project

COLUMNS = ["alert", "state", "since", "value", "evaluated"]


class Command(ExampleCommand):
    help = (
        "List alerts with their state, or show some with their history, newest last.\n\n"
        "--json prints one object per line: alerts as in the API; with NAME, the entries of its history."
    )
    example = """
python manage.py alerts
python manage.py alerts many-errors --limit 5
python manage.py alerts --json | jq 'select(.state != "ok") | .name'
"""
    prints_lines = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", metavar="NAME", nargs="*", help="show this alert with its history")
        add_project_argument(parser)
        parser.add_argument("--limit", type=int, default=20, metavar="N", help="the last N entries (default: 20)")
        parser.add_argument("--json", action="store_true", help="print one JSON object per line")

    def handle(self, *args: Any, **options: Any) -> None:
        project = find_project(options["project"])
        try:
            named = [get_alert_by_name(project, name) for name in options["names"]]
        except UnknownObject:
            names = [one.name for one in alerts_of(project).order_by("name")]
            raise CommandError(f"there is no such alert in {project}; there is {', '.join(names) or 'none'}") from None
        if options["json"]:
            for line in _json_lines(named, options["limit"]) if named else map(_show, alerts_of(project)):
                self.stdout.write(line)
            return
        self._write_table(named or list(alerts_of(project).order_by("name")))
        for alert in named:
            for line in _history(alert, options["limit"]):
                self.stdout.write(line)

    def _write_table(self, alerts: list[Resource]) -> None:
        for line in text_table(COLUMNS, [_row(one.alert) for one in alerts], len(COLUMNS)):
            self.stdout.write(line)


def _row(alert: Alert) -> list[Any]:
    state = "disabled" if alert.resource.disabled else state_text(alert)
    evaluated = readable_time(alert.evaluation_time, "seconds") if alert.evaluation_time else ""
    return [alert.resource.name, state, readable_time(alert.state_time, "seconds"), alert.value, evaluated]


def _history(alert: Resource, limit: int) -> Iterator[str]:
    for change in reversed(changes_of(alert).order_by("-creation_time")[: max(limit, 0)]):
        yield f"  {readable_time(change.time, 'seconds')}  {change.kind}"
        for condition in change.conditions:
            yield f"    {condition_text(condition)}"


def _show(alert: Resource) -> str:
    return json.dumps(AlertRepresentation.show(alert))


def _json_lines(alerts: list[Resource], limit: int) -> Iterator[str]:
    for alert in alerts:
        for change in reversed(changes_of(alert).order_by("-creation_time")[: max(limit, 0)]):
            yield json.dumps({"alert": alert.name} | AlertChangeRepresentation.show(change))
