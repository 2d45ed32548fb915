"""Tells from outside whether a process hangs: by the file it touches while it goes on. No Django import."""

from dataclasses import dataclass, field
from pathlib import Path

LONGEST_GAP_SECONDS = 1.0  # between two looks; more is time in which the supervisor itself stood still


@dataclass
class ProgressWatch:
    """Counts how long a process has not touched its file, in time that the watcher itself was awake."""

    file: Path
    seconds: float
    allowed: float = field(init=False)
    _seen: tuple[int, int] = (0, 0)
    _silent: float = 0.0
    _last_look: float = 0.0

    def __post_init__(self) -> None:
        self.allowed = self.seconds

    def hangs(self, pid: int, now: float) -> bool:
        """Look, at a monotonic time; tell once that the process has stood still for longer than allowed.

        Twice as long is allowed after each time, until it goes on: a step that takes longer than `seconds` is
        finished some day, instead of begun again for ever.
        """
        gap, self._last_look = min(now - self._last_look, LONGEST_GAP_SECONDS), now
        seen = (pid, self._touched())
        if seen != self._seen:
            if pid == self._seen[0]:
                self.allowed = self.seconds
            self._seen, self._silent = seen, 0.0
            return False
        self._silent += gap
        if self._silent <= self.allowed:
            return False
        self._silent = 0.0
        self.allowed *= 2
        return True

    def _touched(self) -> int:
        """Return the time of the last touch, only ever compared: no clock that is set can mislead."""
        try:
            return self.file.stat().st_mtime_ns
        except OSError:
            return 0
