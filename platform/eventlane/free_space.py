"""What may run short where events are written, like free space. No Django import: the supervisor uses it, too."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from eventlane.configuration import MIB

LOOK_SECONDS = 1.0  # between two checks of the disks: a burst writes less in this time than the limit leaves


class Stock:
    """Something that may run short, looked at once in LOOK_SECONDS at most. Thread-safe."""

    def __init__(self) -> None:
        self._next_look = float("-inf")  # of time.monotonic()
        self._shortage = ""

    def shortage(self) -> str:
        """Describe what is too little, as of the last look; "" if there is enough."""
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self._shortage = self._look()
        return self._shortage

    def _look(self) -> str:
        raise NotImplementedError


class FreeSpace(Stock):
    """The rule that `least_bytes` stay free on the disks of certain folders."""

    def __init__(self, folders: Iterable[Path], least_bytes: int) -> None:
        super().__init__()
        self._folders, self._least_bytes = tuple(folders), least_bytes

    def _look(self) -> str:
        return next(filter(None, map(self._look_at, self._folders)), "")

    def _look_at(self, folder: Path) -> str:
        try:
            free = free_bytes(folder)
        except OSError:
            return ""  # the next write to it will show what is wrong
        if free >= self._least_bytes:
            return ""
        least = self._least_bytes // MIB
        return f"{folder} has {free / MIB:,.0f} MiB free, less than EVENTLANE_MIN_FREE_MB={least}"


def free_bytes(folder: Path) -> int:
    """Return what an ordinary user may still write to the disk of the folder, which needn't exist yet."""
    disk = os.statvfs(existing(folder))
    return disk.f_bavail * disk.f_frsize


def existing(folder: Path) -> Path:
    """Return the folder, or its nearest existing parent."""
    return next(way for way in (folder, *folder.parents) if way.exists())
