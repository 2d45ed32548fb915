"""Tags and filters for console templates: `{% load console %}`."""

from typing import Any

from django import template

from eventlane.unfold import menu_pages

register = template.Library()


@register.filter
def as_in_menu(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replace the app's name at the start of the breadcrumbs by the menu heading that has the page."""
    if len(parts) < 2 or "link" not in parts[1]:
        return parts
    heading = _heading(str(parts[1]["link"]))
    return [{"title": heading}, *parts[1:]] if heading else parts


def _heading(link: str) -> str:
    return next((group for group, page in menu_pages() if str(page["link"]) == link), "")
