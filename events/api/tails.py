"""GET /v0/datasets/id/:id/tail: new events as they come (docs/api/v0.md, docs/query.md)."""

from functools import partial
from uuid import UUID

from rest_framework.request import Request

from eventlane.api.operation import Operation, Parameter
from eventlane.api.pagination import query_of
from eventlane.times import to_microseconds
from eventlane.wire.errors import BadRequest, InvalidQueryParameter
from eventlane.wire.stream import StreamResponse
from events.access import get_dataset
from events.api.events import is_event_id
from events.clock import newest_time
from projects.api.viewsets import ProjectObjectViewSet

CONTENT_TYPE = "text/event-stream"
ID_VERSION = 7
Q = Parameter("q", "A search line, as in a query.", {"type": "string", "examples": ["level:error -service:web"]})


class TailsViewSet(ProjectObjectViewSet):
    """Streams of new events."""

    operations = {
        "tail": Operation(
            parameters=(Q,),
            reply_types=(CONTENT_TYPE,),
            errors={400: ("bad_request", "invalid_search"), 503: ("too_many_tails",)},
        )
    }

    def tail(self, request: Request, id: str) -> StreamResponse:
        """Send the dataset's new events that match, as server-sent events, until the client leaves.

        Each has the event's id and, as `data`, the event as other routes show it. With the header `Last-Event-ID`, what
        came after that event comes first. `dropped` tells how many events are missing, `end` why the stream ended.
        """
        # Imported here: DuckDB and Arrow cost 0.3 s and 60 MB, which processes without queries don't need.
        from events.lake.unsealed import times_of_ids
        from events.tails.access import KeyAccess
        from events.tails.catch_up import CatchUp
        from events.tails.hub import open_tail

        dataset = get_dataset(self.project, id)
        access = KeyAccess(self.api_key.pk, dataset.pk)
        query = query_of(request)
        if framed := [name for name in ("from", "to") if name in query]:
            raise InvalidQueryParameter(framed[0], "a tail has none; Last-Event-ID goes on after an event")
        after = last_event_id(request.META)
        if after and times_of_ids([after])[0] > to_microseconds(newest_time()):
            raise BadRequest(
                "Last-Event-ID is of the future: nothing would come until then. Without it, the tail begins now."
            )
        begin = partial(CatchUp, after=after) if after else None
        tail = open_tail(dataset, query.get("q", ""), access, begin=begin)
        return StreamResponse(tail, CONTENT_TYPE)


def last_event_id(headers: "dict[str, str]") -> UUID | None:
    """Return the event that a client names as the last that it got, in a request's META; raise BadRequest.

    Only its place in the order of ids counts: it may be gone, or be another dataset's.
    """
    text = headers.get("HTTP_LAST_EVENT_ID", "").strip()
    if not text:
        return None
    if not is_event_id(text) or UUID(text).version != ID_VERSION:
        raise BadRequest("Last-Event-ID must be the id of an event.")
    return UUID(text)
