"""The Events API: POST /v1/<dataset>/<namespace> (docs/api/events.md), and how an event gets into the journal.

Runs in the event loop, without Django: no ORM write, no DRF, no DuckDB, no log line per event. Only what must query
the database, or takes longer than starting a thread, goes to a thread. A 202 means that every event is on disk.
"""

import logging
import re
import threading
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.db import close_old_connections

from eventlane.door.body import Refused, TooLarge
from eventlane.door.reply import Reply, headers_of
from eventlane.door.request import Request
from eventlane.wire.body import BadBody, decode_body
from eventlane.wire.headers import EVERY_ANSWER
from eventlane.wire.seldom import SeldomLog
from events.ingest import storage
from events.ingest.form import is_json, record_of
from events.ingest.idempotency import by_event, id_path_of, token_of
from events.ingest.keys import BadRequest, Unauthorised, authenticate, header_of, secret_of
from events.ingest.lookup import KnownDataset, find_dataset, new_namespaces
from events.ingest.parse import InvalidEvent, Parsed, parse_acceptable, parse_events, refusal_of
from events.ingest.refusals import note_refusal
from events.ingest.resends import Kept, only_events, resends, whole
from events.ingest.split import NotAnArray, TooManyEvents, split
from events.ingest.storage import limits
from events.ingest.throttle import NotNow, count_refused, read_body
from events.journal import Batch, JournalFailed, new_batch
from projects.directory import DirectoryUnavailable, KnownKey, NotRemembered

logger = logging.getLogger(__name__)
log_failed_journal, log_missing_directory = SeldomLog(logger.error), SeldomLog(logger.error)

