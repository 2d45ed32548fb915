"""The time zone in which the console shows times, on each of its pages: UTC, or that of the browser.

A cookie says which (static/eventlane/zone_choice.js sets it). Only pages of the console follow it: what programs read,
and the pages for people who aren't logged in, are in UTC.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from eventlane.times import find_zone

COOKIE = "eventlane_zone"


def in_chosen_zone(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Make a view show times in the zone that the request's cookie names, or in UTC if it names none."""

    @wraps(view)
    def shown(request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponse:
        with timezone.override(find_zone(request.COOKIES.get(COOKIE)) or UTC):
            return view(request, *arguments, **options)

    return shown


def zone_name() -> str:
    """Return the IANA name of the zone that times are shown in."""
    return str(timezone.get_current_timezone())


def local(time: datetime) -> datetime:
    """Return a time in that zone; one at the end of all times, which has none there, in UTC."""
    try:
        return timezone.localtime(time)
    except OverflowError:
        return time.astimezone(UTC)


def local_text(time: datetime, precision: str = "seconds") -> str:
    """Return a time for people, without its zone; `precision` as for isoformat."""
    return local(time).replace(tzinfo=None).isoformat(" ", precision)


def zoned_text(time: datetime, precision: str = "seconds") -> str:
    """Return a time for people, with its zone as it is called then, like UTC or CET."""
    return f"{local_text(time, precision)} {local(time).tzname()}"


def zoned_clock(time: datetime, precision: str = "seconds") -> str:
    """Return a time of day for people, with its zone."""
    return f"{local(time).time().isoformat(precision)} {local(time).tzname()}"
