from argparse import ArgumentTypeError
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from eventlane.command_line import ExampleCommand
from eventlane.durations import InvalidDuration, parse_duration
from eventlane.fields import longest
from eventlane.times import readable_time
from projects.api_keys import issue_api_key
from projects.command_line import number, times
from projects.models import Account, ApiKey, Project
from projects.models.api_key import RIGHTS


class Command(ExampleCommand):
    help = (
        "Create an API key and print it on standard output, and nothing else. It can't be shown again.\n\n"
        "The right `ingest` sends events and needs a project. The others are for the platform API: `read`;\n"
        "`write`, which starts and stops pipelines and manages keys and datasets; `deploy`, which changes\n"
        "resources and identities. `write` and `deploy` include `read`. A key without a project reaches every\n"
        "project of its account's organization."
    )
    example = """
python manage.py create_api_key shippers --rights ingest --project main
python manage.py create_api_key dashboards --rights read --expires 90d
EVENTLANE_KEY=$(python manage.py create_api_key import --rights ingest --project main)
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what the key is for, as the console will list it")
        parser.add_argument("--rights", required=True, type=_rights, help=f"one or more of {','.join(RIGHTS)}")
        parser.add_argument("--project", metavar="P", help="the only project the key reaches")
        parser.add_argument(
            "--account", metavar="EMAIL", help="account that the key acts for (default: the first administrator)"
        )
        parser.add_argument(
            "--expires", type=_expiration, metavar="TIME", help="let it expire after this long, like 90d"
        )

        parser.add_argument(
            "--answer-200",
            action="store_true",
            help="answer 200 instead of 202 to accepted events: winston's HTTP transport needs that",
        )
        parser.add_argument(
            "--quarantine-after",
            type=times,
            metavar="N",
            help="put the same events into quarantine when they were refused N times, and answer as if accepted",
        )
        for name, what in (("requests", "requests with events"), ("bytes", "bytes of their bodies, as sent,")):
            parser.add_argument(
                f"--{name}-per-second",
                type=number,
                metavar="N",
                help=f"take this many {what} a second (default: as the settings say; 0: no limit)",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        account = _find_account(options["account"])
        project = _find_project(account, options["project"]) if options["project"] else None
        if "ingest" in options["rights"] and project is None:
            raise CommandError(f"the ingest right needs a project: --project with {_names(_projects(account))}")
        api_key, secret = issue_api_key(
            account=account,
            name=_check_name(options["name"]),
            rights=options["rights"],
            project=project,
            expiration_time=options["expires"],
            answer_200=options["answer_200"],
            requests_per_second=options["requests_per_second"],
            bytes_per_second=options["bytes_per_second"],
            quarantine_after=options["quarantine_after"],
        )
        self.stderr.write(_sentence(api_key), self.style.SUCCESS)
        self.stdout.write(secret)


def _rights(text: str) -> list[str]:
    rights = [right.strip() for right in text.split(",")]
    for right in rights:
        if right not in RIGHTS:
            raise ArgumentTypeError(f"{right!r} is not a right; choose from {', '.join(RIGHTS)}")
    return rights


def _expiration(text: str) -> datetime:
    try:
        lifetime = parse_duration(text)
        if lifetime == timedelta(0):
            raise ArgumentTypeError("a key must be valid for longer than that")
        return timezone.now() + lifetime
    except (InvalidDuration, OverflowError) as error:
        raise ArgumentTypeError(str(error)) from None


def _check_name(name: str) -> str:
    limit = longest(ApiKey, "name")
    if not name.strip() or len(name) > limit:
        raise CommandError(f"a key's name has 1 to {limit} characters")
    return name.strip()


def _find_account(email: str | None) -> Account:
    """Return the account with this address, or the oldest administrator."""
    accounts = Account.objects.select_related("organization")
    if email is None:
        active = accounts.filter(role=Account.Role.ADMIN, disabled=False, organization__disabled=False)
        account = active.order_by("creation_time", "id").first()
        if account is None:
            raise CommandError("there is no administrator yet; `manage.py up` creates the first one")
        return account
    account = accounts.filter(email__iexact=email).first()
    if account is None:
        emails = _names(Account.objects.values_list("email", flat=True))
        raise CommandError(f"there is no account {email!r}; there is {emails}")
    if not account.is_active:
        raise CommandError(f"{account.email} or its organization is disabled: its keys don't work")
    return account


def _projects(account: Account) -> Iterable[str]:
    return account.organization.projects.values_list("name", flat=True)


def _find_project(account: Account, name: str) -> Project:
    try:
        return account.organization.projects.get(name=name)
    except Project.DoesNotExist:
        organization = account.organization.name
        raise CommandError(f"{organization} has no project {name!r}; it has {_names(_projects(account))}") from None


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _sentence(api_key: ApiKey) -> str:
    reach = f"project {api_key.project}" if api_key.project else f"every project of {api_key.organization}"
    end = f", until {readable_time(api_key.expiration_time)}" if api_key.expiration_time else ""
    rights = ", ".join(api_key.rights)
    return f"Key {api_key.name!r} of {api_key.account}: {rights} on {reach}{end}. Keep it: it isn't shown again."
