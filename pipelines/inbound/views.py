"""POST /hooks/<token>/<event> for the connector webhook, POST /hooks/<token> for GitHub.

A plain Django view. The address is secret: it is in no log line and no error.
"""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from eventlane.database import DATABASE_AWAY
from eventlane.names import is_name
from eventlane.one_line import one_line
from eventlane.wire.body import BadBody, BodyTooLarge, read_body
from eventlane.wire.errors import (
    JSON,
    ApiError,
    BadRequest,
    InternalError,
    MalformedRequestBody,
    RequestTooLarge,
    ServiceUnavailable,
    TooManyRequests,
    UnhandledMethod,
    UnknownObject,
    error_response,
)
from eventlane.wire.values import hold_of
from pipelines.hooks import DELIVERIES, find_hook, note_use
from pipelines.inbound import github
from pipelines.inbound.payload import as_object, read_payload
from pipelines.inbound.signature import check_signature
from pipelines.models import Hook, PlatformEvent
from pipelines.platform_events import create_events

logger = logging.getLogger(__name__)

LOGGED_PATH = "/hooks/…"
SIGNATURE = "X-Eventlane-Signature-256"


@csrf_exempt
def receive(request: HttpRequest, route: str) -> HttpResponse:
    """Accept a delivery and say how many platform events it became."""
    request.path = LOGGED_PATH  # Django logs the path of requests that it answers with an error
    try:
        events = _take(request, *_split(route))
    except ApiError as error:
        return error_response(error)
    except DATABASE_AWAY as error:
        logger.error("a delivery to a hook can't be stored: %s", one_line(error))
        return error_response(ServiceUnavailable())
    except Exception:
        logger.exception("a delivery to a hook can't be stored")
        return error_response(InternalError())
    return HttpResponse(b'{"events": %d}' % len(events), JSON, 202)


def _split(route: str) -> tuple[str, str]:
    """Return token and event name; ignores one trailing slash."""
    token, _, event = route.removesuffix("/").partition("/")
    return token, event


def _take(request: HttpRequest, token: str, event: str) -> list[PlatformEvent]:
    hook = find_hook(token)
    if hook is None or (event and hook.connector == "github"):
        raise UnknownObject("hook")
    if request.method != "POST":
        raise UnhandledMethod(str(request.method), ["POST"])
    if hook.connector == "github":
        events = github.take(hook, request.headers, _read_body(request), hold_of(request.META))
    else:
        events = _take_any(hook, event, request)
    note_use(hook)
    return events


def _take_any(hook: Hook, event: str, request: HttpRequest) -> list[PlatformEvent]:
    if not is_name(event):
        raise BadRequest("The address must end in the event's name: /hooks/TOKEN/EVENT, of a-z, 0-9, '-' and '_'.")
    now, rate = timezone.now(), settings.EVENTLANE_HOOK_RATE_LIMIT
    _refuse_while(DELIVERIES.seconds_to_wait(hook, rate, now))
    body = _read_body(request)
    if hook.encrypted_secret is not None:
        check_signature(hook, request.headers, SIGNATURE, body)
    _refuse_while(DELIVERIES.take(hook, rate, now))  # unsigned deliveries don't count
    return create_events(hook.project, "webhook", event, as_object(read_payload(body, hold_of(request.META))))


def _refuse_while(seconds: float) -> None:
    """Refuse a delivery if it must wait."""
    if seconds:
        raise TooManyRequests("The hook has reached its rate limit (EVENTLANE_HOOK_RATE_LIMIT).", seconds)


def _read_body(request: HttpRequest) -> bytes:
    try:
        return read_body(request.META, settings.EVENTLANE_MAX_HOOK_BYTES)
    except BodyTooLarge as error:
        raise RequestTooLarge(f"The {error}.") from None
    except BadBody as error:
        raise MalformedRequestBody(str(error)) from None
