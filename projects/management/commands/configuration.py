from itertools import groupby
from pathlib import Path
from typing import Any

from eventlane.command_line import ExampleCommand
from eventlane.configuration import ROOT, SETTINGS, Setting

INTRODUCTION = """\
# Configuration

Eventlane is configured with environment variables. Each has a default that works. They are read at the start, so
restart after you change one. An invalid value, or an `EVENTLANE_` variable that isn't listed here, stops the start
with a message that names it.

This page is generated from the table in `platform/eventlane/configuration.py`: `python manage.py configuration`.
"""


class Command(ExampleCommand):
    help = "Print docs/configuration.md: every setting with its default, its unit and what it does."
    example = "python manage.py configuration > docs/configuration.md"
    requires_system_checks: list[str] = []
    needs_platform = False

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(configuration_page(), ending="")


def configuration_page() -> str:
    """Return docs/configuration.md."""
    groups = [_group(name, list(rows)) for name, rows in groupby(SETTINGS, key=lambda setting: setting.group)]
    return "\n".join([INTRODUCTION, *groups])


def _group(name: str, settings: list[Setting]) -> str:
    rows = "".join(map(_row, settings))
    return f"## {name}\n\n| Variable | Default | Unit | Meaning |\n| --- | --- | --- | --- |\n{rows}"


def _row(setting: Setting) -> str:
    cells = [f"`{setting.name}`", _default(setting.default), setting.unit, setting.meaning]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _default(text: str) -> str:
    """Return a default as shown: a path in this checkout would differ on every machine."""
    path = Path(text)
    if path.is_absolute() and path.is_relative_to(ROOT):
        return f"`{path.relative_to(ROOT)}` beside `manage.py`"
    return f"`{text}`" if text else "(empty)"
