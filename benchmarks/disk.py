"""What the disk can do: the limit for everything that waits for it."""

import os
import time
from pathlib import Path


def synced_writes_per_second(folder: Path, size: int, seconds: float) -> float:
    """Append `size` bytes and fdatasync repeatedly; return how often per second."""
    file = folder / "raw"
    fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    data, count, end = b"x" * size, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        os.write(fd, data)
        os.fdatasync(fd)
        count += 1
    os.close(fd)
    file.unlink()
    return count / seconds
