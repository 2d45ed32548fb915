"""Datasets and their namespaces: Eventlane's own collections, in the style of v0."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.filters import Filters
from eventlane.api.operation import Operation
from eventlane.api.serializers import NameField, Representation, RequestBody, TextField, TimeField
from eventlane.api.sources import by_text
from eventlane.wire.errors import StateError
from events.access import datasets_of, get_dataset, get_dataset_by_name, get_namespace, namespaces_of
from events.api.filters import MAX_TEXT_LENGTH, DatasetFilters, NamespaceFilters
from events.lake.catalog import dataset_sizes
from events.models import Dataset, refuse_reserved
from projects.api.viewsets import ProjectObjectViewSet

MAX_RETENTION_DAYS = 36_500
CONTROL_CHARACTERS = r"\u0000-\u001f\u007f-\u009f"


class DatasetRepresentation(Representation):
    """A dataset. Without `retention_days`, its events are kept forever."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="project.organization_id")
    project_id = serializers.CharField()
    name = serializers.CharField()
    retention_days = serializers.IntegerField(required=False)
    default_namespace = serializers.SerializerMethodField()
    unwrap_message = serializers.BooleanField(help_text="Whether columns are also read from JSON in messages.")
    creation_time = TimeField()
    events = serializers.IntegerField(
        help_text="Number of events in the lake; the last few seconds aren't counted yet."
    )
    bytes = serializers.IntegerField(help_text="Their size in the lake.")

    def get_default_namespace(self, dataset: Dataset) -> str | None:
        """Return it, or None."""
        return dataset.default_namespace or None


class WholeNumberField(serializers.IntegerField):
    """A number without a fraction as in JSON schemas, so 7.0 counts. DRF would accept text, and true as 1."""

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        whole = isinstance(data, int) or (isinstance(data, float) and data.is_integer())
        if not whole or isinstance(data, bool):
            self.fail("invalid")
        return super().to_internal_value(int(data))


class FlagField(serializers.BooleanField):
    """JSON's true or false. DRF would accept 1 and "yes"."""

    def to_internal_value(self, data: Any) -> bool:
        """Return the value."""
        if not isinstance(data, bool):
            raise serializers.ValidationError("must be true or false")
        return data


class LabelField(TextField):
    """Text that the Events API accepts as a namespace."""

    @property
    def openapi(self) -> dict[str, Any]:
        """Its JSON schema."""
        return super().openapi | {"pattern": f"^[^{CONTROL_CHARACTERS}]*$"}

    def to_internal_value(self, data: Any) -> str:
        """Return the text, unless it contains a control character."""
        text = super().to_internal_value(data)
        if re.search(f"[{CONTROL_CHARACTERS}]", text):
            raise serializers.ValidationError("must not hold control characters")
        return text


class DatasetUpdate(RequestBody):
    """What can be changed in a dataset; an absent member stays as it is. Senders have the name in their settings."""

    retention_days = WholeNumberField(
        required=False,
        min_value=0,
        max_value=MAX_RETENTION_DAYS,
        help_text="Events are deleted this many days after they were received. 0 keeps them forever.",
    )
    default_namespace = LabelField(
        required=False,
        allow_blank=True,
        max_length=MAX_TEXT_LENGTH,
        help_text="Namespace for events sent without one. If empty, such requests are refused.",
    )
    unwrap_message = FlagField(
        required=False,
        help_text="Whether level, time, ids and other columns are also read from messages that are JSON as text."
        " An event's own values count first. Events that are already stored stay as they are.",
    )

    def validate_retention_days(self, value: int) -> int | None:
        """Return the model's value; None stands for never."""
        return value or None


class DatasetBody(DatasetUpdate):
    """What a dataset is created from. Without `retention_days`, it gets EVENTLANE_RETENTION_DAYS."""

    name = NameField(validators=[refuse_reserved])


class DatasetsViewSet(ProjectObjectViewSet):
    """The datasets of the project."""

    serializer_class = DatasetRepresentation
    filter_backends = (Filters,)
    filterset_class = DatasetFilters
    sorts = {"name": by_text("name")}
    admin_actions = ("create", "update", "destroy")
    operations = {
        "create": Operation(201, DatasetBody, errors={400: ("duplicate_dataset_name",)}),
        "update": Operation(200, DatasetUpdate),
        "destroy": Operation(204),
    }

    def list(self, request: Request) -> Response:
        """Return a page of datasets."""
        datasets = self.elements_of(self.filter_queryset(datasets_of(self.project)))
        return self.get_paginated_response(self._show_all(datasets))

    def create(self, request: Request) -> Response:
        """Create a dataset."""
        values = self.read_body(DatasetBody)
        try:
            with transaction.atomic():
                dataset = Dataset.objects.create(project=self.project, **values)
        except IntegrityError:
            message = f"The project already has a dataset {values['name']!r}."
            raise StateError("duplicate_dataset_name", message) from None
        return Response(self.show(dataset), 201)

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one dataset."""
        return Response(self.show(get_dataset(self.project, id)))

    def retrieve_by_name(self, request: Request, name: str) -> Response:
        """Return the dataset with this name."""
        return Response(self.show(get_dataset_by_name(self.project, name)))

    def update(self, request: Request, id: str) -> Response:
        """Change a dataset. A shorter retention soon deletes older events for good."""
        dataset = get_dataset(self.project, id)
        values = self.read_body(DatasetUpdate)
        for name, value in values.items():
            setattr(dataset, name, value)
        dataset.save(update_fields=[*values])
        return Response(self.show(dataset))

    def destroy(self, request: Request, id: str) -> Response:
        """Delete a dataset with its namespaces and events. The sealer drops its table soon after."""
        get_dataset(self.project, id).delete()
        return Response(status=204)

    def show(self, element: Dataset) -> Any:
        """Return the wire form of a dataset."""
        return self._show_all([element])[0]

    def _show_all(self, datasets: Sequence[Dataset]) -> Sequence[Any]:
        measure(datasets)
        return [super(DatasetsViewSet, self).show(dataset) for dataset in datasets]


class NamespaceRepresentation(Representation):
    """A namespace. The first event sent to it creates it."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="dataset.project.organization_id")
    project_id = serializers.CharField(source="dataset.project_id")
    dataset_id = serializers.CharField()
    name = serializers.CharField()
    creation_time = TimeField()


class NamespacesViewSet(ProjectObjectViewSet):
    """The namespaces of a dataset."""

    serializer_class = NamespaceRepresentation
    filter_backends = (Filters,)
    filterset_class = NamespaceFilters
    sorts = {"name": by_text("name")}

    def list(self, request: Request) -> Response:
        """Return a page of namespaces."""
        return self.page(self.filter_queryset(namespaces_of(self.project)))

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one namespace."""
        return Response(self.show(get_namespace(self.project, id)))


def measure(datasets: Iterable[Dataset]) -> None:
    """Set `events` and `bytes` of every dataset, with as many catalog queries for all as for one."""
    sizes = dataset_sizes([dataset.table_name for dataset in datasets])
    for dataset in datasets:
        dataset.events, dataset.bytes = sizes[dataset.table_name]
