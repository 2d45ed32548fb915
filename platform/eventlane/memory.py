"""Lets memory that isn't used any more go back to the system: glibc's malloc keeps most of it. No Django import."""

import ctypes

MIB = 1024 * 1024
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt(3)

_libc = ctypes.CDLL(None)


def keep_little() -> None:
    """Have pieces of 1 MiB and more, such as large bodies, given back as soon as they are free.

    As it comes, malloc raises that size to that of whatever was freed, and then keeps 6 MB for each thread and body.
    """
    if hasattr(_libc, "mallopt"):  # other C libraries go without
        _libc.mallopt(M_MMAP_THRESHOLD, MIB)
        _libc.mallopt(M_TRIM_THRESHOLD, 4 * MIB)  # what a thread may keep at hand


def give_back() -> None:
    """Give back what small pieces have left behind. Takes 0.1 ms, and some 0.3 ms for each MB."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
