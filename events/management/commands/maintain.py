from typing import Any

import duckdb
from django.core.management.base import CommandError
from django.db import Error as DatabaseError
from django.utils import timezone

from eventlane.commands import ExampleCommand
from events.lake.connection import Lake
from events.lake.maintain import Step, maintain


class Command(ExampleCommand):
    help = (
        "Keep the lake small and quick: merge small files, delete events past their dataset's retention, "
        "expire snapshots, remove files. May run beside everything else; `up` runs it on a schedule."
    )
    example = "python manage.py maintain"
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with Lake() as lake:
                failed = [step.name for step in maintain(lake, timezone.now()) if not self._tell(step)]
        except (duckdb.Error, DatabaseError) as error:
            raise CommandError(f"the lake can't be reached: {error}") from None
        if failed:
            raise CommandError(f"failed: {', '.join(failed)}; the lines above say why, the next run tries again")

    def _tell(self, step: Step) -> bool:
        self.stdout.write(f"{step.name}: {step.result}")
        return not step.failed
