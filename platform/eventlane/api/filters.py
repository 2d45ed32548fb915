"""Filters of collections, by django-filter; a value that can't be is an error of the API's own kind."""

from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from eventlane.api.pagination import query_of
from eventlane.api.serializers import IdField
from eventlane.ids import is_id
from eventlane.wire.errors import InvalidQueryParameter


class Filters(DjangoFilterBackend):
    """The view's `filterset_class` over the query."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Return what the query asks for; raise InvalidQueryParameter."""
        filters = view.filterset_class(query_of(request), queryset=queryset, request=request)
        for name, reasons in filters.errors.items():
            raise InvalidQueryParameter(name, str(reasons[0]).rstrip("."))
        return filters.qs


class TextFilter(CharFilter):
    """A filter by a text, or a part of one."""

    def __init__(self, field: str, lookup: str, label: str, max_length: int) -> None:
        super().__init__(field, lookup, max_length=max_length, strip=False, label=label)
        self.openapi = {"type": "string", "pattern": r"^[^\u0000]*$", "maxLength": max_length}


class IdFilter(CharFilter):
    """A filter by an id; one that nothing has finds nothing."""

    openapi = IdField.openapi

    def filter(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep what has the id; raise InvalidQueryParameter when it can't be one."""
        if value and not is_id(value):
            raise InvalidQueryParameter(self.parameter, "must be an identifier")
        return super().filter(queryset, value)

    @property
    def parameter(self) -> str:
        """Its name in the query."""
        return next(name for name, one in self.parent.filters.items() if one is self)
