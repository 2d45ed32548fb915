"""The first middleware: what every answer carries, and where programs' requests leave the console's layers behind."""

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
    """Adds what keeps browsers and caches from guessing and keeping; who says otherwise is a static file."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request."""
        response = self._get_response(request)
        for name, value in EVERY_ANSWER.items():
            response.headers.setdefault(name, value)
        return response


class ProgramsFirst:
    """Calls the view of /v<digits>… and /hooks/… at once: no session, CSRF, messages or static files concern a program.

    Those layers cost an ingest request a quarter of its time. Programs may come by any host name, too, and are never
    sent on to https: old clients follow no redirects.
    """

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a program's request; hand any other on."""
        if not PROGRAM_PATH.match(request.path_info):
            return self._get_response(request)
        match = resolve(request.path_info)
        return match.func(request, *match.args, **match.kwargs)


class KnownHost:
    """Refuses a Host header that is none, or not ours, with one short line: Django would log a traceback each time."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response
        self._log = SeldomLog(logger.warning)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Hand on what is meant for the console."""
        try:
            request.get_host()
        except DisallowedHost:
            self._log("refused the host name %.100a; EVENTLANE_ALLOWED_HOSTS has those of the console", _host(request))
            return HttpResponseBadRequest("The console doesn't answer to this host name.\n", "text/plain")
        return self._get_response(request)


class NoNul:
    """Refuses a query with U+0000 in it: PostgreSQL has no such text, and each page would have to look for it."""

    def __init__(self, get_response: Answer) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Hand on what can be asked for."""
        if b"\0" in unquote_to_bytes(request.META.get("QUERY_STRING", "")):
            return HttpResponseBadRequest("The address must not hold the character U+0000 (%00).\n", "text/plain")
        return self._get_response(request)


def _host(request: HttpRequest) -> str:
    return str(request.META.get("HTTP_HOST", request.META.get("SERVER_NAME", "")))
