"""Filters of datasets and namespaces."""

from django_filters import FilterSet

from eventlane.api.filters import IdFilter, TextFilter
from eventlane.names import MAX_NAME_LENGTH

MAX_TEXT_LENGTH = 200


class DatasetFilters(FilterSet):
    """Which datasets are listed."""

    name_prefix = TextFilter("name", "startswith", "The start of the name.", MAX_NAME_LENGTH)
    name_contains = TextFilter("name", "contains", "A part of the name.", MAX_NAME_LENGTH)


class NamespaceFilters(FilterSet):
    """Which namespaces are listed: those of one dataset."""

    dataset = IdFilter("dataset_id", required=True, label="The id of the dataset.")
    name_prefix = TextFilter("name", "startswith", "The start of the name.", MAX_TEXT_LENGTH)
