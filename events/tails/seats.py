"""How many tails may be open at once: EVENTLANE_MAX_TAILS on a node, whichever of its web processes serves them.

Each open tail locks a byte of a file. The locks of a process that dies are gone with it.
"""

import fcntl
import os
import threading
from pathlib import Path

from django.conf import settings

from eventlane.wire.errors import ApiError

FILE = "tails.lock"


class TooManyTails(ApiError):
    """Too many tails are open."""

    status, code = 503, "too_many_tails"

    def __init__(self, most: int) -> None:
        message = f"{most:,} tails are open, as many as EVENTLANE_MAX_TAILS allows. Close one, or try again later."
        super().__init__(message, data={"max_tails": most}, headers={"Retry-After": "10"})


class Seats:
    """The seats of a node's tails, as one of its processes sees them. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[Path, int] = {}  # their descriptors: closing one would lose this process's locks
        self._taken: set[tuple[int, int]] = set()  # a process isn't kept from locking twice

    def take(self) -> "Seat":
        """Take a free seat; raise TooManyTails."""
        most: int = settings.EVENTLANE_MAX_TAILS
        with self._lock:
            fd = self._descriptor(settings.EVENTLANE_HOME / FILE)
            for number in range(most):
                if (fd, number) not in self._taken and _locks(fd, number):
                    self._taken.add((fd, number))
                    return Seat(self, fd, number)
        raise TooManyTails(most)

    def give(self, fd: int, number: int) -> None:
        """Free a seat."""
        with self._lock:
            self._taken.discard((fd, number))
            fcntl.lockf(fd, fcntl.LOCK_UN, 1, number)

    def _descriptor(self, path: Path) -> int:
        if path not in self._files:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._files[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        return self._files[path]


class Seat:
    """The right to have a tail open, until `leave`."""

    def __init__(self, seats: Seats, fd: int, number: int) -> None:
        self._seats, self._fd, self._number = seats, fd, number
        self._left = False

    def leave(self) -> None:
        """Free the seat; nothing happens the second time."""
        if not self._left:
            self._left = True
            self._seats.give(self._fd, self._number)

    def __del__(self) -> None:
        self.leave()  # of a reply that was never sent


def _locks(fd: int, number: int) -> bool:
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
    except OSError:
        return False
    return True


seats = Seats()
