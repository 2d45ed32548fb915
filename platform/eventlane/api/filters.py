"""Filters of collections, with django-filter. An impossible value gets one of the API's own errors."""

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
    """Applies the view's `filterset_class` to the query parameters."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        """Return the matching rows; raise InvalidQueryParameter for a bad value."""
        filters = view.filterset_class(query_of(request), queryset=queryset, request=request)
        for name, reasons in filters.errors.items():
            raise InvalidQueryParameter(name, str(reasons[0]).rstrip("."))
        return filters.qs


class TextFilter(CharFilter):
    """Filters by a text, or by part of one."""

    def __init__(self, field: str, lookup: str, label: str, max_length: int) -> None:
        super().__init__(field, lookup, max_length=max_length, strip=False, label=label)
        self.openapi = {"type": "string", "pattern": r"^[^\u0000]*$", "maxLength": max_length}


class IdFilter(CharFilter):
    """Filters by an id. An id that nothing has matches nothing."""

    openapi = IdField.openapi

    def filter(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep the row with this id; raise InvalidQueryParameter if the value isn't an id."""
        if value and not is_id(value):
            raise InvalidQueryParameter(self.parameter, "must be an identifier")
        return super().filter(queryset, value)

    @property
    def parameter(self) -> str:
        """The name of the query parameter."""
        return next(name for name, one in self.parent.filters.items() if one is self)
