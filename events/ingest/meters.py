"""What senders have used of their rates, counted by all web processes of a node together.

The shared memory is a table: BUCKETS of PLACES senders each, first all names, then all times. A name is hashed into its
bucket, so a look-up is one search in 256 bytes. A new sender takes the place of the one in its bucket that owes least.

Nothing is locked. If two processes add to the same number at the same moment, one of both isn't counted: at most 3 of
100 were lost, when both did nothing else. If two new senders take the same place at once, one of them begins anew.
"""

from functools import lru_cache
from hashlib import blake2b
from mmap import mmap

from eventlane.shared_memory import SIZE
from projects.rates import REQUESTS, Rate

BUCKETS, PLACES = 4096, 16
NAME_BYTES, TIME_BYTES = 16, 8
BUCKET_BYTES = PLACES * NAME_BYTES
TIMES_START = BUCKETS * BUCKET_BYTES
assert TIMES_START + BUCKETS * PLACES * TIME_BYTES <= SIZE


class Meters:
    """Until when what senders have used is paid for, in seconds of time.monotonic(), which all processes share."""

    def __init__(self, burst_seconds: float, memory: mmap) -> None:
        """Let senders have this many seconds' worth at once."""
        self.burst_seconds = burst_seconds
        self._memory = memory
        self._times = memoryview(memory)[TIMES_START:].cast("d")

    def worst(self, rates: tuple[Rate, ...], now: float) -> tuple[float, Rate]:
        """Return how long to wait for room, and for which rate; 0 or less if there is room in all of them."""
        longest, tightest = float("-inf"), rates[0]
        for rate in rates:
            seconds = self._times[self._place(rate)] - now - self.burst_seconds
            if seconds > longest:
                longest, tightest = seconds, rate
        return longest, tightest

    def count(self, rates: tuple[Rate, ...], requests: int, size: int, now: float) -> None:
        """Count requests and bytes."""
        for rate in rates:
            seconds = (requests if rate.unit == REQUESTS else size) / rate.per_second
            place = self._place(rate)
            paid = self._times[place]
            self._times[place] = (paid if paid > now else now) + seconds

    def _place(self, rate: Rate) -> int:
        """Return the place of a sender's time; a new one gets one."""
        name, bucket = _named(rate.sender, rate.policy)
        start = bucket * BUCKET_BYTES
        found = self._memory.find(name, start, start + BUCKET_BYTES)
        return self._take_place(name, bucket) if found < 0 else found // NAME_BYTES

    def _take_place(self, name: bytes, bucket: int) -> int:
        place = min(range(bucket * PLACES, (bucket + 1) * PLACES), key=self._times.__getitem__)
        self._memory[place * NAME_BYTES : (place + 1) * NAME_BYTES] = name
        self._times[place] = 0.0
        return place


@lru_cache(10_000)
def _named(sender: str, policy: str) -> tuple[bytes, int]:
    """Return the name of a sender under a policy, and its bucket."""
    name = blake2b(f"{sender} {policy}".encode(), digest_size=NAME_BYTES).digest()
    return name, int.from_bytes(name[:2]) % BUCKETS
