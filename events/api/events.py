"""The events of a dataset: found in the lake and in the journal, shown as they were sent."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import msgspec
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.operation import Operation, Parameter
from eventlane.api.pagination import query_of
from eventlane.api.serializers import Representation
from eventlane.api.sources import Key, Sort
from eventlane.times import format_time, read_time
from eventlane.wire.errors import ApiError, InvalidQueryParameter, UnknownObject
from events.access import get_dataset
from events.clock import newest_time
from events.filters import EXAMPLE, PATTERN, read_filter
from events.models import DamagedFile, Dataset
from projects.api.viewsets import ProjectObjectViewSet

if TYPE_CHECKING:
    from events.lake.pages import EventPages
    from events.lake.query import EventRow

T = TypeVar("T")
EVENT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_FILTERS = 10
NAMED_FILES = 100


def is_event_id(text: str) -> bool:
    """Tell whether `text` is a UUID as events have it."""
    return EVENT_ID.fullmatch(text) is not None


class ExactTimeField(serializers.Field[Any, Any, Any, Any]):
    """A moment to the microsecond: events are many in a second."""

    openapi = {"type": "string", "format": "date-time"}

    def to_representation(self, value: datetime) -> str:
        """Return a moment like 2021-10-15T15:07:39.123456Z."""
        return format_time(value, "microseconds")


class RawField(serializers.Field[Any, Any, Any, Any]):
    """JSON text that goes out as it is: number text and the order of keys survive."""

    openapi = {"type": "object", "description": "The event as it was sent, to the byte."}

    def to_representation(self, value: str) -> msgspec.Raw:
        """Return what the renderer doesn't touch."""
        return msgspec.Raw(value.encode())


class EventRepresentation(Representation):
    """An event, and what was read from it."""

    id = serializers.CharField()
    received_time = ExactTimeField()
    event_time = ExactTimeField()
    ahead = serializers.SerializerMethodField()
    namespace = serializers.CharField()
    service = serializers.CharField(required=False)
    level = serializers.CharField(required=False)
    message = serializers.CharField(required=False)
    request_id = serializers.CharField(required=False)
    trace_id = serializers.CharField(required=False)
    span_id = serializers.CharField(required=False)
    duration = serializers.FloatField(required=False)
    error = serializers.CharField(required=False)
    event = RawField()

    def get_ahead(self, event: Any) -> bool | None:
        """Name an event that a clock which was ahead has dated in the future."""
        return True if event.received_time > newest_time() else None


CONDITIONS = (
    Parameter("from", "Only events received at this time or later.", {"type": "string", "format": "date-time"}),
    Parameter("to", "Only events received before this time.", {"type": "string", "format": "date-time"}),
    Parameter("namespace", "Only events of this namespace.", {"type": "string"}),
    Parameter("search", "Only events whose JSON text holds this, in any case.", {"type": "string"}),
    Parameter(
        "filter",
        "`KEY=VALUE`, as often as one likes: only events with this value. KEY is `service`, `level`, `message`,"
        " `requestId`, `traceId`, `duration`, `error`, or a key of the event, with dots into nested objects;"
        ' in quotation marks, as JSON has them, if it is empty or holds a `=` (`"a=b"=c`).',
        {
            "type": "array",
            "items": {"type": "string", "pattern": PATTERN, "example": "level=error"},
            "maxItems": MAX_FILTERS,
        },
    ),
)
PARTIAL = {
    "type": "object",
    "description": "Only there when files of the dataset can't be read: the page lacks what they hold.",
    "required": ["files"],
    "properties": {
        "files": {"type": "array", "items": {"type": "string"}, "description": "Their places in the lake's folder."},
        "more": {"type": "integer", "description": f"How many more there are, above {NAMED_FILES}."},
    },
}
QUERY_ERRORS = {400: ("query_timeout",), 503: ("too_many_queries", "lake_unavailable")}


class DamagedFiles(ApiError):
    """The event may be in a file that can't be read now."""

    status, code = 503, "damaged_files"


