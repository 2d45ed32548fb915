"""No content negotiation: each route takes and returns one type, whatever the headers say.

Published clients send `Accept: application/json` for plain text, and JSON without a Content-Type (docs/api/v0.md,
section 0, traps 4 and 5); DRF's own negotiation would refuse them.
"""

from collections.abc import Iterable

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class NoNegotiation(BaseContentNegotiation):
    """Always picks the view's first parser and first renderer."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        """Return the first parser."""
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """Return the first renderer and its exact media type."""
        first = next(iter(renderers))
        return first, first.media_type
