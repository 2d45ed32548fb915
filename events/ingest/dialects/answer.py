"""Answer a request in a dialect: the same key rights, limits and promise as in the Events API.

Everything but the key's look-up runs in a thread. A reply of success comes when all events are on disk.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import quote

from django.conf import settings
from django.db import close_old_connections

from eventlane.door.body import Refused
from eventlane.door.reply import Reply, headers_of
from eventlane.door.request import Request
from eventlane.wire.body import BadBody, BodyTooLarge
from eventlane.wire.seldom import SeldomLog
from events.ingest import storage
from events.ingest.dialects import (
    NO_DATASET,
    Dialect,
    Entry,
    Incoming,
    Malformed,
    Module,
    NoDialect,
    dialect_of,
    is_shared,
)
from events.ingest.dialects.replies import json_reply
from events.ingest.idempotency import with_tokens
from events.ingest.keys import BadRequest, Unauthorised, authenticate
from events.ingest.lookup import KnownDataset, find_dataset, new_namespaces
from events.ingest.parse import refusal_of
from events.ingest.refusals import note_refusal
from events.ingest.resends import Kept, only_events, resends, whole
from events.ingest.split import WHITESPACE, NotAnArray, TooManyEvents
from events.ingest.throttle import NotNow, let_in, read_body
from events.ingest.views import CONTROL_CHARACTER, CORS, NO_KEY, preflight, refuse_events, store_body, take_events
from events.journal import Batch, JournalFailed, new_batch
from projects.directory import DirectoryUnavailable, KnownKey, NotRemembered

T = TypeVar("T")
logger = logging.getLogger(__name__)
log_failure = SeldomLog(logger.error)

RETRY_SECONDS = 5
BATCH_BYTES = 2 * 1024 * 1024  # of events in one frame of the journal
MOST_GROUPS = 1000  # of events of one request that go to different places
FEW_ENTRIES = 1000
SMALL_BODY_BYTES = 64 * 1024
DEFAULT_NAMESPACE = "default"
one_large_body = threading.Lock()  # a parsed body takes many times its memory, and two at once are no faster


async def take_dialect(request: Request) -> Reply:
    """Store the events of a request in any dialect and say what became of them; raise Refused."""
    found = dialect_of(request.path)
    if found is None or (request.method != "POST" and is_shared(request.path)):
        return await take_events(request)
    dialect, path = found
    if request.method == "POST":
        # Whose key is in the body may send no more than in the Events API before anyone knows who it is.
        largest = settings.EVENTLANE_MAX_BODY_BYTES if dialect.key_in_body else settings.EVENTLANE_MAX_DIALECT_BYTES
        reply = await _answer(dialect, Incoming(request, path, largest))
    else:
        reply = _other_method(dialect, request)
    if not request.body.has_ended:
        await request.skip()
    return reply


def refuse_dialect(refused: Refused, request: Request) -> Reply:
    """Say that a request isn't let in, with the status that tells a sender whether to try again."""
    if is_shared(request.path) and b"protobuf" not in request.headers.get(b"content-type", b""):
        return refuse_events(refused, request)
    note_refusal(request, None, refused.status, str(refused), dataset="")
    return json_reply(refused.status, {"message": str(refused)}, **refused.headers)


def _other_method(dialect: Dialect, request: Request) -> Reply:
    if request.method == "OPTIONS":
        return preflight(request)
    if request.method == "HEAD":
        return Reply(200, headers_of({"Content-Type": "application/json", **CORS}))
    look = getattr(dialect.module, "look", None)
    if look and request.method == "GET":
        return look(request)
    return json_reply(405, {"message": "Method Not Allowed"}, Allow="POST, OPTIONS")


