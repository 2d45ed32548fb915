"""Times of events, in RFC 3339."""

import time
from functools import lru_cache

NANOSECONDS = 1_000_000_000


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def moment(nanoseconds: int) -> str:
    """Return a time with nine digits, from nanoseconds since 1970; or an empty text for none."""
    if nanoseconds <= 0:
        return ""
    seconds, rest = divmod(nanoseconds, NANOSECONDS)
    return f"{_second(seconds)}.{rest:09d}Z"
