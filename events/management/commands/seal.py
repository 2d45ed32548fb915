import logging
import signal
from argparse import SUPPRESS
from pathlib import Path
from threading import Event, Thread
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from eventlane.command_line import ExampleCommand
from eventlane.progress import Progress
from events.lake.sealer import Sealer, SealingFailed
from events.triggers.watcher import TriggerWatcher
from projects.installation import check_at_start

logger = logging.getLogger(__name__)


class Command(ExampleCommand):
    help = (
        "Seal the journal's closed files into the lake: the existing ones, or with --forever each once it is closed.\n"
        "Triggers on datasets see the events first; with --forever they fire within a second."
    )
    example = """
python manage.py seal
python manage.py seal --forever
"""
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--forever", action="store_true", help="continue until SIGTERM or Ctrl-C")
        parser.add_argument("--progress", type=Path, help=SUPPRESS)  # the supervisor's

    def handle(self, *args: Any, **options: Any) -> None:
        check_at_start()
        watcher = TriggerWatcher(settings.EVENTLANE_JOURNAL)
        sealer = Sealer(settings.EVENTLANE_JOURNAL, watcher.held_back)
        if options["forever"]:
            stop = Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: stop.set())
            self._seal_for_ever(sealer, watcher, stop, Progress(options["progress"], threads=2))
        else:
            self._seal_now(sealer)

    def _seal_for_ever(self, sealer: Sealer, watcher: TriggerWatcher, stop: Event, progress: Progress) -> None:
        watching = Thread(target=watcher.run, args=(stop, progress), name="triggers")
        watching.start()
        try:
            sealer.run(stop, progress)
        finally:
            stop.set()
            watching.join()

    def _seal_now(self, sealer: Sealer) -> None:
        files = 0
        try:
            for sealed in sealer.seal_available():
                files += sealed.files
                self.stdout.write(
                    f"sealed {sealed.events:,} events of {sealed.files:,} files ({sealed.bytes / 1e6:,.1f} MB)"
                    + (f"; {sealed.quarantined:,} into quarantine" if sealed.quarantined else "")
                )
        except SealingFailed as error:
            raise CommandError(f"sealing failed: {error}") from None
        finally:
            sealer.close()
        if sealer.postponed_files:
            raise CommandError(f"could not seal {', '.join(sealer.postponed_files)}; the log above says why")
        if not files:
            self.stdout.write("nothing to seal")
