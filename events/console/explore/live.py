"""New events in Explore: a stream of lines for its list, for as long as the session lasts that asked for it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import time_ns
from uuid import UUID

from django.contrib.auth import get_user
from django.http import HttpRequest, HttpResponseBase
from django.template.loader import get_template
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.timezone import get_current_timezone, override

from eventlane.sessions import SessionStore
from eventlane.times import to_microseconds
from eventlane.wire.errors import ApiError, AuthenticationRequired, BadRequest, UnknownObject, error_response
from eventlane.wire.stream import StreamResponse
from eventlane.zone_choice import local_text
from events.api.tails import CONTENT_TYPE, last_event_id
from events.console.explore.lines import event_line
from events.console.explore.parts import dataset_admin, dataset_of
from events.console.explore.question import NOW, Question, from_elsewhere, read_question
from events.console.explore.terms import open_to_more, with_term
from events.lake.query import EventRow
from events.models import Dataset
from events.query.answer import Answer
from events.query.body import read_place, show_place
from events.query.model import Place
from events.query.times import InvalidTime, read_time, show_time
from events.tails.frames import Look
from events.tails.hub import open_tail
from events.tails.newest import Newest, Shown, shown_until

_MICROSECONDS = re.compile(r"[0-9]{1,16}", re.ASCII)
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
        shown = _shown(request)
        begin = partial(Newest, shown=shown, gap=_gap_of(question)) if shown else None
        tail = open_tail(dataset, question.q, access, _lines(question, dataset), begin)
    except ApiError as error:
        return error_response(error)
    return StreamResponse(tail, CONTENT_TYPE)


def live_address(question: Question, answer: Answer) -> str:
    """Return where the events come from that a page lacks which shows an answer, and new ones.

    There are none for a page of the past, whose time frame doesn't end now.
    """
    if question.to_time != NOW or question.before:
        return ""
    until = answer.statistics.complete_until
    assert until
    oldest = answer.before or show_place(Place(answer.query.from_us, str(UUID(int=0))))
    shown = urlencode({"until": str(to_microseconds(until)), "oldest": oldest})
    return f"{reverse('console-explore-live')}{question.address()}&{shown}"


def _shown(request: HttpRequest) -> Shown | None:
    """Return what the page has: events until the last that it was sent, or the answer that its address tells of."""
    if event := last_event_id(request.META):
        return shown_until(event)
    until, oldest = request.GET.get("until"), read_place(request.GET.get("oldest", ""))
    if until is None or oldest is None:
        return None
    if not _MICROSECONDS.fullmatch(until):
        raise BadRequest("until must be a number of microseconds.")
    return Shown(int(until), place=(oldest.time_us, UUID(oldest.id)))


def _gap_of(question: Question) -> Callable[[datetime, datetime], str]:
    """Return what makes the line that stands for events received between two times, with a way to see them."""
    template, zone = get_template("events/explore_gap.html"), get_current_timezone()
    try:
        frame_us = read_time(question.from_time, now_us=time_ns() // 1000, zone=zone)
    except InvalidTime as error:
        raise BadRequest(f"from: {error}.") from None
    asked = open_to_more(question.q)

    def gap(first: datetime, last: datetime) -> str:
        first_us, last_us = to_microseconds(first), to_microseconds(last)
        q = with_term(asked, f'received_time>="{show_time(first_us)}"')
        q = with_term(q, f'received_time<="{show_time(last_us)}"')
        address = from_elsewhere(question).address(q=q, from_time=show_time(min(frame_us, first_us)))
        with override(zone):
            times = [local_text(time, "milliseconds") for time in (first, last)]
        return template.render({"times": times, "address": address}).strip()

    return gap


def _lines(question: Question, dataset: Dataset) -> Look:
    template, zone = get_template("events/explore_line.html"), get_current_timezone()

    def data_of(row: EventRow) -> bytes:
        with override(zone):  # of the request, and this is another thread
            return template.render({"line": event_line(row, question, dataset.name)}).strip().encode()

    return Look(f"lines {zone} {question.address()}", data_of, MOST_LINES)
