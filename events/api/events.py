"""The events of a dataset, read from lake and journal, and shown as they were sent."""

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
    from events.lake.conditions import Conditions
    from events.lake.pages import EventPages
    from events.lake.query import EventRow

T = TypeVar("T")
EVENT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MAX_FILTERS = 10
NAMED_FILES = 100


def is_event_id(text: str) -> bool:
    """Return whether `text` is a UUID in the form used for events."""
    return EVENT_ID.fullmatch(text) is not None


class ExactTimeField(serializers.Field[Any, Any, Any, Any]):
    """A time to the microsecond: many events share a second."""

    openapi = {"type": "string", "format": "date-time"}

    def to_representation(self, value: datetime) -> str:
        """Return a time like 2021-10-15T15:07:39.123456Z."""
        return format_time(value, "microseconds")


class RawField(serializers.Field[Any, Any, Any, Any]):
    """JSON text that is shown unchanged, including number text and key order."""

    openapi = {"type": "object", "description": "The event as it was sent, to the byte."}

    def to_representation(self, value: str) -> msgspec.Raw:
        """Return a value that the renderer leaves unchanged."""
        return msgspec.Raw(value.encode())


class EventRepresentation(Representation):
    """An event, with the fields read from it."""

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
        """Mark an event that a fast clock has dated in the future."""
        return True if event.received_time > newest_time() else None


CONDITIONS = (
    Parameter("from", "Only events received at this time or later.", {"type": "string", "format": "date-time"}),
    Parameter("to", "Only events received before this time.", {"type": "string", "format": "date-time"}),
    Parameter("namespace", "Only events of this namespace.", {"type": "string"}),
    Parameter("q", "A search line, as in a query.", {"type": "string", "examples": ["level:error -service:web"]}),
    Parameter("search", "Only events whose JSON text contains this, in any case.", {"type": "string"}),
    Parameter(
        "filter",
        "`KEY=VALUE`, can be repeated: only events with this value. KEY is `service`, `level`, `message`,"
        " `requestId`, `traceId`, `duration`, `error`, or a key of the event, with dots into nested objects;"
        ' in quotation marks, as in JSON, if it is empty or contains a `=` (`"a=b"=c`).',
        {
            "type": "array",
            "items": {"type": "string", "pattern": PATTERN, "example": "level=error"},
            "maxItems": MAX_FILTERS,
        },
    ),
)
PARTIAL = {
    "type": "object",
    "description": "Only present if files of the dataset can't be read: the page lacks their events.",
    "required": ["files"],
    "properties": {
        "files": {"type": "array", "items": {"type": "string"}, "description": "Their paths in the lake's folder."},
        "more": {"type": "integer", "description": f"Number of files beyond the {NAMED_FILES} listed."},
    },
}
QUERY_ERRORS = {400: ("query_timeout",), 503: ("too_many_queries", "lake_unavailable", "query_killed")}

SEARCH_ERRORS = QUERY_ERRORS | {400: ("invalid_search", *QUERY_ERRORS[400])}


class DamagedFiles(ApiError):
    """The event may be in a file that can't be read now."""

    status, code = 503, "damaged_files"


class EventsViewSet(ProjectObjectViewSet):
    """The events of a dataset."""

    operations = {
        "list": Operation(parameters=CONDITIONS, errors=SEARCH_ERRORS, page_members={"partial": PARTIAL}),
        "retrieve": Operation(errors=QUERY_ERRORS | {503: (*QUERY_ERRORS[503], DamagedFiles.code)}),
    }

    serializer_class = EventRepresentation
    route_variables = {**ProjectObjectViewSet.route_variables, "event_id": is_event_id}

    def list(self, request: Request, id: str) -> Response:
        """Return a page of events, sealed and unsealed, in the order of receipt.

        At the newest end, events may still appear before others that were already shown: events being stored at that
        moment, and events of other nodes, which appear once they are sealed, some seconds later. To miss none, read up
        to a `to` some seconds ago, and check that no page has `partial`. Events that a fast clock has dated in the
        future are the newest until that time; they have `ahead`.
        """
        source = EventSource(get_dataset(self.project, id), read_conditions(request), self.api_key.pk)
        response = self.page(source)
        if source.left_out:
            response.data["partial"] = show_partial(source.left_out)
        return response

    def retrieve(self, request: Request, id: str, event_id: str) -> Response:
        """Return one event."""
        dataset = get_dataset(self.project, id)
        found, left_out = _in_pages(dataset, {}, self.api_key.pk, lambda pages: pages.find(UUID(event_id)))
        if found is None and left_out:
            raise DamagedFiles(data=show_partial(left_out))
        if found is None:
            raise UnknownObject("event")
        return Response(self.show(found))


@dataclass(frozen=True, slots=True)
class EventSource:
    """Events as a source of pages; `left_out` are the damaged files that were skipped."""

    dataset: Dataset
    conditions: Mapping[str, Any]
    owner: str  # of the query's slot
    sorts: Mapping[str, Sort] = field(default_factory=dict)
    left_out: list[DamagedFile] = field(default_factory=list)

    def is_id(self, text: str) -> bool:
        """Return whether `text` could be an event's id."""
        return is_event_id(text)

    def fetch(self, *, sort: str, descending: bool, after: Key | None, limit: int) -> Sequence["EventRow"]:
        """Return the first `limit` events strictly after a key."""
        place = UUID(after.id) if after else None
        found, left_out = _in_pages(
            self.dataset,
            self.conditions,
            self.owner,
            lambda pages: pages.fetch(descending=descending, after=place, limit=limit),
        )
        self.left_out.extend(left_out)
        return found

    def key_of(self, element: "EventRow", sort: str) -> Key:
        """Return an event's position."""
        return Key(str(element.id))

    def find(self, element_id: str, sort: str) -> Key | None:
        """Return the position of an id. There is only one sort, so it is the id itself."""
        return Key(element_id)


def show_partial(left_out: Sequence[DamagedFile]) -> dict[str, Any]:
    """Return the wire form of the files that an answer lacks."""
    shown: dict[str, Any] = {"files": [file.path for file in left_out[:NAMED_FILES]]}
    more = len(left_out) - NAMED_FILES
    return shown | {"more": more} if more > 0 else shown


def read_conditions(request: Request) -> dict[str, Any]:
    """Return the conditions in the query parameters, as arguments of EventQuery.

    Raises InvalidQueryParameter or InvalidSearchLine.
    """
    query = query_of(request)
    return {
        "namespace": query.get("namespace"),
        "search": query.get("search"),
        "from_time": _read_exact_time(query, "from"),
        "to_time": _read_exact_time(query, "to"),
        "filters": _read_filters(request),
        "where": _read_search(query),
    }


def _read_search(query: Mapping[str, str]) -> "Conditions | None":
    if "q" not in query:
        return None
    from events.query.where import search_conditions  # imported here like DuckDB below

    return search_conditions(query["q"])


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
    dataset: Dataset, conditions: Mapping[str, Any], owner: str, work: Callable[["EventPages"], T]
) -> tuple[T, list[DamagedFile]]:
    """Run `work` with the dataset's pages in a query slot of the process; return its result and the skipped files."""
    # Imported here: DuckDB and Arrow cost 0.3 s and 60 MB, which processes without queries don't need.
    from events.lake.pages import event_pages
    from events.lake.partial import read_around
    from events.lake.query import EventQuery
    from events.lake.slots import slots

    def run(lake: Any) -> T:
        with event_pages(lake, EventQuery(dataset, **conditions)) as pages:
            return work(pages)

    return slots.run(lambda lake: read_around(lake, [dataset.table_name], run), owner)
