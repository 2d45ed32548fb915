"""The exercises of `manage.py drill`. Each does to a scratch platform what its docstring says, and returns what it saw.

One that doesn't see what it must raises DidNotHappen.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from eventlane.scratch import ScratchPlatform
from events.drill.sender import Sender, expect_exactly_once

QUICK_JOURNAL = {"EVENTLANE_JOURNAL_MAX_AGE_SECONDS": "0.5", "EVENTLANE_SEAL_INTERVAL_SECONDS": "0.2"}


@dataclass(frozen=True)
class Exercise:
    """What is done, and the settings of the platform it is done to."""

    run: Callable[[ScratchPlatform], str]
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        """What it does, in a line."""
        return (self.run.__doc__ or "").partition("\n")[0]


def power_cut(platform: ScratchPlatform) -> str:
    """Kill every process at once in the middle of a load, three times."""
    acknowledged: set[str] = set()
    for seconds in (0.5, 1.0, 1.5):
        with Sender(platform, "cut") as sender:
            time.sleep(seconds)
            platform.kill()
        acknowledged |= sender.acknowledged
        platform.start()
        expect_exactly_once(platform, "cut", acknowledged)
    platform.manage("seal")
    expect_exactly_once(platform, "cut", acknowledged)
    return f"{len(acknowledged):,} acknowledged events, each found exactly once"


EXERCISES = {
    "power-cut": Exercise(power_cut, QUICK_JOURNAL),
}
