"""Shows that the threads of a process go on, to whoever watches from outside."""

import threading
import time
from contextlib import suppress
from pathlib import Path

STEP_SECONDS = 1.0


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
