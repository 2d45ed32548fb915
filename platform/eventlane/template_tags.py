"""Tags and filters for console templates: `{% load console %}`."""

from typing import Any

from django import template

from eventlane.unfold import UNFOLD

register = template.Library()


@register.filter
def as_in_menu(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replace the app's name at the start of the breadcrumbs by the menu heading that has the page."""
    if len(parts) < 2 or "link" not in parts[1]:
        return parts
    heading = _heading(str(parts[1]["link"]))
    return [{"title": heading}, *parts[1:]] if heading else parts


def _heading(link: str) -> str:
    groups: Any = UNFOLD["SIDEBAR"]["navigation"]  # type: ignore[index]
    found = (group.get("title", "") for group in groups for page in group["items"] if str(page["link"]) == link)
    return str(next(found, ""))
