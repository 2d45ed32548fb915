"""POST /v0/query, and saved queries: ask the events of datasets anything (docs/query.md)."""

from time import time_ns
from typing import TYPE_CHECKING, Any

from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.content import ExactJsonParser
from eventlane.api.operation import Operation
from events.access import find_datasets
from events.api.events import EventRepresentation
from events.api.query_schema import ANSWER, FRAME, QUERY
from events.query.saved import saved_body
from projects.api.viewsets import ProjectObjectViewSet

if TYPE_CHECKING:
    from events.query.answer import Answer

ERRORS = {
    400: ("invalid_search", "query_timeout", "query_too_large"),
    404: ("unknown_dataset",),
    503: ("too_many_queries", "lake_unavailable", "query_killed"),
}


class QueriesViewSet(ProjectObjectViewSet):
    """Questions to the events of the project's datasets."""

    parser_classes = (ExactJsonParser,)
    rights = {"ask": "read", "run": "read"}
    operations = {
        "ask": Operation(body=QUERY, reply=ANSWER, errors=ERRORS),
        "run": Operation(
            body=FRAME, reply=ANSWER, errors=ERRORS | {400: (*ERRORS[400], "resource_disabled")}, nouns=("resource",)
        ),
    }

    def ask(self, request: Request) -> Response:
        """Return what events say: calculations by group and over time, or the events themselves.

        With `calculations`, `rows` has a row for each group, over the whole time frame, and `series` has the values
        of each bucket of time. Without, `events` has the newest events that match. Times are RFC 3339, epoch numbers,
        `now`, or spans before now like `15m`. `statistics.partial` is true when something couldn't be read.
        """
        return self._answer(request.data)

    def run(self, request: Request, name: str) -> Response:
        """Return the answer to a saved query.

        `from` and `to` replace those of the query. It is a resource of type `query`: `/resources?type=query` lists all.
        """
        return self._answer(saved_body(self.project, name, request.data))

    def _answer(self, body: Any) -> Response:
        # Not at the top: DuckDB and Arrow take 0.3 s and 60 MB that a process without queries does without.
        from events.lake.slots import slots
        from events.query.body import read_query
        from events.query.run import ask

        query = read_query(body, now_us=time_ns() // 1000)
        datasets = find_datasets(self.project, query.datasets)
        return Response(show_answer(slots.run(lambda lake: ask(lake, datasets, query), self.api_key.pk)))


def show_answer(answer: "Answer") -> dict[str, Any]:
    """Return an answer as the wire has it."""
    return answer.show([{"dataset": dataset} | EventRepresentation.show(row) for dataset, row in answer.events])
