"""How a process shows its progress, and how another notices that it hangs: by a file's time. No Django import."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

STEP_SECONDS = 1.0
LONGEST_GAP_SECONDS = 1.0  # between two checks; anything longer is time in which the supervisor itself stood still


@dataclass
class ProgressWatch:
    """Measures how long a process hasn't touched its file, counting only time in which the watcher was awake."""

    file: Path
    seconds: float
    allowed: float = field(init=False)
    _seen: tuple[int, int] = (0, 0)
    _silent: float = 0.0
    _last_look: float = 0.0

    def __post_init__(self) -> None:
        self.allowed = self.seconds

    def hangs(self, pid: int, now: float) -> bool:
        """Check at a monotonic time; return True once if the process has stood still for longer than allowed.

        The allowed time doubles after each time, until there is progress: a step longer than `seconds` then finishes
        eventually instead of being started again forever.
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
        """Return the time of the last touch. It is only compared, so setting the clock does no harm."""
        try:
            return self.file.stat().st_mtime_ns
        except OSError:
            return 0


class Progress:
    """Touches a file whenever all of its threads have made a step; if one hangs, the file stays as it is."""

    def __init__(self, file: Path | None = None, threads: int = 1) -> None:
        """Without a file, nobody watches."""
        self._file = file
        self._threads = threads
        self._stepped: set[int] = set()
        self._lock = threading.Lock()

    def step(self) -> None:
        """Record that the calling thread makes progress."""
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
        """Wait at most this long for `stop` to be set, making steps meanwhile."""
        end = time.monotonic() + seconds
        while not stop.is_set() and (left := end - time.monotonic()) > 0:
            self.step()
            stop.wait(min(left, STEP_SECONDS))


UNWATCHED = Progress()
