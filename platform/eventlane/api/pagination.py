"""Cursors and pages (docs/api/v0.md, section 4).

A key on the wire is the base64 of `<id>` for the sort `id`, otherwise of `<id>:<sort value>`. It therefore stays
valid after its element is deleted. Pages are always read forwards: `before` reads in the opposite order and reverses.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.sources import E, Key, QuerysetSource, Source
from eventlane.wire.errors import InvalidQueryParameter

SIZE = re.compile(r"\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Which elements the client wants, in which order. At most one of `before` and `after` is set."""

    size: int
    sort: str = "id"
    order: str = "asc"
    before: Key | None = None
    after: Key | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[E]):
    """Elements, with the keys of the previous and the next page if there are any."""

    elements: list[E]
    previous: Key | None = None
    next: Key | None = None


class CursorPaginator(BasePagination):
    """Plugs our pages into DRF. The view lists its sorts in `sorts`; a Source that isn't a queryset has its own."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        """Return the requested page of a queryset or a Source."""
        is_queryset = isinstance(queryset, QuerySet)
        self.source: Source[Any] = QuerysetSource(queryset, getattr(view, "sorts", {})) if is_queryset else queryset
        self.cursor = read_cursor(query_of(request), self.source)
        self.page = turn_page(self.source, self.cursor)
        return self.page.elements

    def get_paginated_response(self, data: list[Any]) -> Response:
        """Return the page, with its elements as the API shows them."""
        page: dict[str, Any] = {"elements": data}
        for name, key, side in (("previous", self.page.previous, "before"), ("next", self.page.next, "after")):
            if key is not None:
                page[name] = self._cursor(side, key)
        return Response(page)

    def _cursor(self, side: str, key: Key) -> dict[str, Any]:
        cursor = self.cursor
        text = write_key(key, cursor.sort, self.source)
        return {side: text, "size": cursor.size, "sort": cursor.sort, "order": cursor.order}


def query_of(request: Request) -> Mapping[str, str]:
    """Return the query parameters: the last value of each name, empty ones left out."""
    try:
        return {name: value for name, value in request.query_params.items() if value and isinstance(value, str)}
    except SuspiciousOperation:  # Django reads 1,000 at most
        raise InvalidQueryParameter("…", "there are too many") from None


def read_cursor(query: Mapping[str, str], source: Source[Any]) -> Cursor:
    """Return the cursor in the query parameters; raise InvalidQueryParameter if they make no sense."""
    if "before" in query and "after" in query:
        raise InvalidQueryParameter("before", "only one of before and after may be given")
    sort, order = query.get("sort", "id"), query.get("order", "asc")
    if sort != "id" and sort not in source.sorts:
        raise InvalidQueryParameter("sort", f"must be one of {', '.join(['id', *source.sorts])}")
    if order not in ("asc", "desc"):
        raise InvalidQueryParameter("order", "must be asc or desc")
    keys = {side: _read_key(side, query[side], sort, source) for side in ("before", "after") if side in query}
    return Cursor(_read_size(query.get("size", "")), sort, order, **keys)


def turn_page(source: Source[E], cursor: Cursor) -> Page[E]:
    """Return the page at a cursor. Reads one extra element to learn whether more follow."""
    if cursor.size == 0:
        return Page([])
    backwards = cursor.before is not None
    found = source.fetch(
        sort=cursor.sort,
        descending=(cursor.order == "desc") != backwards,
        after=cursor.before or cursor.after,
        limit=cursor.size + 1,
    )
    more = len(found) > cursor.size
    elements = list(found[: cursor.size])
    if not elements:
        return Page([])
    if backwards:
        elements.reverse()
    has_previous, has_next = (more, True) if backwards else (cursor.after is not None, more)
    return Page(
        elements,
        previous=source.key_of(elements[0], cursor.sort) if has_previous else None,
        next=source.key_of(elements[-1], cursor.sort) if has_next else None,
    )


def write_key(key: Key, sort: str, source: Source[Any]) -> str:
    """Return a key in its wire form."""
    text = key.id if sort == "id" else f"{key.id}:{source.sorts[sort].write(key.value)}"
    return base64.b64encode(text.encode()).decode()


def _read_key(side: str, text: str, sort: str, source: Source[Any]) -> Key:
    """Return the key in a query parameter. A bare id with a sort other than `id` is looked up."""
    element_id, colon, value = _decode(side, text).partition(":")
    if not source.is_id(element_id):
        raise InvalidQueryParameter(side, "is not a key")
    if sort == "id":
        return Key(element_id)
    if not colon:
        found = source.find(element_id, sort)
        if found is None:
            raise InvalidQueryParameter(side, "its element is gone")
        return found
    try:
        return Key(element_id, source.sorts[sort].read(value))
    except ValueError:
        raise InvalidQueryParameter(side, f"is not a key of the sort {sort}") from None


def _decode(side: str, text: str) -> str:
    """Return the text in a base64 key. Accepts the URL-safe alphabet, missing padding, and a space instead of +."""
    standard = text.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidQueryParameter(side, "is not a key") from None


def _read_size(text: str) -> int:
    if not text:
        return settings.EVENTLANE_PAGE_SIZE
    size = int(text) if SIZE.fullmatch(text) else -1
    if not 0 <= size <= settings.EVENTLANE_MAX_PAGE_SIZE:
        raise InvalidQueryParameter("size", f"must be a number from 0 to {settings.EVENTLANE_MAX_PAGE_SIZE}")
    return size
