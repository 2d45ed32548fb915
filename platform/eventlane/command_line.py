"""What our management commands share: help with examples, and a short message if there is no database."""

import signal
from argparse import Action, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter

from eventlane.database import DATABASE_AWAY
from eventlane.installation import WrongInstallation
from eventlane.one_line import one_line


class ExampleHelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Lists our options first and Django's own in one line; keeps description and examples as written."""

    def add_usage(self, usage: str | None, actions: Iterable[Action], *args: Any, **kwargs: Any) -> None:
        """Leave Django's options out of the usage line."""
        super().add_usage(usage, self._ours(actions), *args, **kwargs)

    def add_arguments(self, actions: Iterable[Action]) -> None:
        """Describe our options; only name Django's."""
        given = list(actions)
        ours = self._ours(given)
        super().add_arguments(ours)
        others = [action.option_strings[-1] for action in given if action not in ours]
        if others:
            self.add_text(f"Django's own: {', '.join(others)}")

    def _ours(self, actions: Iterable[Action]) -> list[Action]:
        return [action for action in actions if not self.show_last.intersection(action.option_strings)]


class ExampleCommand(BaseCommand):
    """A management command whose --help ends with `example`: command lines as a user would type them.

    It refuses a home where no platform was ever started, unless it declares that it needs none. One that
    `prints_lines` ends quietly when nobody reads them any more, as in `tail … | head`.
    """

    example: str
    needs_platform = True
    prints_lines = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Append the examples."""
        lines = "\n".join(f"  {line}" for line in self.example.strip().splitlines())
        kwargs.setdefault("formatter_class", ExampleHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=f"Example:\n{lines}", **kwargs)

    def run_from_argv(self, argv: list[str]) -> None:
        """Run the command in its own process. In another, SIGPIPE would end whoever writes to a closed socket."""
        if self.prints_lines:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        super().run_from_argv(argv)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. A database that is away or not ours gets a message instead of a traceback."""
        if self.needs_platform and not settings.EVENTLANE_IN_USE:
            raise CommandError(_nothing_runs_here())
        try:
            return super().execute(*args, **options)
        except DATABASE_AWAY as error:
            raise CommandError(
                f"the database does not answer: {one_line(error)}; `manage.py doctor` says what to do"
            ) from error
        except WrongInstallation as error:
            raise CommandError(str(error)) from error


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return a parser of whole numbers within bounds, for an option."""
    bounds = f"from {least} to {most}" if most is not None else f"that is at least {least}"

    def read(text: str) -> int:
        if not (text.isascii() and text.isdecimal() and least <= int(text) <= (int(text) if most is None else most)):
            raise ArgumentTypeError(f"{text!r} is not a whole number {bounds}")
        return int(text)

    return read


def _nothing_runs_here() -> str:
    return (
        f"nothing runs in {settings.EVENTLANE_HOME}: it has no database, and DATABASE_URL is not set. "
        "Set EVENTLANE_HOME to where Eventlane runs, or start it here with `manage.py up`"
    )
