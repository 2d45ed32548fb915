from typing import Any

from django.core.management.base import BaseCommand

from eventlane.supervisor import replace_this_process


class Command(BaseCommand):
    help = (
        "Run the whole platform in the foreground: the database (if DATABASE_URL is unset), web and sealer. "
        "The first start creates an administrator, a project, a dataset and keys, and shows them once. "
        "Ctrl-C or SIGTERM stops everything. Example: EVENTLANE_BIND=0.0.0.0:8000 python manage.py up"
    )
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        replace_this_process()
