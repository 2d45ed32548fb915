"""The time zone that Explore, dashboards, alerts and the home page show times in.

UTC, or that of the browser, which a cookie says.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone

from events.query.times import InvalidTime, read_zone

COOKIE = "eventlane_zone"
DEFAULT = ZoneInfo("UTC")


def in_chosen_zone(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Make a view show times in the zone that the request's cookie names, if there is one."""

    @wraps(view)
    def shown(request: HttpRequest, *arguments: Any, **options: Any) -> HttpResponseBase:
        with timezone.override(_zone_of(request)):
            return view(request, *arguments, **options)

    return shown


def _zone_of(request: HttpRequest) -> ZoneInfo:
    try:
        return read_zone(request.COOKIES.get(COOKIE, "UTC"))
    except InvalidTime:
        return DEFAULT


def zone_name() -> str:
    """Return the IANA name of the zone that times are shown in."""
    return timezone.get_current_timezone_name()


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
