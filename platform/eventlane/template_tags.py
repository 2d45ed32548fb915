"""Tags and filters for console templates: `{% load console %}`."""

from datetime import datetime
from typing import Any

from django import template

from eventlane.unfold import menu_pages
from eventlane.zone_choice import local_text, zone_name, zoned_text

register = template.Library()


@register.filter
def as_in_menu(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replace the app's name at the start of the breadcrumbs by the menu heading that has the page."""
    if len(parts) < 2 or "link" not in parts[1]:
        return parts
    heading = _heading(str(parts[1]["link"]))
    return [{"title": heading}, *parts[1:]] if heading else parts


@register.filter
def zoned(time: datetime | None) -> str:
    """Return a time in the chosen zone, and how that is called then: 2026-07-02 00:30:00 CEST."""
    return zoned_text(time) if time else ""


@register.filter
def in_zone(time: datetime | None) -> str:
    """Return a time in the chosen zone, for a column whose head names the zone with {% shown_zone %}."""
    return local_text(time) if time else ""


@register.simple_tag
def shown_zone() -> str:
    """Return the IANA name of the zone that times are shown in: it is the same in summer and winter."""
    return zone_name()


def _heading(link: str) -> str:
    return next((group for group, page in menu_pages() if str(page["link"]) == link), "")
