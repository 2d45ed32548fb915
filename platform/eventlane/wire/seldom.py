"""Log lines for what outsiders can cause as often as they like."""

import threading
import time
from collections.abc import Callable


class SeldomLog:
    """Writes at most one line in `seconds`. The next line says how many were left out."""

    def __init__(self, write: Callable[..., None], seconds: float = 60.0) -> None:
        self._write, self._seconds = write, seconds
        self._lock = threading.Lock()
        self._next_time = float("-inf")  # of time.monotonic()
        self._left_out = 0

    def __call__(self, text: str, *values: object) -> None:
        """Write the line, or count it."""
        now = time.monotonic()
        with self._lock:
            if now < self._next_time:
                self._left_out += 1
                return
            left_out, self._left_out = self._left_out, 0
            self._next_time = now + self._seconds
        more = f" ({left_out} more like this since the last line)" if left_out else ""
        self._write(f"{text}%s", *values, more)
