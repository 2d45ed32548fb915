import json
from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from eventlane.command_line import ExampleCommand, whole_number
from eventlane.times import readable_time
from eventlane.wire.errors import ApiError, UnknownObject
from events.alerts.access import alerts_of, changes_of, get_alert_by_name
from events.alerts.actions import fire_test, read_snooze, snooze, unsnooze
from events.alerts.words import lines, state_text
from events.api.alerts import AlertChangeRepresentation, AlertRepresentation
from events.models import Alert
from events.query.terminal import text_table
from events.query.times import InvalidTime
from pipelines.following import visible
from pipelines.models import Resource
from projects.command_line import add_project_argument, find_project
from projects.models import Project

WHO = "manage.py alerts"
COLUMNS = ["alert", "state", "since", "value", "evaluated"]


class Command(ExampleCommand):
    help = (
        "List alerts with their state, or show some with their history, newest last; snooze or test them.\n\n"
        "--json prints one object per line: alerts as in the API; with NAME, the entries of its history."
    )
    example = """
python manage.py alerts
python manage.py alerts many-errors --limit 5
python manage.py alerts many-errors --snooze 4h
python manage.py alerts --json | jq 'select(.state != "ok") | .name'
"""
    prints_lines = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", metavar="NAME", nargs="*", help="show this alert with its history")
        add_project_argument(parser)
        parser.add_argument(
            "--limit", type=whole_number(1), default=20, metavar="N", help="the last N entries (default: 20)"
        )
        parser.add_argument("--snooze", metavar="TIME", help="with NAME: send and start nothing for this long, like 4h")
        parser.add_argument("--unsnooze", action="store_true", help="with NAME: end that now")
        parser.add_argument("--test", action="store_true", help="with NAME: send a test message to its channels")
        parser.add_argument("--json", action="store_true", help="print one JSON object per line")

    def handle(self, *args: Any, **options: Any) -> None:
        project = find_project(options["project"])
        if not options["names"] and (options["snooze"] or options["unsnooze"] or options["test"]):
            raise CommandError("--snooze, --unsnooze and --test need the NAME of an alert")
        named = [_find_alert(project, name) for name in options["names"]]
        for alert in named:
            self._act(alert, options)
        named = [get_alert_by_name(project, one.name) for one in named]
        if options["json"]:
            for line in _json_lines(named, options["limit"]) if named else map(_show, alerts_of(project)):
                self.stdout.write(line)
            return
        self._write_table(named or list(alerts_of(project).order_by("name")))
        for alert in named:
            for line in _history(alert, options["limit"]):
                self.stdout.write(line)

    def _act(self, alert: Resource, options: dict[str, Any]) -> None:
        try:
            if options["snooze"]:
                snooze(alert, timezone.now() + read_snooze(options["snooze"]), WHO)
            if options["unsnooze"]:
                unsnooze(alert, WHO)
            if options["test"]:
                fire_test(alert, WHO)
        except (InvalidTime, ApiError) as error:
            raise CommandError(str(error)) from None

    def _write_table(self, alerts: list[Resource]) -> None:
        for line in text_table(COLUMNS, [_row(one.alert) for one in alerts], len(COLUMNS)):
            self.stdout.write(line)


def _find_alert(project: Project, name: str) -> Resource:
    try:
        return get_alert_by_name(project, name)
    except UnknownObject:
        names = [one.name for one in alerts_of(project).order_by("name")]
        choice = f"choose from {', '.join(names)}" if names else "it has none"
        raise CommandError(f"project {project} has no alert {name!r}; {choice}") from None


def _row(alert: Alert) -> list[Any]:
    state = "disabled" if alert.resource.disabled else state_text(alert)
    state += ", snoozed" if alert.is_snoozed else ""
    evaluated = readable_time(alert.evaluation_time, "seconds") if alert.evaluation_time else ""
    return [alert.resource.name, state, readable_time(alert.state_time, "seconds"), alert.value, evaluated]


def _history(alert: Resource, limit: int) -> Iterator[str]:
    for change in reversed(changes_of(alert).order_by("-creation_time")[:limit]):
        yield f"  {readable_time(change.time, 'seconds')}  {change.kind} {change.text}".rstrip()
        for line in lines(change):
            yield f"    {line}"
        for message in change.messages.all():
            error = f": {visible(message.error)}" if message.error else ""
            yield f"    {message.channel} {message.state}{error}"


def _show(alert: Resource) -> str:
    return json.dumps(AlertRepresentation.show(alert))


def _json_lines(alerts: list[Resource], limit: int) -> Iterator[str]:
    for alert in alerts:
        for change in reversed(changes_of(alert).order_by("-creation_time")[:limit]):
            yield json.dumps({"alert": alert.name} | AlertChangeRepresentation.show(change))
