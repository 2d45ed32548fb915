"""The WSGI application that granian serves."""

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.urls import resolve

from eventlane.processes import follow_supervisor

follow_supervisor()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eventlane.settings")
django_application = get_wsgi_application()
resolve("/v1")  # imports every route now: at the first request it kept its sender waiting for 200 ms


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve a request, keeping the path as it came: Django writes over what isn't UTF-8 in it."""
    environ["eventlane.path"] = environ["PATH_INFO"]
    return django_application(environ, start_response)
