from typing import Any

from eventlane.command_line import ExampleCommand
from eventlane.supervisor import replace_this_process


class Command(ExampleCommand):
    help = (
        "Run the whole platform in the foreground: PostgreSQL (unless DATABASE_URL is set), web processes, sealer,\n"
        "workers, maintenance, and a listener for syslog if it has an address. Ctrl-C or SIGTERM stops everything.\n\n"
        "The first start creates an administrator, a project, a dataset and keys, and shows them once."
    )
    example = """
python manage.py up
EVENTLANE_BIND=0.0.0.0:8000 python manage.py up
"""
    requires_system_checks: list[str] = []
    needs_platform = False

    def handle(self, *args: Any, **options: Any) -> None:
        replace_this_process()
