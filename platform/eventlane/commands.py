"""What our management commands have in common: help that ends with examples, and few words for a lost database."""

from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter
from django.db import OperationalError

from eventlane.installation import WrongInstallation


class ExampleHelpFormatter(DjangoHelpFormatter, RawDescriptionHelpFormatter):
    """Django's order of options; description and examples as written."""


class ExampleCommand(BaseCommand):
    """A management command whose --help shows `example`: command lines as one would type them."""

    example: str

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Add the examples below the options."""
        lines = "\n".join(f"  {line}" for line in self.example.strip().splitlines())
        kwargs.setdefault("formatter_class", ExampleHelpFormatter)
        return super().create_parser(prog_name, subcommand, epilog=f"Example:\n{lines}", **kwargs)

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; a database that doesn't answer or isn't ours is told in words, not in a stack trace."""
        try:
            return super().execute(*args, **options)
        except OperationalError as error:
            reason = " ".join(str(error).split())
            raise CommandError(f"the database does not answer: {reason}; `manage.py doctor` says what to do") from error
        except WrongInstallation as error:
            raise CommandError(str(error)) from error