async def _answer(dialect: Dialect, incoming: Incoming) -> Reply:
    """Take a request in, and word what becomes of it, or why nothing does."""
    try:
        return await _take_in(dialect, incoming)
    except Refused:
        raise
    except Unauthorised:
        return _fail(dialect, incoming, 401, NO_KEY)
    except NotNow as error:
        return _refuse_for_now(dialect, incoming, error)
    except BodyTooLarge as error:
        return _fail(dialect, incoming, 413, str(error))
    except (BadBody, BadRequest, Malformed, NotAnArray, TooManyEvents) as error:
        return await _refuse_body(dialect, incoming, str(error))
    except UnicodeDecodeError as error:
        return await _refuse_body(dialect, incoming, f"invalid UTF-8: {error.reason}")
    except RecursionError:
        return await _refuse_body(dialect, incoming, f"the body nests deeper than {storage.limits.max_depth} levels")
    except (JournalFailed, DirectoryUnavailable) as error:
        log_failure("a request was not stored: %s", error)
        reply = _fail(dialect, incoming, 503, "the events could not be stored; try again")
        reply.headers.append((b"retry-after", b"%d" % RETRY_SECONDS))
        return reply
    except Exception:
        logger.exception("a request was not stored")
        return _fail(dialect, incoming, 500, "something went wrong in the server")


def _fail(dialect: Dialect, incoming: Incoming, status: int, reason: str, refused: bytes = b"") -> Reply:
    """Refuse a request as a whole, and count that. A body that holds its key is no example."""
    secret_of = None if dialect.key_in_body else dialect.module.secret_of
    note_refusal(incoming.request, incoming.key, status, reason, refused, secret_of, dataset="")
    return dialect.module.fail(incoming, status, reason)


async def _refuse_body(dialect: Dialect, incoming: Incoming, reason: str) -> Reply:
    """Refuse a request as a whole. A body that holds its key never goes into quarantine."""
    request, body = incoming.request, incoming.body
    key = None if dialect.key_in_body else incoming.key
    if key and await resends.end(request, key, reason, body, lambda: [whole(request, reason, body)]):
        incoming.entries, incoming.notes = [], []
        return dialect.module.reply(incoming)
    return _fail(dialect, incoming, 400, reason, body)


async def _settle_refused(dialect: Dialect, incoming: Incoming, key: KnownKey) -> None:
    """Take refused events for accepted once they are in quarantine, or count that they were refused.

    Those whose text isn't known can't go there.
    """
    request, refused = incoming.request, incoming.refused()
    if not refused:
        return
    first = refused[0]
    if all(entry.text for entry in refused) and await resends.end(
        request, key, first.refusal, first.text, lambda: _kept(refused)
    ):
        for entry in refused:
            entry.refusal = ""
        return
    secret_of = None if dialect.key_in_body else dialect.module.secret_of
    note_refusal(request, key, 400, first.refusal, first.text, secret_of, first.dataset)


def _kept(refused: list[Entry]) -> list[Kept]:
    """Return refused events by where they go."""
    groups: dict[tuple[str, str, str], list[Entry]] = {}
    for entry in refused:
        place = (entry.dataset, _label(entry.namespace) or DEFAULT_NAMESPACE, _label(entry.service))
        groups.setdefault(place, []).append(entry)
    return [
        only_events(
            f"/v1/{quote(dataset, safe='')}/{quote(namespace, safe='')}",
            {"x-service": service},
            [entry.text for entry in entries],
            entries[0].refusal,
        )
        for (dataset, namespace, service), entries in groups.items()
    ]


def _refuse_for_now(dialect: Dialect, incoming: Incoming, error: NotNow) -> Reply:
    reply = _fail(dialect, incoming, error.status, str(error))
    reply.headers.extend(headers_of(error.headers))
    if also := getattr(dialect.module, "limit_headers", None):
        reply.headers.extend(headers_of(also(error)))
    return reply


async def _take_in(dialect: Dialect, incoming: Incoming) -> Reply:
    """Store the events of a request and return the reply; what is none of this dialect goes to the Events API."""
    module, request = dialect.module, incoming.request
    if dialect.key_in_body:
        body = await request.read()
        incoming.key = await _find_key(request, await request.run(module.secret_in, incoming, body))
        let_in(incoming.key, len(body))
    else:
        incoming.key = await _find_key(request, module.secret_of(request))
        body = incoming.body = await read_body(incoming.key, request)
        if dialect.arrays_are_events and is_shared(request.path) and body.lstrip(WHITESPACE)[:1] == b"[":
            return await store_body(request, body)  # here and now, instead of first in a thread
    try:
        batches = await request.run(_prepare, module, incoming, incoming.key, body)
    except NoDialect:
        return await store_body(request, body)
    await _store(batches)
    await _settle_refused(dialect, incoming, incoming.key)
    return await _reply(module, incoming)