# Parsing holds the interpreter's lock: two at once take as long as one after the other, but twice the memory.
STORED_AT_ONCE = 500  # batches: their checksums would hold up the event loop
MANY_VALUES = 10_000
one_with_many_values = threading.Lock()
PARSED_AT_ONCE_BYTES = 64 * 1024  # a larger body would block the event loop for longer than a thread costs
INGEST_PATH = re.compile(rb"/v1(?:/|\Z)")
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
EXPOSED = "X-Error-Reason, Retry-After, RateLimit, RateLimit-Policy"  # to scripts of other origins
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED} | EVERY_ANSWER
PREFLIGHT = CORS | {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Max-Age": "86400",
    "Vary": "Access-Control-Request-Headers",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request's events go."""

    key: KnownKey
    dataset: KnownDataset
    namespace: str
    service: str
    token: bytes
    id_path: list[str]
    accepted: Reply

    def batch(self, parsed: Parsed) -> Batch:
        """Return the events of a body, received now."""
        place = (self.dataset.id, self.namespace, self.service)
        return new_batch(*place, [parsed.events], parsed.lengths, self.key.id, self.token)


async def take_events(request: Request) -> Reply:
    """Store the events of a request and say what became of them; raise Refused if the request isn't let in."""
    reply = await _answer(request) if request.method == "POST" else _other_method(request)
    if not request.body.has_ended:
        await request.skip()
    return reply


async def store_body(request: Request, body: bytes) -> Reply:
    """Do the same with a body that was read already, up to the limit of another protocol."""
    if len(body) > settings.EVENTLANE_MAX_BODY_BYTES:
        return refuse_events(TooLarge(f"body larger than {settings.EVENTLANE_MAX_BODY_BYTES} bytes"), request)
    return await _answer(request, body)


async def _answer(request: Request, body: bytes | None = None) -> Reply:
    try:
        target = await _find(request)
        body = await read_body(target.key, request) if body is None else body
        parsed = await _parse(request, body)
        if parsed.lengths:
            await _store(request, target.batch(parsed), target.id_path)
            new_namespaces.note(target.dataset.id, target.namespace)
    except Refused:
        raise
    except Unauthorised:
        note_refusal(request, None, 401, NO_KEY)
        return unauthorised()
    except NotNow as error:
        return _refuse_for_now(request, target.key, error)
    except BadRequest as error:
        return await _refuse_path(request, error.key, str(error), body)
    except (BadBody, NotAnArray, TooManyEvents) as error:
        return await _refuse_body(request, target.key, str(error), body or b"", body or b"")
    except JournalFailed as error:
        log_failed_journal("a request was not stored: %s", error)
        note_refusal(request, target.key, 500, error.reason)
        return _reply(500, INTERNAL_ERROR, **{"X-Error-Reason": error.reason})
    except DirectoryUnavailable as error:
        log_missing_directory("a request was not stored: %s", error)
        note_refusal(request, None, 500, DIRECTORY_AWAY)
        return _reply(500, INTERNAL_ERROR)
    except Exception:
        logger.exception("a request was not stored")
        return _reply(500, INTERNAL_ERROR)
    if parsed.invalid or parsed.more_invalid:
        return await _refuse_some(request, target, body, parsed)
    return target.accepted


async def _store(request: Request, batch: Batch, id_path: list[str]) -> None:
    """Store a batch; if events have ids of their own, as a batch each. Raises JournalFailed if not all is on disk."""
    batches = await request.run(lambda: list(by_event(batch, id_path))) if id_path else [batch]
    for start in range(0, len(batches), STORED_AT_ONCE):
        await storage.journal.store(*batches[start : start + STORED_AT_ONCE])


def _refuse_for_now(request: Request, key: KnownKey, error: NotNow) -> Reply:
    note_refusal(request, key, error.status, str(error))
    message = b"Too Many Requests" if error.status == 429 else b"Service Unavailable"
    return _reply(error.status, b'{"message": "%b"}' % message, **{"X-Error-Reason": str(error)}, **error.headers)


async def _refuse_path(request: Request, key: KnownKey, reason: str, body: bytes | None) -> Reply:
    """Refuse a request for its path, whatever its body is. One that may go into quarantine needs room, too."""
    try:
        if body is None and key.quarantine_after:
            body = await read_body(key, request)
        elif body is None:
            count_refused(key, request)
    except NotNow as error:
        return _refuse_for_now(request, key, error)
    return await _refuse_body(request, key, reason, body or b"", b"")


async def _refuse_body(request: Request, key: KnownKey, reason: str, body: bytes, sample: bytes) -> Reply:
    """Refuse a request as a whole."""
    if await resends.end(request, key, reason, sample, lambda: [whole(request, reason, body)]):
        return _accepted(key)
    note_refusal(request, key, 400, reason, body, secret_of)
    return _reply(400, BAD_REQUEST, **{"X-Error-Reason": reason})


async def _refuse_some(request: Request, target: Target, body: bytes, parsed: Parsed) -> Reply:
    """Refuse some of the events. The others are stored."""
    first = parsed.invalid[0] if parsed.invalid else InvalidEvent(0, parsed.more_reason, b"")
    if await resends.end(request, target.key, first.reason, first.shown, lambda: [_refused(request, target, body)]):
        return target.accepted
    note_refusal(request, target.key, 400, first.reason, first.shown, secret_of)
    more = {"X-Error-Reason": f"not shown: {parsed.more_reason}"} if parsed.more_invalid else {}
    return _reply(400, _list_invalid(parsed), **more)


def _refused(request: Request, target: Target, body: bytes) -> Kept:
    """Return the refused events of a body as they were sent."""
    elements = split(_decode(request, body, request.header(b"content-encoding")), limits.max_events)
    refused = [(bytes(text), reason) for text in elements if (reason := refusal_of(text, limits))]
    id_field = request.header(b"x-event-id-field")
    place = {"x-namespace": target.namespace, "x-service": target.service, "x-event-id-field": id_field}
    return only_events(request.path.decode("latin-1"), place, [text for text, _ in refused], refused[0][1])


def unauthorised() -> Reply:
    """Say that no key came, or none that may ingest."""
    return _reply(401, b'{"message": "Unauthorised"}')


def refuse_events(refused: Refused, request: Request) -> Reply:
    """Say that a request isn't let in. A body that is too large or cut off counts as a bad request."""
    message = {408: b"Request Timeout", 503: b"Service Unavailable"}.get(refused.status)
    headers = {"X-Error-Reason": str(refused), **refused.headers}
    note_refusal(request, None, refused.status if message else 400, str(refused))
    return _reply(refused.status if message else 400, b'{"message": "%b"}' % (message or b"Bad Request"), **headers)


def close_journal() -> None:
    """Close the open file, so that the sealer gets it: no more requests will come."""
    storage.journal.close()


async def _find(request: Request) -> Target:
    """Find where the events go: from memory, or with a database query in a thread."""
    try:
        return _find_target(request, ask=False)
    except NotRemembered:
        return await request.run(_ask_for_target, request)


def _ask_for_target(request: Request) -> Target:
    try:
        return _find_target(request, ask=True)
    finally:
        close_old_connections()


async def _parse(request: Request, body: bytes) -> Parsed:
    """Parse the events of a body: here if that takes no time, otherwise in a thread."""
    if not body:
        raise BadBody("empty body")
    encoding = request.header(b"content-encoding")
    if not encoding and len(body) <= PARSED_AT_ONCE_BYTES:
        parsed = parse_acceptable(body, limits)
        if parsed is not None:
            return parsed
    return await request.run(decode_and_parse, request, body, encoding)


def _decode(request: Request, body: bytes, encoding: str) -> bytes:
    decoded = decode_body(body, encoding, settings.EVENTLANE_MAX_BODY_BYTES, request.body.hold)
    if not decoded:
        raise BadBody("empty body")
    if "x-www-form-urlencoded" in request.header(b"content-type") and not is_json(decoded):
        return record_of(decoded)
    return decoded


def decode_and_parse(request: Request, body: bytes, encoding: str) -> Parsed:
    """Parse the events of a body, in a thread. Raises BadBody, NotAnArray and TooManyEvents."""
    decoded = _decode(request, body, encoding)
    if decoded.count(b",") < MANY_VALUES:
        return parse_events(decoded, limits)
    with one_with_many_values:
        return parse_events(decoded, limits)


def _find_target(request: Request, ask: bool) -> Target:
    """Check the key, and return what path and headers name. Raises NotRemembered if `ask` isn't set but needed."""
    key = authenticate(secret_of(request), ask)
    try:
        return target_of(key, request, ask)
    except BadRequest as error:
        error.key = key
        raise


def target_of(key: KnownKey, request: Request, ask: bool) -> Target:
    """Return what path and headers name in the key's project. Raises BadRequest and NotRemembered."""
    version, *segments = _segments(request.path)
    if version != "v1":
        raise BadRequest(f"there is no API version {version[1:11]} here")
    match segments:
        case [name]:
            namespace, service = header_of(request, b"x-namespace"), header_of(request, b"x-service")
        case [name, namespace]:
            service = header_of(request, b"x-service")
        case [name, service, namespace]:
            pass
        case _:
            raise BadRequest("the path must be /v1/<dataset>/<namespace>")
    dataset = find_dataset(key, name, ask)
    if dataset is None:
        raise BadRequest(f"there is no dataset {name[:100]!a} in the project of this key")
    namespace = namespace or dataset.default_namespace
    _check_label("namespace", namespace)
    if service:
        _check_label("service", service)
    return Target(
        key, dataset, namespace, service, token_of(request, key, dataset), id_path_of(request), _accepted(key)
    )


def _accepted(key: KnownKey) -> Reply:
    return ACCEPTED_AS_200 if key.answer_200 else ACCEPTED


def _segments(path: bytes) -> list[str]:
    """Return the decoded segments of a path. An encoded slash belongs to its segment; one at the end is ignored."""
    segments = path.removeprefix(b"/").removesuffix(b"/").split(b"/")
    if b"" in segments:
        raise BadRequest("the path must be /v1/<dataset>/<namespace>")
    try:
        return [(unquote_to_bytes(segment) if b"%" in segment else segment).decode() for segment in segments]
    except UnicodeDecodeError:
        raise BadRequest("the path is not valid UTF-8") from None


def _check_label(what: str, text: str) -> None:
    """Refuse a namespace or service that is empty, too long, or contains control characters."""
    if not text:
        raise BadRequest(f"the request names no {what}")
    if len(text) > settings.EVENTLANE_MAX_NAMESPACE_LENGTH:
        raise BadRequest(f"{what} longer than {settings.EVENTLANE_MAX_NAMESPACE_LENGTH} characters")
    if CONTROL_CHARACTER.search(text):
        raise BadRequest(f"{what} holds a control character")


def _list_invalid(parsed: Parsed) -> bytes:
    """Return the 400 body: failed events as they were sent, the reasons, and how many more failed."""
    shown = b", ".join(event.shown for event in parsed.invalid)
    errors = ", ".join(map(_error, parsed.invalid))
    more = b', "more_invalid": %d' % parsed.more_invalid if parsed.more_invalid else b""
    return b'{"message": "Bad Request", "invalid": [%b], "errors": [%b]%b}' % (shown, errors.encode(), more)


def _error(event: InvalidEvent) -> str:
    return f'{{"index": {event.index}, "reason": {_quoted(event.reason)}}}'


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _other_method(request: Request) -> Reply:
    """Answer requests that store nothing: a browser's CORS preflight, and probes. Only the key controls access."""
    if request.method == "OPTIONS":
        return preflight(request)
    if request.method == "HEAD" and INGEST_PATH.match(request.path):
        return _reply(200, b"")
    return _reply(405, b'{"message": "Method Not Allowed"}', Allow="POST, OPTIONS")


def preflight(request: Request) -> Reply:
    """Let scripts of any origin send what they ask for."""
    wanted = request.header(b"access-control-request-headers") or "x-api-key, content-type"
    return Reply(204, headers_of(PREFLIGHT | {"Access-Control-Allow-Headers": wanted}))


def _reply(status: int, body: bytes, **headers: str) -> Reply:
    return Reply(status, headers_of({"Content-Type": "application/json", **CORS, **headers}), body)


NO_KEY = "the API key is missing, unknown, or may not ingest"
DIRECTORY_AWAY = "PostgreSQL is away, and the key or dataset isn't known"
INTERNAL_ERROR = b'{"message": "Internal Error"}'
BAD_REQUEST = b'{"message": "Bad Request"}'
ACCEPTED, ACCEPTED_AS_200 = (_reply(status, b'{"message": "Request Accepted"}') for status in (202, 200))