class EventsViewSet(ProjectObjectViewSet):
    """The events of one dataset."""

    operations = {
        "list": Operation(parameters=CONDITIONS, errors=QUERY_ERRORS, page_members={"partial": PARTIAL}),
        "retrieve": Operation(errors=QUERY_ERRORS | {503: (*QUERY_ERRORS[503], DamagedFiles.code)}),
    }

    serializer_class = EventRepresentation
    route_variables = {**ProjectObjectViewSet.route_variables, "event_id": is_event_id}

    def list(self, request: Request, id: str) -> Response:
        """Return a page of events, sealed and unsealed, in the order of their receipt.

        At the newest end events may still appear before others that were shown: those being stored at that moment,
        and those of other nodes, which show with their sealing some seconds later. A walk that must not miss any ends
        with a `to` some seconds ago, and has no `partial` on any page. Events that a clock which was ahead has dated in
        the future are the newest until then; they have `ahead`.
        """
        source = EventSource(get_dataset(self.project, id), read_conditions(request))
        response = self.page(source)
        if source.left_out:
            response.data["partial"] = show_partial(source.left_out)
        return response

    def retrieve(self, request: Request, id: str, event_id: str) -> Response:
        """Return one event."""
        dataset = get_dataset(self.project, id)
        found, left_out = _in_pages(dataset, {}, lambda pages: pages.find(UUID(event_id)))
        if found is None and left_out:
            raise DamagedFiles(data=show_partial(left_out))
        if found is None:
            raise UnknownObject("event")
        return Response(self.show(found))


@dataclass(frozen=True, slots=True)
class EventSource:
    """Events as a collection that pages are cut from; `left_out` are the damaged files that it did without."""

    dataset: Dataset
    conditions: Mapping[str, Any]
    sorts: Mapping[str, Sort] = field(default_factory=dict)
    left_out: list[DamagedFile] = field(default_factory=list)

    def is_id(self, text: str) -> bool:
        """Tell whether `text` could be an event's id."""
        return is_event_id(text)

    def fetch(self, *, sort: str, descending: bool, after: Key | None, limit: int) -> Sequence["EventRow"]:
        """Return the first `limit` events strictly after a key."""
        place = UUID(after.id) if after else None
        found, left_out = _in_pages(
            self.dataset,
            self.conditions,
            lambda pages: pages.fetch(descending=descending, after=place, limit=limit),
        )
        self.left_out.extend(left_out)
        return found

    def key_of(self, element: "EventRow", sort: str) -> Key:
        """Return an event's position."""
        return Key(str(element.id))

    def find(self, element_id: str, sort: str) -> Key | None:
        """Return the position of an id, which with the only sort is the id itself."""
        return Key(element_id)


def show_partial(left_out: Sequence[DamagedFile]) -> dict[str, Any]:
    """Return which files an answer lacks, as the wire has it."""
    shown: dict[str, Any] = {"files": [file.path for file in left_out[:NAMED_FILES]]}
    more = len(left_out) - NAMED_FILES
    return shown | {"more": more} if more > 0 else shown


def read_conditions(request: Request) -> dict[str, Any]:
    """Return which events a query asks for, as EventQuery has it; raise InvalidQueryParameter."""
    query = query_of(request)
    return {
        "namespace": query.get("namespace"),
        "search": query.get("search"),
        "from_time": _read_exact_time(query, "from"),
        "to_time": _read_exact_time(query, "to"),
        "filters": _read_filters(request),
    }


def _read_exact_time(query: Mapping[str, str], name: str) -> datetime | None:
    if name not in query:
        return None
    moment = read_time(query[name].replace(" ", "+"))  # a + that wasn't percent-encoded
    if moment is None:
        raise InvalidQueryParameter(name, "must be a date like 2021-10-15T15:07:39Z")
    fraction = re.search(r"\.(\d{1,6})", query[name])
    return moment.replace(microsecond=int(fraction[1].ljust(6, "0"))) if fraction else moment


def _read_filters(request: Request) -> tuple[tuple[str, str], ...]:
    try:
        filters = tuple(read_filter(text) for text in request.query_params.getlist("filter") if text)
    except ValueError:
        raise InvalidQueryParameter("filter", f"must be {EXAMPLE}") from None
    if len(filters) > MAX_FILTERS:
        raise InvalidQueryParameter("filter", f"may be given {MAX_FILTERS} times at most")
    return filters


def _in_pages(
    dataset: Dataset, conditions: Mapping[str, Any], work: Callable[["EventPages"], T]
) -> tuple[T, list[DamagedFile]]:
    """Return what `work` makes of the dataset's pages, in one of the process's slots for queries, and what it lacks."""
    # Not at the top: DuckDB and Arrow take 0.3 s and 60 MB that a process without queries does without.
    from events.lake.pages import event_pages
    from events.lake.partial import read_around
    from events.lake.query import EventQuery
    from events.lake.slots import slots

    def run(lake: Any) -> T:
        with event_pages(lake, EventQuery(dataset, **conditions)) as pages:
            return work(pages)

    return slots.run(lambda lake: read_around(lake, [dataset.table_name], run))
