"""The ASGI application that granian serves: the door, and Django behind it."""

import re

from eventlane import wsgi  # first: it makes Django ready

from django.conf import settings  # isort: skip

from eventlane.door.application import Door
from eventlane.door.body import Pace
from eventlane.door.lanes import Lane
from eventlane.door.routes import Route, refuse_ingest, refuse_page, refuse_program


def _lane(name: str, *limits: int) -> Lane:
    """Return a lane whose room fits the largest body of its routes."""
    room_bytes = max(settings.EVENTLANE_MAX_BODIES_BYTES, *limits)
    return Lane(name, settings.EVENTLANE_WEB_THREADS, settings.EVENTLANE_WEB_QUEUE, room_bytes)


def _routes() -> list[Route]:
    batch, form = settings.EVENTLANE_MAX_BODY_BYTES, settings.EVENTLANE_MAX_FORM_BYTES
    request, hook = settings.EVENTLANE_MAX_REQUEST_BYTES, settings.EVENTLANE_MAX_HOOK_BYTES
    programs = _lane("programs", request, hook)
    return [
        Route(re.compile(r"/v(?!0(?:/|\Z))\d+(?:/|\Z)"), _lane("ingest", batch), batch, refuse_ingest),
        Route(re.compile(r"/v0(?:/|\Z)"), programs, request, refuse_program),
        Route(re.compile(r"/hooks/"), programs, hook, refuse_program),
        Route(re.compile(r""), _lane("console", form), form, refuse_page),
    ]


pace = Pace(settings.EVENTLANE_BODY_SECONDS, settings.EVENTLANE_BODY_MIN_BYTES_PER_SECOND)
application = Door(wsgi.application, _routes(), pace)
