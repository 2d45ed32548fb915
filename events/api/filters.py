"""Filters of collections, by django-filter; a value that can't be is an error of the API's own kind."""

from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter, FilterSet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.request import Request

from eventlane.api.pagination import query_of
from eventlane.api.serializers import IdField
from eventlane.ids import is_id
from eventlane.names import MAX_NAME_LENGTH
from eventlane.wire.errors import InvalidQueryParameter

MAX_TEXT_LENGTH = 200


class Filters(DjangoFilterBackend):
    """The view's `filterset_class` over the query."""

    def filter_queryset(self, request: Request, queryset: QuerySet, view: Any) -> QuerySet:
        """Return what the query asks for; raise InvalidQueryParameter."""
        filters = view.filterset_class(query_of(request), queryset=queryset, request=request)
        for name, reasons in filters.errors.items():
            raise InvalidQueryParameter(name, str(reasons[0]).rstrip("."))
        return filters.qs


class TextFilter(CharFilter):
    """A filter by a part of a text."""

    def __init__(self, lookup: str, label: str, max_length: int) -> None:
        super().__init__("name", lookup, max_length=max_length, strip=False, label=label)
        self.openapi = {"type": "string", "pattern": r"^[^\u0000]*$", "maxLength": max_length}


class IdFilter(CharFilter):
    """A filter by an id."""

    openapi = IdField.openapi


class DatasetFilters(FilterSet):
    """Which datasets are listed."""

    name_prefix = TextFilter("startswith", "How their names begin.", MAX_NAME_LENGTH)
    name_contains = TextFilter("contains", "What their names hold.", MAX_NAME_LENGTH)


class NamespaceFilters(FilterSet):
    """Which namespaces are listed: those of one dataset."""

    dataset = IdFilter(method="of_dataset", required=True, label="The id of their dataset.")
    name_prefix = TextFilter("startswith", "How their names begin.", MAX_TEXT_LENGTH)

    def of_dataset(self, queryset: QuerySet, name: str, value: str) -> QuerySet:
        """Keep those of the dataset; one that isn't there has none."""
        if not is_id(value):
            raise InvalidQueryParameter(name, "must be an identifier")
        return queryset.filter(dataset_id=value)
