"""Periodic work that other apps add to every worker when they start. Each has a thread of its own in the worker.

It may take long, so it must not hold up the scheduler. Of several workers, any number may be at it at once: it has to
make sure by itself that nothing is done twice.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Periodic:
    """What to do every so many seconds. `step` returns soon after the event that it gets is set."""

    name: str
    step: Callable[[threading.Event], object]
    seconds: float


PERIODIC: list[Periodic] = []


def add_periodic(periodic: Periodic) -> None:
    """Let every worker that starts from now on do this, too."""
    PERIODIC.append(periodic)
