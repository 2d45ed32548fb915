#!/usr/bin/env python3
"""Run a management command with `platform/` importable. Plain Django otherwise."""

import gc
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
INTERRUPTED = 130  # what shells make of a program that Ctrl-C ended


def main() -> None:
    sys.path.insert(0, str(ROOT / "platform"))
    if sys.argv[1:] in (["--version"], ["version"]):
        sys.exit(print_version())
    if sys.argv[1:] == ["up"]:
        up()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventlane.settings")
    gc.disable()  # what imports create stays: looking through it for garbage takes a tenth of a command's start
    import django
    from django.core.management import execute_from_command_line

    from eventlane.configuration import InvalidSetting
    from eventlane.processes import allow_many_files

    allow_many_files()
    try:
        django.setup()
        gc.freeze()
        gc.enable()
        execute_from_command_line(sys.argv)
    except InvalidSetting as error:
        sys.exit(f"{error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except RuntimeError as error:  # DuckDB raises this for a Ctrl-C during a query
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        sys.exit(INTERRUPTED)


def up() -> None:
    """Become the supervisor, which needs nothing of Django: importing that would take a third of a second."""
    from eventlane.configuration import InvalidSetting, read_settings
    from eventlane.processes import allow_many_files
    from eventlane.supervisor import replace_this_process

    allow_many_files()
    try:
        read_settings()
    except InvalidSetting as error:
        sys.exit(f"{error}")
    replace_this_process()


def print_version() -> None:
    """Say which release this is, where Django would name its own."""
    from django import get_version

    from eventlane import __version__

    print(f"Eventlane {__version__} (Django {get_version()}, Python {sys.version.split()[0]})")


if __name__ == "__main__":
    main()
