"""The first middleware: headers for every reply, and a shortcut past the console's layers for programs."""

import logging
import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.urls import resolve

from eventlane.wire.headers import EVERY_ANSWER
from eventlane.wire.seldom import SeldomLog

logger = logging.getLogger(__name__)

PROGRAM_PATH = re.compile(r"/v\d|/hooks/")
Answer = Callable[[HttpRequest], HttpResponse]


class EveryAnswer:
    """Adds headers that keep browsers and caches from guessing and storing; static files set their own."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        response = self._get_response(request)
        for name, value in EVERY_ANSWER.items():
            response.headers.setdefault(name, value)
        return response


class ProgramsFirst:
    """Calls the view of /v<digits>… and /hooks/… directly: programs need no session, CSRF, messages or static files.

    Those layers would take a quarter of the time of an ingest request. Programs may also use any host name, and are
    never redirected to https: old clients don't follow redirects.
    """

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a program's request; pass on any other."""
        if not PROGRAM_PATH.match(request.path_info):
            return self._get_response(request)
        match = resolve(request.path_info)
        return match.func(request, *match.args, **match.kwargs)


class OwnScriptsOnly:
    """Sends the content security policy with every reply of the console, error pages and files included.

    Scripts are files of ours: none in a page, none made of text (static/eventlane/alpine.js says how Unfold does it).
    Styles may be in a page: Unfold's colours are. Nothing is loaded from another origin, sent to one or framed by one.
    """

    POLICY = (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        response = self._get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.POLICY)
        return response


class KnownHost:
    """Refuses a Host header that is invalid or not ours with one short line: Django would log a traceback each time."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response
        self._log = SeldomLog(logger.warning)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on what is meant for the console."""
        try:
            request.get_host()
        except DisallowedHost:
            self._log(
                "refused the host name %.100a; EVENTLANE_ALLOWED_HOSTS lists those of the console", _host(request)
            )
            return HttpResponseBadRequest("The console doesn't answer to this host name.\n", "text/plain")
        return self._get_response(request)


class NoNul:
    """Refuses U+0000 in a query: PostgreSQL can't store it, and otherwise every page would have to check for it."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass on any other request."""
        if b"\0" in unquote_to_bytes(request.META.get("QUERY_STRING", "")):
            return HttpResponseBadRequest("The address must not contain the character U+0000 (%00).\n", "text/plain")
        return self._get_response(request)


def _host(request: HttpRequest) -> str:
    return str(request.META.get("HTTP_HOST", request.META.get("SERVER_NAME", "")))
