"""Platform events (docs/api/v0.md, sections 2.8, 2.9, 6.2, 6.8). What programs send to datasets is not here."""

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
        """Return the object as it came, if it can be kept."""
        if not isinstance(data, dict):
            raise serializers.ValidationError("must be a JSON object")
        for problem in storable(data, ""):
            raise serializers.ValidationError(_at(problem))
        return data

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the object."""
        return value


def _at(problem: Problem) -> Any:
    """Return a problem as DRF tells of one inside a value: {"a": {"0": ["must not …"]}}."""
    detail: Any = [problem.reason]
    for part in reversed(problem.pointer.split("/")[1:]):
        detail = {part.replace("~1", "/").replace("~0", "~"): detail}
    return detail


class OriginalField(serializers.CharField):
    """The one member that is null where it has no value: a published client insists on it."""

    openapi = {"anyOf": [{"type": "string"}, {"type": "null"}]}


class PlatformEventRepresentation(Representation):
    """An event that triggers listen to, or that executing a command made."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="project.organization_id")
    project_id = serializers.CharField()
    trigger_id = serializers.CharField(required=False, help_text="Left out unless it was stored for a trigger.")
    command_id = serializers.CharField(required=False, help_text="Left out unless a command made it.")
    creation_time = TimeField(help_text="When it was stored.")
    event_time = TimeField(help_text="When it happened.")
    connector = serializers.CharField()
    name = serializers.CharField()
    data = FreeObjectField()
    processed = serializers.BooleanField()
    original_event_id = OriginalField(help_text="What it is a replay of; else null.")

    def to_representation(self, instance: PlatformEvent) -> dict[str, Any]:
        """Return the members that have a value, and `original_event_id`."""
        return super().to_representation(instance) | {"original_event_id": instance.original_event_id}


class NewPlatformEvent(RequestBody):
    """An event to make."""

    connector = serializers.ChoiceField(OPEN_CONNECTORS)
    name = NameField(help_text="For the connectors `time` and `github` one of their events, for `dataset` a dataset's.")
    data = FreeObjectField()
    event_time = TimeField(required=False, help_text="When it happened; now, unless given.")

    def validate_name(self, name: str) -> str:
        """Refuse a name that no event of the connector has."""
        connector = self.initial_data.get("connector")
        if connector in OPEN_CONNECTORS and not is_event_name(connector, name):
            raise serializers.ValidationError("the connector has no such event")
        return name

    def validate_data(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Refuse data that pages couldn't be made of."""
        most = settings.EVENTLANE_MAX_EVENT_DATA_BYTES
        if len(exact_numbers.encode(data)) > most:
            raise serializers.ValidationError(f"must be at most {most} bytes of JSON")
        return data


class PlatformEventFilters(FilterSet):
    """Which events are listed."""

    pipeline_id = IdFilter("pipelines", label="The id of a pipeline that the event started.")
    connector = TextFilter("connector", "exact", "Their connector.", longest(PlatformEvent, "connector"))
    name = TextFilter("name", "exact", "Their name.", longest(PlatformEvent, "name"))


class PlatformEventsViewSet(ProjectObjectViewSet):
    """The events of the project that triggers or commands had to do with."""

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
        """Make an event, as if its connector had: it is stored once for each trigger that listens to it.

        Those whose filters match start their pipelines. Where no trigger listens, nothing is stored.
        """
        values = self.read_body(NewPlatformEvent)
        return Response([self.show(event) for event in create_events(self.project, **values)], 201)

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one event."""
        return Response(self.show(get_platform_event(self.project, id)))

    def replay(self, request: Request, id: str) -> Response:
        """Store a copy of an event, and start what its trigger or command starts as it is deployed now."""
        return Response(self.show(replay(get_platform_event(self.project, id))))
