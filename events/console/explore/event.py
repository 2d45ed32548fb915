"""All of one event: what stands in it, with links that filter, its JSON, and what it leads to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from time import time_ns
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils.http import urlencode

from eventlane.times import format_time, to_microseconds
from events.console.explore.event_text import Keys, escaped, indented, leaves
from events.console.explore.question import Question
from events.console.explore.terms import group_term, open_to_more, term_of, with_term
from events.lake.query import EventRow
from events.lake.slots import slots
from events.models import Dataset
from events.query.body import read_query
from events.query.run import ask
from events.query.times import SECOND, show_time

SHOWN_VALUES = 200
SHOWN_CHARACTERS = 300  # of a message, or a value: the event's JSON has all of it
AROUND = 60 * SECOND


@dataclass(frozen=True, slots=True)
class Value:
    """What stands at a path, with the addresses that ask for events with this value, and for those without."""

    path: str
    text: str
    with_address: str = ""
    without_address: str = ""


@dataclass(frozen=True, slots=True)
class WholeEvent:
    """An event as it is shown when it is opened; `more` counts the values that only its JSON shows."""

    row: EventRow
    received: str
    values: list[Value]
    more: int
    json: str
    context: list[tuple[str, str]]


def event_address(row: EventRow, question: Question) -> str:
    """Return the address of an event's part of the page: its time spares looking through all others."""
    names = {"id": str(row.id), "at": str(to_microseconds(row.event_time))}
    return f"{reverse('console-explore-event')}?{urlencode(replace(question, before='').parameters() | names)}"


def find_event(dataset: Dataset, question: Question, address: Mapping[str, str], owner: str) -> WholeEvent:
    """Return the event that an address of `event_address` names; raise Http404 or ApiError."""
    try:
        event_id, at = UUID(address.get("id", "")), int(address.get("at", ""))
        frame = {"from": show_time(at), "to": show_time(at + 1)}
    except (ValueError, OverflowError):
        raise Http404 from None
    body = {"datasets": [dataset.name], **frame, "q": f'id:"{event_id}"', "limit": 1}
    query = read_query(body, now_us=time_ns() // 1000)
    answer = slots.run(lambda lake: ask(lake, [dataset], query), owner)
    if not answer.events:
        raise Http404
    [(_, row)] = answer.events
    return _whole(row, question)


def _whole(row: EventRow, question: Question) -> WholeEvent:
    found, open_q = list(leaves(row.event)), open_to_more(question.q)
    return WholeEvent(
        row=row,
        received=format_time(row.received_time, "microseconds"),
        values=[_value(keys, value, row, question, open_q) for keys, value in islice(found, SHOWN_VALUES)],
        more=max(len(found) - SHOWN_VALUES, 0),
        json=indented(row.event),
        context=list(_context(row, question)),
    )


def _value(keys: Keys, value: str, row: EventRow, question: Question, open_q: str) -> Value:
    path = ".".join(str(key) if isinstance(key, int) else escaped(key[1:-1]) for key in keys)
    shown = short(path), short(escaped(value))
    term = term_of(keys, value, row)
    if term is None:
        return Value(*shown)
    return Value(*shown, question.address(q=with_term(open_q, term)), question.address(q=with_term(open_q, f"-{term}")))


def short(text: str) -> str:
    """Cut off what a line has no room for."""
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def _context(row: EventRow, question: Question) -> Iterator[tuple[str, str]]:
    """Yield name and address of what an event leads to: what else happened then, and in the same trace."""
    moment, whole = to_microseconds(row.event_time), question.events_only
    if term := group_term("namespace", row.namespace):
        start, end = (show_time(moment + distance) for distance in (-AROUND, AROUND))
        yield "Events around it", whole.address(q=term, from_time=start, to_time=end)
    ids = ("Same trace", "trace_id", row.trace_id), ("Same request", "request_id", row.request_id)
    for title, path, value in ids:
        if value and (term := group_term(path, value)):
            yield title, whole.address(q=term)
