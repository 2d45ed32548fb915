#!/usr/bin/env python3
"""Run a management command with `platform/` importable. Plain Django otherwise."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def main() -> None:
    sys.path.insert(0, str(ROOT / "platform"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventlane.settings")
    from django.core.management import execute_from_command_line

    from eventlane.configuration import InvalidSetting
    from eventlane.processes import allow_many_files

    allow_many_files()
    try:
        execute_from_command_line(sys.argv)
    except InvalidSetting as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
