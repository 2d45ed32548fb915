import os
import sys
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from eventlane.command_line import ExampleCommand
from eventlane.durations import InvalidDuration, parse_duration
from events.elements import InvalidInput, read_chunks, split
from events.send import BATCH_EVENTS, EMPTY_BODY_BYTES, Connection, Sender, SendingStopped, Target

REASONS_SHOWN = 20
PUBLIC_URL = settings.EVENTLANE_PUBLIC_URL.replace("%", "%%")  # argparse formats help texts


class Command(ExampleCommand):
    help = (
        "Send events from a file or a pipe to an Eventlane server.\n\n"
        "The input is a JSON array of objects or one object per line (NDJSON), of any size; events are\n"
        "sent in order, their bytes unchanged. Temporary failures (no connection, 429, 5xx) are\n"
        "retried; a batch whose reply was lost is still stored once. The exit status is 0\n"
        "if all events were stored. The key can be in the environment as EVENTLANE_KEY."
    )
    example = """
export EVENTLANE_KEY=evl_...
python manage.py send events.ndjson --dataset logs --namespace web
journalctl -o json -f | python manage.py send - --dataset logs --namespace system
python manage.py send dump.json --dataset logs --namespace old --rejected-to rejected.ndjson
"""
    requires_system_checks: list[str] = []
    needs_platform = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", help="the file to read; - for standard input")
        parser.add_argument("--dataset", required=True, metavar="D", help="dataset to send to; it must exist")
        parser.add_argument(
            "--namespace", default="", metavar="N", help="required unless the dataset has a default one"
        )
        parser.add_argument("--service", default="", metavar="S", help="service that the events come from")
        parser.add_argument("--url", default="", help=f"the server (default: {PUBLIC_URL})")
        parser.add_argument("--key", default="", help="an API key with the right to ingest (default: EVENTLANE_KEY)")
        parser.add_argument(
            "--rejected-to",
            metavar="FILE",
            help="write rejected events to this file, one per line; for a pipe, also those that could not be sent",
        )
        parser.add_argument(
            "--retry-for",
            type=_duration,
            default=timedelta(minutes=2),
            metavar="TIME",
            help="give up if a batch can't be delivered for this long (default: 2m)",
        )
        parser.add_argument("--gzip", action="store_true", help="compress requests, for slow connections")

    def handle(self, *args: Any, **options: Any) -> None:
        with ExitStack() as files:
            source = files.enter_context(_open_input(options["file"]))
            kept = files.enter_context(_open_output(options["rejected_to"], source)) if options["rejected_to"] else None
            run = Run(source, self._connection(options), kept, Console(file=sys.stderr))
            problem = run.run()
        self.stdout.write(run.summary())
        for line in run.rejections():
            self.stderr.write(line)
        if problem:
            raise CommandError(problem)
        if run.sender.tally.rejected:
            raise CommandError("not all events were stored")

    def _connection(self, options: dict[str, Any]) -> Connection:
        key = options["key"] or settings.EVENTLANE_KEY
        if not key:
            raise CommandError("no API key: use --key or set EVENTLANE_KEY (create_api_key creates one)")
        target = Target(options["dataset"], options["namespace"], options["service"])
        try:
            url, headers = target.url(options["url"] or settings.EVENTLANE_PUBLIC_URL), target.headers()
        except ValueError as error:
            raise CommandError(str(error)) from None
        return Connection(url, {"x-api-key": key, **headers}, options["retry_for"], options["gzip"])


