"""How a process shows that it goes on, and how another tells that it hangs: by a file's time. No Django import."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

STEP_SECONDS = 1.0
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


class Progress:
    """Touches a file each time when all of so many threads have made a step: it stands still once one of them hangs."""

    def __init__(self, file: Path | None = None, threads: int = 1) -> None:
        """Without a file nobody watches."""
        self._file = file
        self._threads = threads
        self._stepped: set[int] = set()
        self._lock = threading.Lock()

    def step(self) -> None:
        """Note that the calling thread goes on."""
        if self._file is None:
            return
        with self._lock:
            self._stepped.add(threading.get_ident())
            if len(self._stepped) < self._threads:
                return
            self._stepped.clear()
            with suppress(OSError):  # a full disk is no reason to stop
                self._file.touch()

    def wait(self, stop: threading.Event, seconds: float) -> None:
        """Wait until `stop` is set, at most so long, and go on making steps meanwhile."""
        end = time.monotonic() + seconds
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            self.step()
            stop.wait(min(left, STEP_SECONDS))


UNWATCHED = Progress()
