import json
import time
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser
from django.core.validators import validate_email
from django.db import connection, transaction

from eventlane.banner import keep_secrets
from eventlane.command_line import ExampleCommand
from eventlane.database import DATABASE_AWAY
from eventlane.installation import WrongInstallation
from eventlane.one_line import one_line
from events.installation import find_installation, mark_folders, record_installation
from events.models import Dataset
from projects.first_start import FirstStart, create_first_organization

DATASET = "logs"
LOCK = 0x6576656E746C616E  # "eventlan": PostgreSQL's number for this lock
DATABASE_SECONDS = 60.0


class Command(ExampleCommand):
    help = (
        "Bring the database up to date, and fill an empty one with an administrator, a project, a dataset and keys.\n"
        "`up` does this at every start; nodes that start together wait for each other."
    )
    example = """
python manage.py set_up
"""
    needs_platform = False
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="print what was created, including secrets, as a JSON object"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._wait_for_database()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])  # released when the connection ends, whatever happens
        try:
            installation = find_installation()
        except WrongInstallation as error:
            raise CommandError(str(error)) from None
        call_command("migrate", interactive=False, verbosity=0, stdout=self.stderr)
        made = _fill(installation)
        mark_folders(installation)
        connection.close()
        report = _report(made) if made else {}
        self.stdout.write(json.dumps(report) if options["json"] else self._message(report))

    def _message(self, report: dict[str, Any]) -> str:
        """Return what to print; secrets only on a terminal."""
        if not report:
            return "The database is up to date."
        return _sentences(report) if self.stdout.isatty() else keep_secrets(_sentences(report))

    def _wait_for_database(self) -> None:
        """Wait for a database that is starting at the same time."""
        deadline = time.monotonic() + DATABASE_SECONDS
        while True:
            try:
                return connection.ensure_connection()
            except DATABASE_AWAY as error:
                if time.monotonic() > deadline:
                    raise CommandError(f"the database does not answer: {one_line(error)}") from None
                self.stderr.write(f"waiting for the database: {one_line(error)}")
                time.sleep(2)


def _fill(installation: str) -> FirstStart | None:
    """Create everything for the first start, or nothing."""
    email = settings.EVENTLANE_ADMIN_EMAIL
    try:
        validate_email(email)
    except ValidationError:
        raise CommandError(f"EVENTLANE_ADMIN_EMAIL={email!r} is not an e-mail address") from None
    password = settings.EVENTLANE_ADMIN_PASSWORD
    with transaction.atomic():
        try:
            made = create_first_organization(email=email, password=password)
        except ValidationError as error:
            raise CommandError(f"EVENTLANE_ADMIN_PASSWORD: {' '.join(error.messages)}") from None
        if made:
            Dataset.objects.create(project=made.project, name=DATASET)
        record_installation(installation)
    return made


def _report(made: FirstStart) -> dict[str, Any]:
    return {
        "email": made.account.email,
        "password": None if settings.EVENTLANE_ADMIN_PASSWORD else made.password,
        "project": made.project.name,
        "dataset": DATASET,
        "keys": made.keys,
    }


def _sentences(report: dict[str, Any]) -> str:
    keys = "\n".join(f"{right} key: {secret}" for right, secret in report["keys"].items())
    password = report["password"] or "the one in EVENTLANE_ADMIN_PASSWORD"
    return f"login: {report['email']}\npassword: {password}\n{keys}"