class Run:
    """One input: how it is read, the display meanwhile, and the summary."""

    def __init__(self, source: BinaryIO, connection: Connection, kept: BinaryIO | None, console: Console) -> None:
        self.source, self.console = source, console
        self.total_bytes = os.fstat(source.fileno()).st_size if source.seekable() else None
        self.read_bytes = 0
        self.sender = Sender(connection, settings.EVENTLANE_MAX_BODY_BYTES, kept)
        self.sender.max_events = min(settings.EVENTLANE_MAX_REQUEST_EVENTS, BATCH_EVENTS)
        connection.on_retry = lambda message: console.print(
            message, style="yellow", highlight=False, markup=False, soft_wrap=True
        )
        self.unit = "event"
        self.seconds = 0.0

    def run(self) -> str:
        """Send everything; return what stopped it, or an empty text."""
        begin = time.monotonic()
        with Display(self.console, self.total_bytes or None) as display:
            self.sender.on_batch = lambda: display.show(self.read_bytes, self.sender)
            problem = self._send()
        self.seconds = time.monotonic() - begin
        return problem

    def _send(self) -> str:
        elements: Iterator[Any] = iter(())
        try:
            self.unit, elements = split(self._chunks(), settings.EVENTLANE_MAX_BODY_BYTES - EMPTY_BODY_BYTES)
            self.sender.send(elements)
        except InvalidInput as error:
            return f"{error}; everything before it was sent"
        except (SendingStopped, OSError) as error:
            return f"{error}; {self._say_unsent(elements)}"
        except KeyboardInterrupt:
            return f"interrupted; {self._say_unanswered()}{self._say_unsent(iter(()))}"
        return ""

    def _chunks(self) -> Iterator[bytes]:
        for chunk in read_chunks(self.source.fileno()):
            self.read_bytes += len(chunk)
            yield chunk

    def _say_unsent(self, elements: Iterator[Any]) -> str:
        """Say from where on the input wasn't sent. The rest of a pipe would be lost, so keep it if asked to."""
        where = (
            f"not sent from {self.unit} {self.sender.unsent_from} on"
            if self.sender.unsent_from
            else "the rest was not sent"
        )
        if self.total_bytes is not None or not self.sender.kept:
            return where
        self.sender.keep_unsent(elements)
        return f"{where}; the rest of the input was kept with the rejected events"

    def _say_unanswered(self) -> str:
        count = self.sender.unanswered
        return f"no answer yet for {count:,} events, which may be stored; " if count else ""

    def summary(self) -> str:
        """Return a line about what was stored."""
        tally, seconds = self.sender.tally, max(self.seconds, 0.001)
        return (
            f"{tally.stored:,} events stored, {tally.rejected:,} rejected, in {self.seconds:.1f} s "
            f"({tally.stored / seconds:,.0f} events/s, {tally.stored_bytes / seconds / 1e6:.1f} MB/s)"
        )

    def rejections(self) -> list[str]:
        """Return a line for each reason, most frequent first."""
        found = sorted(self.sender.tally.rejections.values(), key=lambda row: -row.count)
        lines = [f"{row.count:,} rejected: {row.reason} (first: {self.unit} {row.first_number:,})" for row in found]
        more = len(lines) - REASONS_SHOWN
        return lines[:REASONS_SHOWN] + ([f"and {more} other reasons"] if more > 0 else [])


class Display:
    """A progress bar on a terminal; otherwise nothing."""

    def __init__(self, console: Console, total_bytes: int | None) -> None:
        self.progress = Progress(
            SpinnerColumn(),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %" if total_bytes else ""),
            TextColumn("[bold]{task.fields[stored]:,}[/] events"),
            TextColumn("{task.fields[rate]}"),
            TextColumn("[{task.fields[color]}]{task.fields[rejected]:,} rejected"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.task = self.progress.add_task("", total=total_bytes, stored=0, rate="", rejected=0, color="dim")
        self.begin = time.monotonic()

    def __enter__(self) -> "Display":
        self.progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.progress.stop()

    def show(self, read_bytes: int, sender: Sender) -> None:
        """Show progress; writes to the terminal at most ten times a second."""
        tally, seconds = sender.tally, max(time.monotonic() - self.begin, 0.001)
        self.progress.update(
            self.task,
            completed=read_bytes,
            stored=tally.stored,
            rate=f"{decimal(int(tally.stored_bytes / seconds))}/s",
            rejected=tally.rejected,
            color="red" if tally.rejected else "dim",
        )


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except InvalidDuration as error:
        raise ArgumentTypeError(str(error)) from None


def _open_input(name: str) -> BinaryIO:
    try:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb") if name == "-" else Path(name).open("rb", buffering=0)
    except OSError as error:
        raise CommandError(f"can't read {name}: {error.strerror}") from None


def _open_output(name: str, source: BinaryIO) -> BinaryIO:
    file = Path(name)
    try:
        if file.exists() and os.path.samestat(file.stat(), os.fstat(source.fileno())):
            raise CommandError(f"{name} is the input; write rejected events to another file")
        return file.open("wb")
    except OSError as error:
        raise CommandError(f"can't write {name}: {error.strerror}") from None
