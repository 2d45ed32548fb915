"""Store what is in quarantine as if it came again: a limit may be higher now, or a dataset be there."""

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction

from eventlane.door.body import Busy, Pace
from eventlane.door.lanes import Lane
from eventlane.door.request import Request
from eventlane.wire.body import BadBody
from events.ingest import storage
from events.ingest.dialects import Incoming, Malformed, NoDialect, dialect_of, is_shared
from events.ingest.dialects.answer import read_events
from events.ingest.idempotency import by_event
from events.ingest.keys import BadRequest
from events.ingest.split import WHITESPACE, NotAnArray, TooManyEvents
from events.ingest.throttle import NotNow, check_room
from events.ingest.views import decode_and_parse, target_of
from events.journal import Batch, JournalFailed
from events.models import QuarantinedRequest
from projects.directory import DirectoryUnavailable, KnownKey

logger = logging.getLogger(__name__)

REFUSED = (BadRequest, BadBody, Malformed, NotAnArray, TooManyEvents, UnicodeDecodeError, RecursionError)
NOT_NOW = (NotNow, DirectoryUnavailable, Busy)


class StillRefused(Exception):
    """It stays in quarantine. The message says why."""


def retry(row: QuarantinedRequest) -> int:
    """Store the events of a request and take it out of quarantine, all of it or nothing; return how many there were.

    Raises StillRefused. If the process is killed in between, the request is still there, and retrying it stores its
    events once. The body is read here, and not kept in `row`: of many, one at a time is in memory.
    """
    with transaction.atomic():
        rows = QuarantinedRequest.objects.select_related("project").select_for_update(of=("self",))
        locked = rows.filter(pk=row.pk).first()
        if locked is None:
            raise StillRefused("somebody else has retried or dropped it")
        batches = _batches(locked)
        _store(batches)
        QuarantinedRequest.objects.filter(pk=row.pk).delete()
    return sum(batch.count for batch in batches)


def _store(batches: list[Batch]) -> None:
    """Write batches into the journal. Raises StillRefused."""
    try:
        if batches:
            storage.journal.append(*batches)
    except JournalFailed as error:
        logger.error("a request in quarantine was not stored: %s", error)
        raise StillRefused(error.reason) from None


def _batches(row: QuarantinedRequest) -> list[Batch]:
    """Return the events of a request as batches. Raises StillRefused."""
    project = row.project
    key = KnownKey(row.api_key_id or "", project.pk, project.create_datasets, ("ingest",), float("inf"))
    try:
        check_room()
        return _read(key, _request(row), bytes(row.body), is_dialect=row.events is None)
    except (*REFUSED, *NOT_NOW) as error:
        raise StillRefused(str(error)) from None


def _read(key: KnownKey, request: Request, body: bytes, is_dialect: bool) -> list[Batch]:
    found = dialect_of(request.path) if is_dialect else None
    if found and not (found[0].arrays_are_events and is_shared(request.path) and _is_array(body)):
        incoming = Incoming(request, found[1], settings.EVENTLANE_MAX_DIALECT_BYTES, key)
        try:
            batches = read_events(found[0].module, incoming, key, body)
        except NoDialect:
            return _read(key, request, body, is_dialect=False)
        if refused := incoming.refused():
            raise StillRefused(refused[0].refusal)
        return batches
    target = target_of(key, request, ask=True)
    parsed = decode_and_parse(request, body, request.header(b"content-encoding"))
    if parsed.invalid or parsed.more_invalid:
        raise StillRefused(parsed.invalid[0].reason if parsed.invalid else parsed.more_reason)
    if not parsed.lengths:
        return []
    batch = target.batch(parsed)
    return list(by_event(batch, target.id_path)) if target.id_path else [batch]


def _is_array(body: bytes) -> bool:
    return body.lstrip(WHITESPACE)[:1] == b"["


def _request(row: QuarantinedRequest) -> Request:
    """Return the request as it came, without its body, and with a name of its own: retried again, it is stored once."""
    headers = [(name.encode(), str(value).encode()) for name, value in row.headers.items()]
    headers.append((b"idempotency-key", b"quarantine " + row.pk.encode()))
    path, _, query = row.path.encode("latin-1").partition(b"?")
    scope = {"method": "POST", "raw_path": path, "headers": headers, "query_string": query}
    largest = max(settings.EVENTLANE_MAX_BODY_BYTES, settings.EVENTLANE_MAX_DIALECT_BYTES)
    lane = Lane("retry", 1, 1, 2 * largest, settings.EVENTLANE_MAX_DIALECT_VALUES)
    return Request(scope, _nothing, Pace(1.0, 1), lane, largest)


async def _nothing() -> Mapping[str, Any]:
    return {"type": "http.disconnect"}
