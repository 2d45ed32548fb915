from argparse import SUPPRESS
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db.models import Q

from eventlane.command_line import ExampleCommand
from projects.command_line import number, times
from projects.models import ApiKey

CHANGEABLE = ("answer_200", "quarantine_after", "requests_per_second", "bytes_per_second")


class Command(ExampleCommand):
    help = (
        "Change how many events of an API key are taken, and what becomes of refused ones.\n\n"
        "The change holds within a second. What isn't given stays as it is. "
        "A key's rights, project and account are fixed."
    )
    example = """
python manage.py change_api_key shippers --requests-per-second 200 --bytes-per-second 1000000
python manage.py change_api_key evl_Xh3kT9pQ --requests-per-second default --quarantine-after 5
"""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("key", metavar="KEY", help="name, id, or beginning of the key")
        parser.add_argument(
            "--answer-200",
            choices=["yes", "no"],
            default=SUPPRESS,
            help="whether to answer 200 instead of 202 to accepted events",
        )
        parser.add_argument(
            "--quarantine-after",
            type=_times_or_never,
            metavar="N",
            default=SUPPRESS,
            help="put the same events into quarantine when they were refused N times; `never`: refuse them each time",
        )
        for name, what in (("requests", "requests with events"), ("bytes", "bytes of their bodies, as sent,")):
            parser.add_argument(
                f"--{name}-per-second",
                type=_number_or_default,
                metavar="N",
                default=SUPPRESS,
                help=f"take this many {what} a second; 0: no limit; `default`: as the settings say",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        changes = {name: options[name] for name in CHANGEABLE if name in options}
        if not changes:
            raise CommandError("say what to change; --help lists what can be")
        if "answer_200" in changes:
            changes["answer_200"] = changes["answer_200"] == "yes"
        api_key = _find(options["key"])
        ApiKey.objects.filter(pk=api_key.pk).update(**changes)
        api_key.refresh_from_db()
        self.stdout.write(f"{api_key} of {api_key.project or 'every project'}: {_description(api_key)}")


def _times_or_never(text: str) -> int | None:
    return None if text == "never" else times(text)


def _number_or_default(text: str) -> int | None:
    return None if text == "default" else number(text)


def _find(wanted: str) -> ApiKey:
    """Return the key that is meant and isn't revoked; raise CommandError with the choices if it isn't clear."""
    named = Q(pk=wanted) | Q(name=wanted) | Q(prefix=wanted.rstrip("…"))
    found = list(ApiKey.objects.select_related("project").filter(named, revocation_time=None).order_by("name", "pk"))
    if not found:
        raise CommandError(f"there is no API key {wanted!r} that isn't revoked")
    if len(found) > 1:
        choice = ", ".join(f"{api_key.prefix} (id {api_key.pk})" for api_key in found)
        raise CommandError(f"there are several API keys {wanted!r}; choose from {choice}")
    return found[0]


def _description(api_key: ApiKey) -> str:
    """Say what may be sent with a key."""
    limits = ((api_key.requests_per_second, "requests"), (api_key.bytes_per_second, "bytes"))
    parts = [_rate(limit, unit) for limit, unit in limits]
    refusals = api_key.quarantine_after
    parts.append(f"quarantine after {refusals} refusals" if refusals else "no quarantine")
    return ", ".join([*parts, f"answers {200 if api_key.answer_200 else 202}"])


def _rate(limit: int | None, unit: str) -> str:
    if limit is None:
        return f"{unit} a second as the settings say"
    return f"{limit:,} {unit} a second" if limit else f"{unit} without limit"