async def _reply(module: Module, incoming: Incoming) -> Reply:
    """Word the reply; one that lists many events would hold up the event loop."""
    if len(incoming.entries) <= FEW_ENTRIES:
        return module.reply(incoming)
    return await incoming.request.run(module.reply, incoming)


async def _find_key(request: Request, secret: str) -> KnownKey:
    try:
        return authenticate(secret, ask=False)
    except NotRemembered:
        return await request.run(_in_thread, lambda: authenticate(secret, ask=True))


async def _store(batches: list[Batch]) -> None:
    """Store all batches. Raises JournalFailed if one of them isn't on disk."""
    stores = []
    for batch in batches:
        stores.append(asyncio.ensure_future(storage.journal.store(batch)))
        await asyncio.sleep(0)  # between the checksums of megabytes, others have their turn
    await asyncio.gather(*stores)
    for batch in batches:
        new_namespaces.note(batch.dataset_id, batch.namespace)


def _prepare(module: Module, incoming: Incoming, key: KnownKey, body: bytes) -> list[Batch]:
    """Read the events of a body and form batches of them, in a thread. Refusals are noted in the entries."""
    if len(body) <= SMALL_BODY_BYTES and not incoming.request.header(b"content-encoding"):
        return _in_thread(lambda: read_events(module, incoming, key, body))
    with one_large_body:
        return _in_thread(lambda: read_events(module, incoming, key, body))


def _in_thread(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        close_old_connections()


def read_events(module: Module, incoming: Incoming, key: KnownKey, body: bytes) -> list[Batch]:
    """Read the events of a body and form batches of them. Refusals are noted in the entries; raises Malformed."""
    module.parse(incoming, body)
    groups: dict[tuple[str, str, str], list[bytes]] = {}
    datasets: dict[str, KnownDataset | None] = {}
    for entry in incoming.entries:
        entry.refusal = entry.refusal or refusal_of(entry.text, storage.limits)
        if entry.refusal:
            continue
        if entry.dataset not in datasets:
            datasets[entry.dataset] = find_dataset(key, entry.dataset, True, module.MAKES_DATASETS)
        dataset = datasets[entry.dataset]
        if dataset is None:
            entry.refusal = f"{NO_DATASET}{entry.dataset[:100]!a} in the project of this key"
            continue
        namespace = _label(entry.namespace) or dataset.default_namespace or DEFAULT_NAMESPACE
        groups.setdefault((dataset.id, namespace, _label(entry.service)), []).append(entry.text)
    if len(groups) > MOST_GROUPS:
        raise Malformed(f"the events go to more than {MOST_GROUPS} datasets, namespaces and services")
    of_groups = (with_tokens(incoming.request, _batches(key.id, *group, texts)) for group, texts in groups.items())
    return [batch for batches in of_groups for batch in batches]


def _label(text: str) -> str:
    """Return a namespace or service that an event names, without what it may not hold."""
    return CONTROL_CHARACTER.sub(" ", text)[: settings.EVENTLANE_MAX_NAMESPACE_LENGTH].strip()


def _batches(key_id: str, dataset_id: str, namespace: str, service: str, texts: list[bytes]) -> Iterator[Batch]:
    """Yield batches of some megabytes."""
    part: list[bytes] = []
    size = 0
    for text in texts:
        part.append(text)
        size += len(text)
        if size >= BATCH_BYTES:
            yield new_batch(dataset_id, namespace, service, part, list(map(len, part)), key_id)
            part, size = [], 0
    if part:
        yield new_batch(dataset_id, namespace, service, part, list(map(len, part)), key_id)
