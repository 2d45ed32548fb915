"""Memory that all web processes of a node share. The supervisor makes it, and has no Django."""

import mmap
import os
import sys
import tempfile

VARIABLE = "SHARED_MEMORY"  # not EVENTLANE_…: it is no setting
SIZE = 2 * 1024 * 1024  # of which only what is used takes memory


def make_shared_memory() -> int:
    """Return the descriptor of memory for children, full of zeros. It outlives each of them."""
    if sys.platform == "linux":
        descriptor = os.memfd_create("eventlane")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, SIZE)
    return descriptor


def shared_memory() -> mmap.mmap:
    """Return the memory that this process was started with, to be asked for once; otherwise some of its own."""
    given = os.environ.pop(VARIABLE, "")
    if not given:
        return mmap.mmap(-1, SIZE)
    memory = mmap.mmap(int(given), SIZE)
    os.close(int(given))
    return memory
