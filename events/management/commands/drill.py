import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from django.core.management.base import CommandError, CommandParser
from rich.console import Console
from rich.text import Text

from eventlane.command_line import ExampleCommand, whole_number
from eventlane.scratch import ScratchPlatform, scratch_home
from events.drill.exercises import EXERCISES, Exercise

SCRATCH = "/var/tmp"  # on a disk: /tmp may be memory, and a drill is about the disk


@dataclass(frozen=True)
class Outcome:
    """The result of an exercise."""

    exercise: str
    passed: bool
    seen: str
    seconds: float


class Command(ExampleCommand):
    help = (
        "Break things on this machine and check that no event is lost: power cuts, kills, a moved home, an older\n"
        "dump, damaged files of journal and lake, a hung sealer, slow senders. Each exercise starts its own platform\n"
        "in a scratch folder and removes it; yours is not touched. The exit status is 1 if a promise was not kept."
    )
    example = """
python manage.py drill
python manage.py drill moved-home older-dump
python manage.py drill kills --rounds 25
"""
    requires_system_checks: list[str] = []
    needs_platform = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "exercises", nargs="*", metavar="EXERCISE", help=f"one of {', '.join(EXERCISES)} (default: all)"
        )
        parser.add_argument(
            "--rounds", type=whole_number(1), default=1, metavar="N", help="how often to run them (default: 1)"
        )
        parser.add_argument("--json", action="store_true", help="print an array of {exercise, passed, seen, seconds}")

    def handle(self, *args: Any, **options: Any) -> None:
        if unknown := set(options["exercises"]) - set(EXERCISES):
            raise CommandError(f"there is no exercise {sorted(unknown)[0]!r}; choose from {', '.join(EXERCISES)}")
        chosen = {name: EXERCISES[name] for name in options["exercises"] or EXERCISES}
        outcomes = []
        for name, exercise in [*chosen.items()] * options["rounds"]:
            outcomes.append(_try(name, exercise))
            if not options["json"]:
                self._show(outcomes[-1], exercise)
        if options["json"]:
            self.stdout.write(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
        if not all(outcome.passed for outcome in outcomes):
            sys.exit(1)

    def _show(self, outcome: Outcome, exercise: Exercise) -> None:
        mark, style = ("passed", "green") if outcome.passed else ("FAILED", "bold red")
        line = Text(f"{mark}  ", style).append(f"{outcome.exercise:<16}", "bold").append(exercise.what)
        line.append(f"\n{'':24}→ {outcome.seen} ({outcome.seconds:.0f} s)")
        out: Any = self.stdout._out
        Console(file=out, soft_wrap=True).print(line)


def _try(name: str, exercise: Exercise) -> Outcome:
    """Run an exercise. If anything goes wrong in it, that is its outcome."""
    begin = time.monotonic()
    try:
        with _scratch_platform(exercise.settings) as platform:
            seen, passed = exercise.run(platform), True
    except Exception as error:
        seen, passed = str(error) or type(error).__name__, False
    return Outcome(name, passed, seen, round(time.monotonic() - begin, 1))


@contextmanager
def _scratch_platform(settings: dict[str, str]) -> Iterator[ScratchPlatform]:
    platform = ScratchPlatform(scratch_home("drill", SCRATCH), {"EVENTLANE_WORKER_PROCESSES": "0"} | settings)
    try:
        platform.start()
        yield platform
    finally:
        platform.close()
