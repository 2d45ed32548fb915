"""Whether a request may come in now, decided before its body is read: the rates of its key, the quota of its
project, and room to store it.

What a sender has used of a rate is kept as a time: until when all of it is paid for. A request comes in unless that is
EVENTLANE_BURST_SECONDS or more away, whatever its size, so a large body isn't refused for ever. All web processes of a
node count together. A sender without limits costs nothing.
"""

import logging
import time
from collections.abc import Mapping
from math import ceil

from django.conf import settings

from eventlane.door.request import Request
from eventlane.shared_memory import shared_memory
from eventlane.wire.seldom import SeldomLog
from events.ingest import storage
from events.ingest.meters import Meters
from events.ingest.quotas import quotas, seconds_to_next_month
from projects.directory import KnownKey
from projects.rates import BYTES, Rate

logger = logging.getLogger(__name__)
log_shortage = SeldomLog(logger.error)

RETRY_SECONDS = 5  # while there is no room
MOST_RETRY_SECONDS = 3600  # a quota may be raised, and some clients do nothing else while they wait


class NotNow(Exception):
    """A request isn't taken now, but may be later. The message is for the sender."""

    def __init__(self, status: int, reason: str, headers: Mapping[str, str], per_second: int = 0) -> None:
        """Take the status, 429 or 503; the headers; and for 429 the limit that was exceeded."""
        super().__init__(reason)
        self.status, self.headers, self.per_second = status, headers, per_second


meters = Meters(settings.EVENTLANE_BURST_SECONDS, shared_memory())


async def read_body(key: KnownKey, request: Request) -> bytes:
    """Return the body of a request that may come in now. Raises NotNow before it is read, and what reading raises."""
    let_in(key, _size(request))
    if not key.rates or request.body.length is not None:
        return await request.read()
    body = await request.read()
    meters.count(key.rates, 0, len(body), time.monotonic())
    return body


def check_room() -> None:
    """Raise NotNow if there is no room for events."""
    for stock, reason in storage.stocks:
        if shortage := stock.shortage():
            log_shortage("a request was not stored: %s", shortage)
            raise NotNow(503, reason, {"Retry-After": str(RETRY_SECONDS)})


def let_in(key: KnownKey, size: int) -> None:
    """Count a request whose body has this many bytes. Raises NotNow if it may not come in now."""
    check_room()
    if quota := quotas.used_up.get(key.project_id or ""):
        raise _used_up(quota)
    _count(key, size)


def count_refused(key: KnownKey, request: Request) -> None:
    """Count a request that is refused before its body is read. Raises NotNow if there were too many."""
    _count(key, _size(request))


def _size(request: Request) -> int:
    """Return how many bytes the body will have: none if its length isn't known, or so large that it stays unread."""
    length = request.body.length or 0
    return length if length <= request.max_bytes else 0


def _count(key: KnownKey, size: int) -> None:
    """Count a request with so many bytes. Raises NotNow beyond a rate."""
    if not key.rates:
        return
    now = time.monotonic()
    seconds, rate = meters.worst(key.rates, now)
    if seconds >= 0:
        raise _over(rate, ceil(seconds) or 1)
    meters.count(key.rates, 1, size, now)


def _used_up(quota: int) -> NotNow:
    seconds = seconds_to_next_month()
    headers = {"Retry-After": str(min(seconds, MOST_RETRY_SECONDS)), "RateLimit": f'"project-month";r=0;t={seconds}'}
    return NotNow(429, f"this project has used up its {quota:,} events of this month", headers, quota)


def _over(rate: Rate, seconds: int) -> NotNow:
    """Return the refusal of a request beyond a rate (draft-ietf-httpapi-ratelimit-headers)."""
    what, unit = rate.policy.split("-")
    quota, window = max(1, int(rate.per_second * meters.burst_seconds)), max(1, round(meters.burst_seconds))
    of_bytes = f';qu="{rate.unit}"' if rate.unit == BYTES else ""
    headers = {
        "Retry-After": str(seconds),
        "RateLimit-Policy": f'"{rate.policy}";q={quota}{of_bytes};w={window}',
        "RateLimit": f'"{rate.policy}";r=0;t={seconds}',
    }
    reason = f"more than the {rate.per_second:,} {unit} a second that this {what} may send"
    return NotNow(429, reason, headers, rate.per_second)
