"""New events in Explore: a stream of lines for its list, for as long as the session lasts that asked for it."""

from dataclasses import dataclass

from django.contrib.auth import get_user
from django.http import HttpRequest, HttpResponseBase
from django.template.loader import get_template
from django.utils.timezone import get_current_timezone, override

from eventlane.sessions import SessionStore
from eventlane.wire.errors import ApiError, AuthenticationRequired, UnknownObject, error_response
from eventlane.wire.stream import StreamResponse
from events.api.tails import CONTENT_TYPE, last_event_id
from events.console.explore.lines import event_line
from events.console.explore.parts import dataset_admin, dataset_of
from events.console.explore.question import Question, read_question
from events.lake.query import EventRow
from events.models import Dataset
from events.tails.frames import Look
from events.tails.hub import open_tail

MOST_LINES = 50  # at a time, some five times a second: more than anybody reads


@dataclass(frozen=True, slots=True)
class SessionAccess:
    """That of a console session."""

    session_key: str
    dataset_id: str

    def check(self) -> None:
        """Raise AuthenticationRequired or UnknownObject."""
        request = HttpRequest()
        request.session = SessionStore(self.session_key)
        request.user = get_user(request)
        if not request.user.is_authenticated:
            raise AuthenticationRequired("You are logged out.", "")
        if dataset_admin().get_object(request, self.dataset_id) is None:
            raise UnknownObject("dataset")


def explore_live(request: HttpRequest) -> HttpResponseBase:
    """Return the lines of new events as server-sent events (docs/query.md), or what keeps them from coming."""
    question = read_question(request.GET)
    dataset = dataset_of(request, question)
    access = SessionAccess(request.session.session_key or "", dataset.pk)
    try:
        tail = open_tail(dataset, question.q, access, last_event_id(request.META), _lines(question, dataset))
    except ApiError as error:
        return error_response(error)
    return StreamResponse(tail, CONTENT_TYPE)


def _lines(question: Question, dataset: Dataset) -> Look:
    template, zone = get_template("events/explore_line.html"), get_current_timezone()

    def data_of(row: EventRow) -> bytes:
        with override(zone):  # of the request, and this is another thread
            return template.render({"line": event_line(row, question, dataset.name)}).strip().encode()

    return Look(f"lines {zone} {question.address()}", data_of, MOST_LINES)
