"""Platform events (docs/api/v0.md, sections 2.8, 2.9, 6.2, 6.8). Events that programs send to datasets aren't here."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django_filters import FilterSet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane import exact_numbers
from eventlane.api.content import ExactJsonParser
from eventlane.api.filters import Filters, IdFilter, TextFilter
from eventlane.api.operation import Operation
from eventlane.api.serializers import NameField, Representation, RequestBody, TimeField
from eventlane.api.sources import by_moment
from eventlane.fields import longest
from eventlane.wire.errors import Problem
from pipelines.connectors import OPEN_CONNECTORS, is_event_name
from pipelines.models import PlatformEvent
from pipelines.platform_events import create_events, get_platform_event, platform_events_of, replay
from pipelines.resources.shapes import storable
from projects.api.viewsets import ProjectObjectViewSet


class FreeObjectField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object with any members."""

    openapi = {"type": "object"}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object as sent, if it can be stored."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("must be a JSON object")
        for problem in storable(data, ""):
            raise serializers.ValidationError(_at(problem))
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the object."""
        return value


def _at(problem: Problem) -> Any:
    """Return a problem in DRF's form for nested values: {"a": {"0": ["must not …"]}}."""
    detail: Any = [problem.reason]
    for part in reversed(problem.pointer.split("/")[1:]):
        detail = {part.replace("~1", "/").replace("~0", "~"): detail}
    return detail


class OriginalField(serializers.CharField):
    """The only member that is null if it has no value: a published client insists on it."""

    openapi = {"anyOf": [{"type": "string"}, {"type": "null"}]}


class PlatformEventRepresentation(Representation):
    """An event that a trigger listens to, or that the execution of a command created."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="project.organization_id")
    project_id = serializers.CharField()
    trigger_id = serializers.CharField(required=False, help_text="Absent unless it was stored for a trigger.")
    command_id = serializers.CharField(required=False, help_text="Absent unless a command created it.")
    creation_time = TimeField(help_text="When it was stored.")
    event_time = TimeField(help_text="When it happened.")
    connector = serializers.CharField()
    name = serializers.CharField()
    data = FreeObjectField()
    processed = serializers.BooleanField()
    original_event_id = OriginalField(help_text="The event that it is a replay of, or null.")

    def to_representation(self, instance: PlatformEvent) -> dict[str, Any]:
        """Return the members that have a value, and `original_event_id`."""
        return super().to_representation(instance) | {"original_event_id": instance.original_event_id}


class NewPlatformEvent(RequestBody):
    """An event to create."""

    connector = serializers.ChoiceField(OPEN_CONNECTORS)
    name = NameField(help_text="For `time` and `github`, one of their events; for `dataset`, a dataset's name.")
    data = FreeObjectField()
    event_time = TimeField(required=False, help_text="When it happened; the default is now.")

    def validate_name(self, name: str) -> str:
        """Refuse a name that no event of this connector has."""
        connector = self.initial_data.get("connector")
        if connector in OPEN_CONNECTORS and not is_event_name(connector, name):
            raise serializers.ValidationError("the connector has no such event")
        return name

    def validate_data(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Refuse data that is too large for pages."""
        most = settings.EVENTLANE_MAX_EVENT_DATA_BYTES
        if len(exact_numbers.encode(data)) > most:
            raise serializers.ValidationError(f"must be at most {most} bytes of JSON")
        return data


class PlatformEventFilters(FilterSet):
    """Which events are listed."""

    pipeline_id = IdFilter("pipelines", label="The id of a pipeline started by the event.")
    connector = TextFilter("connector", "exact", "The connector.", longest(PlatformEvent, "connector"))
    name = TextFilter("name", "exact", "The name.", longest(PlatformEvent, "name"))


class PlatformEventsViewSet(ProjectObjectViewSet):
    """Platform events of the project, stored for triggers and commands."""

    serializer_class = PlatformEventRepresentation
    parser_classes = (ExactJsonParser,)
    filter_backends = (Filters,)
    filterset_class = PlatformEventFilters
    sorts = {"event_time": by_moment("event_time")}
    operations = {"create": Operation(201, NewPlatformEvent, many=True)}

    def list(self, request: Request) -> Response:
        """Return a page of events."""
        events: QuerySet[PlatformEvent] = self.filter_queryset(platform_events_of(self.project))
        return self.page(events)

    def create(self, request: Request) -> Response:
        """Create an event as its connector would: it is stored once for each trigger that listens to it.

        Triggers whose filters match start their pipelines. If no trigger listens, nothing is stored.
        """
        values = self.read_body(NewPlatformEvent)
        return Response([self.show(event) for event in create_events(self.project, **values)], 201)

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one event."""
        return Response(self.show(get_platform_event(self.project, id)))

    def replay(self, request: Request, id: str) -> Response:
        """Store a copy of an event. It starts what its trigger or command starts as deployed now."""
        return Response(self.show(replay(get_platform_event(self.project, id))))
