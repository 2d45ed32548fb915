"""A sealer, or what puts events back, that dies at a given step, as by kill -9.

Run with `python -m`, the step as the argument.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django


def die(*args: Any) -> None:
    """End this process without a chance to clean up."""
    os.kill(os.getpid(), signal.SIGKILL)


def before(module: Any, name: str, count: int = 1) -> None:
    """Die when the function is called for the `count`th time."""
    original, calls = getattr(module, name), [0]

    def dying(*args: Any, **options: Any) -> Any:
        calls[0] += 1
        return die() if calls[0] == count else original(*args, **options)

    setattr(module, name, dying)


def after(module: Any, name: str) -> None:
    """Die when the function returns."""
    original = getattr(module, name)
    setattr(module, name, lambda *args, **options: die(original(*args, **options)))


def steps() -> dict[str, Callable[[], None]]:
    """Return the steps by name."""
    from events.journal import JournalFile
    from events.lake import culprits, quarantine, rescue, seal
    from events.lake.connection import Lake

    return {
        "files claimed": lambda: before(seal, "seal_files"),
        "transaction begun": lambda: before(seal, "_insert_files"),
        "table made": lambda: after(Lake, "create_event_table"),
        "events inserted": lambda: after(seal, "_insert_batches"),
        "names inserted": lambda: before(seal, "_mark"),
        "files marked": lambda: after(seal, "_mark"),
        "committed": lambda: before(JournalFile, "retire"),
        "one file removed": lambda: before(JournalFile, "retire", 2),
        "files removed": lambda: after(seal, "seal_files"),
        "trials made": lambda: before(culprits._Trial, "store", 8),
        "events put back": lambda: after(quarantine, "insert_events"),
        "entries deleted": lambda: after(quarantine, "_delete"),
        "put back": lambda: after(quarantine, "_move_together"),
        "bad events found": lambda: after(rescue, "find_bad_events"),
    }


if __name__ == "__main__":
    django.setup()
    from django.conf import settings

    from events.lake.connection import Lake
    from events.lake.quarantine import entries, put_back
    from events.lake.sealer import Sealer

    steps()[sys.argv[1]]()
    for _ in Sealer(settings.EVENTLANE_JOURNAL).seal_available():
        pass
    with Lake() as lake:
        put_back(lake, list(entries(lake)))
