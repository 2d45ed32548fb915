"""The ASGI application that granian serves: the door, with Django behind it."""

import os
import re

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventlane.settings")
_django_application = get_wsgi_application()

from django.conf import settings  # noqa: E402
from django.urls import resolve  # noqa: E402
from django.utils.module_loading import import_string  # noqa: E402

from eventlane.door.application import Door  # noqa: E402
from eventlane.door.body import Pace  # noqa: E402
from eventlane.door.django import DjangoRoute  # noqa: E402
from eventlane.door.lanes import Lane  # noqa: E402
from eventlane.door.routes import AnyOtherPath, Route, refuse_page, refuse_program  # noqa: E402

resolve("/console/")  # import all routes now: otherwise the first request would wait 200 ms for it


def _lane(name: str, *limits: int) -> Lane:
    """Return a lane with enough room for the largest body of its routes, both as sent and inflated."""
    room_bytes = max(settings.EVENTLANE_MAX_BODIES_BYTES, 2 * max(limits))
    room_values = max(settings.EVENTLANE_MAX_BODIES_VALUES, settings.EVENTLANE_MAX_REQUEST_VALUES)
    return Lane(name, settings.EVENTLANE_WEB_THREADS, settings.EVENTLANE_WEB_QUEUE, room_bytes, room_values)


def _routes() -> list[Route]:
    batch, form = settings.EVENTLANE_MAX_BODY_BYTES, settings.EVENTLANE_MAX_FORM_BYTES
    dialect = max(batch, settings.EVENTLANE_MAX_DIALECT_BYTES)  # some of its paths are those of the Events API, too
    request, hook = settings.EVENTLANE_MAX_REQUEST_BYTES, settings.EVENTLANE_MAX_HOOK_BYTES
    take_events, refuse_events, _ = map(import_string, settings.EVENTS_API)
    dialect_paths, take_dialect, refuse_dialect, probe = map(import_string, settings.DIALECTS)
    django, programs = DjangoRoute(_django_application), _lane("programs", request, hook)
    console = _lane("console", form)
    return [
        Route(dialect_paths, _lane("dialects", dialect), dialect, take_dialect, refuse_dialect),
        Route(re.compile(r"/v(?!0(?:/|\Z))\d+(?:/|\Z)"), _lane("ingest", batch), batch, take_events, refuse_events),
        Route(re.compile(r"/v0(?:/|\Z)"), programs, request, django, refuse_program),
        Route(re.compile(r"/hooks/"), programs, hook, django, refuse_program),
        Route(re.compile(r"/(?:console|static)(?:/|\Z)"), console, form, django, refuse_page),
        Route(re.compile(r""), console, batch, AnyOtherPath(django, probe), refuse_program),
    ]


pace = Pace(settings.EVENTLANE_BODY_SECONDS, settings.EVENTLANE_BODY_MIN_BYTES_PER_SECOND)
application = Door(_routes(), pace)


def close() -> None:
    """Close what the door has open before the process exits."""
    _, _, close_journal = map(import_string, settings.EVENTS_API)
    close_journal()
