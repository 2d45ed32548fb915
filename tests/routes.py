"""The routes of the platform API, as the URL configuration has them: contract tests walk over all of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

PREFIX = "v0/"


@dataclass(frozen=True)
class Route:
    """One method of one path. `path` begins after /v0 and has its variables in braces: /projects/id/{id}."""

    method: str
    path: str
    view: type

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, **variables: str) -> str:
        """Return the path with its variables filled in."""
        return self.path.format(**variables)


def api_routes() -> list[Route]:
    """Return every route under /v0, but for the one that catches what is none."""
    found = []
    for pattern, view in _patterns(get_resolver().url_patterns, ""):
        if pattern.startswith(PREFIX) and hasattr(view, "cls"):
            found += [Route(method.upper(), _template(pattern), view.cls) for method in view.actions]
    return found


def _template(pattern: str) -> str:
    """Return a path() or re_path() pattern with its variables in braces."""
    path = pattern.removeprefix(PREFIX).removeprefix("^").removesuffix(r"\Z")
    return "/" + re.sub(r"<\w+:(\w+)>|\(\?P<(\w+)>[^)]*\)", lambda match: f"{{{match[1] or match[2]}}}", path)


def _patterns(patterns: list[Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern.callback
