"""The Events API: POST /v1/<dataset>/<namespace> (events-api.md). The way of an event into the journal.

A plain Django view: no ORM write, no DRF, no DuckDB and no log line per event. A 202 means that every event
is on disk.
"""

import logging
import re

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from eventlane.wire.body import BadBody, read_body
from eventlane.wire.headers import EVERY_ANSWER
from events.ingest.lookup import KnownDataset, find_dataset, new_namespaces
from events.ingest.parse import InvalidEvent, Limits, NotAnArray, Parsed, TooManyEvents, parse_events
from events.journal import JournalFailed, JournalWriter, new_batch
from projects.directory import DirectoryUnavailable, KnownKey, find_key, last_use

logger = logging.getLogger(__name__)

CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f]")
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "X-Error-Reason"} | EVERY_ANSWER
PREFLIGHT = CORS | {
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Max-Age": "86400",
    "Vary": "Access-Control-Request-Headers",
}

limits = Limits(
    settings.EVENTLANE_MAX_EVENT_BYTES,
    settings.EVENTLANE_MAX_EVENT_DEPTH,
    settings.EVENTLANE_MAX_REQUEST_EVENTS,
    settings.EVENTLANE_MAX_INVALID_BYTES,
)
journal = JournalWriter(
    settings.EVENTLANE_JOURNAL,
    settings.EVENTLANE_NODE,
    settings.EVENTLANE_JOURNAL_MAX_BYTES,
    settings.EVENTLANE_JOURNAL_MAX_AGE_SECONDS,
)


class Unauthorised(Exception):
    """No key, or one that may not ingest."""


class BadRequest(ValueError):
    """The path is wrong."""


@csrf_exempt
def ingest_events(request: HttpRequest, version: str, route: str = "") -> HttpResponse:
    """Store the events of one request and say what became of them."""
    if request.method == "OPTIONS":
        return _preflight(request)
    if request.method != "POST":
        return _reply(405, b'{"message": "Method Not Allowed"}', Allow="POST, OPTIONS")
    try:
        key = _authenticate(request)
        last_use.note(key.id)
        dataset, namespace, service = _find_target(request, key, version, route)
        parsed = parse_events(_read_body(request), limits)
        if parsed.lengths:
            journal.append(new_batch(dataset.id, namespace, service, [parsed.events], parsed.lengths))
            new_namespaces.note(dataset.id, namespace)
    except Unauthorised:
        return _reply(401, b'{"message": "Unauthorised"}')
    except (BadRequest, BadBody, NotAnArray, TooManyEvents) as error:
        return _reply(400, b'{"message": "Bad Request"}', **{"X-Error-Reason": str(error)})
    except (JournalFailed, DirectoryUnavailable) as error:
        logger.error("a request was not stored: %s", error)
        return _reply(500, b'{"message": "Internal Error"}')
    except Exception:
        logger.exception("a request was not stored")
        return _reply(500, b'{"message": "Internal Error"}')
    if parsed.more_invalid:
        return _reply(400, _list_invalid(parsed), **{"X-Error-Reason": f"not shown: {parsed.more_reason}"})
    if parsed.invalid:
        return _reply(400, _list_invalid(parsed))
    return _reply(202, b'{"message": "Request Accepted"}')


def _authenticate(request: HttpRequest) -> KnownKey:
    secret = _header(request, "HTTP_X_API_KEY")
    key = find_key(secret) if secret else None
    if key is None or not key.allows("ingest"):
        raise Unauthorised
    return key


def _find_target(request: HttpRequest, key: KnownKey, version: str, route: str) -> tuple[KnownDataset, str, str]:
    """Return dataset, namespace and service as path and headers name them."""
    if version != "1":
        raise BadRequest(f"there is no API version {version[:10]} here")
    _check_utf8(request.META.get("eventlane.path", ""))
    match _segments(route):
        case [name]:
            namespace, service = _header(request, "HTTP_X_NAMESPACE"), _header(request, "HTTP_X_SERVICE")
        case [name, namespace]:
            service = _header(request, "HTTP_X_SERVICE")
        case [name, service, namespace]:
            pass
        case _:
            raise BadRequest("the path must be /v1/<dataset>/<namespace>")
    dataset = find_dataset(key, name)
    if dataset is None:
        raise BadRequest(f"there is no dataset {name[:100]!a} in the project of this key")
    namespace = namespace or dataset.default_namespace
    _check_label("namespace", namespace)
    if service:
        _check_label("service", service)
    return dataset, namespace, service


def _segments(route: str) -> list[str]:
    """Split what follows /v1/; one trailing slash doesn't count, an empty segment elsewhere is an error."""
    segments = route.removesuffix("/").split("/")
    if "" in segments:
        raise BadRequest("the path must be /v1/<dataset>/<namespace>")
    return segments


def _check_utf8(path: str) -> None:
    """Refuse a path whose percent-decoded bytes are not text: WSGI hands them over as Latin-1."""
    if not path.isascii():
        try:
            path.encode("latin-1").decode()
        except UnicodeDecodeError:
            raise BadRequest("the path is not valid UTF-8") from None


def _check_label(what: str, text: str) -> None:
    """Refuse a namespace or service that is empty, too long, or holds what isn't text."""
    if not text:
        raise BadRequest(f"the request names no {what}")
    if len(text) > settings.EVENTLANE_MAX_NAMESPACE_LENGTH:
        raise BadRequest(f"{what} longer than {settings.EVENTLANE_MAX_NAMESPACE_LENGTH} characters")
    if CONTROL_CHARACTER.search(text):
        raise BadRequest(f"{what} holds a control character")


def _header(request: HttpRequest, name: str) -> str:
    """Return a header's value; the published edge logger sends the word `undefined` for none at all."""
    value: str = request.META.get(name, "").strip()
    return "" if value == "undefined" else value


def _read_body(request: HttpRequest) -> bytes:
    body = read_body(request.META, settings.EVENTLANE_MAX_BODY_BYTES)
    if not body:
        raise BadBody("empty body")
    return body


def _list_invalid(parsed: Parsed) -> bytes:
    """Return the 400 body that lists the events which failed, each as it was sent, and why; and how many more did."""
    shown = b", ".join(event.shown for event in parsed.invalid)
    errors = ", ".join(map(_error, parsed.invalid))
    more = b', "more_invalid": %d' % parsed.more_invalid if parsed.more_invalid else b""
    return b'{"message": "Bad Request", "invalid": [%b], "errors": [%b]%b}' % (shown, errors.encode(), more)


def _error(event: InvalidEvent) -> str:
    return f'{{"index": {event.index}, "reason": {_quoted(event.reason)}}}'


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _preflight(request: HttpRequest) -> HttpResponse:
    """Answer a browser's CORS preflight: any origin may send, the key is what lets in."""
    wanted = request.META.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS") or "x-api-key, content-type"
    response = HttpResponse(status=204, headers=PREFLIGHT | {"Access-Control-Allow-Headers": wanted})
    del response["Content-Type"]
    return response


def _reply(status: int, body: bytes, **headers: str) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="application/json", headers=CORS | headers)
