"""What is refused again and again: after as many times as its key says, it goes into quarantine.

Many senders send a refused batch for ever, and what waits behind it never. Some add new events to it each time, so
batches aren't compared as a whole: the same is what has the same key, path and reason, and the same first refused
event, or if the request is refused as a whole, the same beginning. A wrong path needs no body to be the same.

The reply of success comes when the quarantine is committed. If it can't be, the refusal stays.
"""

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.db import close_old_connections, transaction
from django.db.models import Sum

from eventlane.configuration import MIB
from eventlane.database import DATABASE_FAILED
from eventlane.door.request import Request
from eventlane.wire.seldom import SeldomLog
from events.models import QuarantinedRequest
from projects.directory import KnownKey

logger = logging.getLogger(__name__)
log_failure = SeldomLog(logger.warning)

SAMPLE_BYTES = 1024  # of what is refused, by which it is recognized
MOST_REMEMBERED = 10_000
NUMBER = re.compile(r"\d+")  # in a reason it is often a position, which changes as a batch grows
KEPT_HEADERS = (
    *(b"content-type", b"content-encoding", b"x-namespace", b"x-service", b"x-dataset", b"x-scope-orgid"),
    *(b"x-honeycomb-event-time", b"x-honeycomb-samplerate", b"x-event-id-field"),
)
KEPT_PARAMETERS = ("host", "source", "sourcetype", "index")  # Splunk's; never all: in others there may be a key


@dataclass(frozen=True, slots=True)
class Kept:
    """What goes into quarantine: a body as it was sent, or refused events as an array."""

    reason: str
    body: bytes
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    events: int | None = None


class Resends:
    """How many times the same was refused. Forgets what was longest ago. For one event loop."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: OrderedDict[bytes, int] = OrderedDict()

    async def end(
        self, request: Request, key: KnownKey, reason: str, sample: bytes, keep: Callable[[], Sequence[Kept]]
    ) -> bool:
        """Count a refusal; return whether it was the last, because what `keep` returns is in quarantine now.

        `sample` is what was refused, or its beginning. `keep` is called in a thread.
        """
        if not self.is_enough(request, key, reason, sample):
            return False
        kept = await request.run(_put_aside, key, keep)
        if kept:
            self._times.pop(self._same(key, request, reason, sample), None)
        return kept

    def is_enough(self, request: Request, key: KnownKey, reason: str, sample: bytes) -> bool:
        """Count a refusal; return whether it was as many times as the key allows."""
        if not key.quarantine_after:
            return False
        same = self._same(key, request, reason, sample)
        self._times[same] = times = self._times.pop(same, 0) + 1
        if len(self._times) > self._most:
            self._times.popitem(last=False)
        return times >= key.quarantine_after

    def _same(self, key: KnownKey, request: Request, reason: str, sample: bytes) -> bytes:
        text = "\n".join((key.id, request.path.decode("latin-1"), NUMBER.sub("0", reason), ""))
        return blake2b(text.encode() + sample[:SAMPLE_BYTES], digest_size=16).digest()


resends = Resends(MOST_REMEMBERED)


def whole(request: Request, reason: str, body: bytes) -> Kept:
    """Return a body as it was sent."""
    headers = {name.decode(): value for name in KEPT_HEADERS if (value := request.header(name))}
    path, query = request.path.decode("latin-1"), _kept_query(request)
    return Kept(reason, body, f"{path}?{query}" if query else path, headers)


def _kept_query(request: Request) -> str:
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"))
    return urlencode([(name, value) for name, value in pairs if name in KEPT_PARAMETERS])


def only_events(path: str, headers: dict[str, str], texts: Sequence[bytes], reason: str) -> Kept:
    """Return refused events, to be sent to a path of the Events API."""
    return Kept(reason, b"[%b]" % b",".join(texts), path, {k: v for k, v in headers.items() if v}, len(texts))


def _put_aside(key: KnownKey, keep: Callable[[], Sequence[Kept]]) -> bool:
    """Put something into quarantine; return whether it is committed, all of it."""
    kept = keep()
    try:
        with transaction.atomic():
            rows = QuarantinedRequest.objects.filter(project_id=key.project_id)
            used = rows.aggregate(total=Sum("bytes"))["total"] or 0
            if used + sum(len(one.body) for one in kept) > settings.EVENTLANE_MAX_QUARANTINE_MB * MIB:
                log_failure("a project has EVENTLANE_MAX_QUARANTINE_MB in quarantine: requests are refused again")
                return False
            QuarantinedRequest.objects.bulk_create([_row(key, one) for one in kept])
    except DATABASE_FAILED as error:
        log_failure("a request was refused instead of put into quarantine: %s", error)
        return False
    finally:
        close_old_connections()
    return True


def _row(key: KnownKey, kept: Kept) -> QuarantinedRequest:
    return QuarantinedRequest(
        project_id=key.project_id or "",  # a key that may ingest has one
        api_key_id=key.id,
        path=kept.path,
        headers=kept.headers,
        body=kept.body,
        bytes=len(kept.body),
        events=kept.events,
        reason=kept.reason,
    )
