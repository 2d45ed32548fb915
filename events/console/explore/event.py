"""All of one event: what stands in it, with links that filter, its JSON, and what it leads to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import time_ns
from typing import Any
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils.http import urlencode

from eventlane.console import count_of
from eventlane.times import to_microseconds
from eventlane.zone_choice import zoned_text
from events.console.explore.event_text import Keys, Part, escaped, indented, leaves, parts
from events.console.explore.question import Question
from events.console.explore.stack_traces import StackTrace, read_stack_trace
from events.console.explore.terms import column_path, group_term, open_to_more, term_of, with_term
from events.lake.query import EventRow
from events.lake.slots import slots
from events.models import Dataset
from events.query.body import read_query
from events.query.run import ask
from events.query.times import SECOND, show_time

SHOWN_VALUES = 200
FOUND_AT_A_GLANCE = 30  # rows
MOST_DEPTH = 8  # of objects in each other: what lies deeper would stand too far to the right
SHOWN_CHARACTERS = 300  # of a message, or a value: the event's JSON has all of it
AROUND = 60 * SECOND
KINDS = {'"': "text", "{": "object", "[": "list", "t": "boolean", "f": "boolean", "n": "null"}


@dataclass(frozen=True, slots=True)
class Value:
    """What stands at a path, as a row of the tree.

    path, text        as they are shown; `name` is the path from the object on that the row stands in
    kind              of JSON: text, number, boolean, null, list, object
    opens, closes     whether the rows of an object or list follow, or end here
    with_address      of events with this value; without_address: of those without; "" where a search can't say it
    column_path       the path as a question has it, "" where none can; column_address: with this as a column
    copied            what to copy, as a text in JSON
    """

    path: str
    name: str = ""
    kind: str = ""
    text: str = ""
    opens: bool = False
    closes: bool = False
    with_address: str = ""
    without_address: str = ""
    column_path: str = ""
    column_address: str = ""
    copied: str = ""
    stack_trace: StackTrace | None = None
    whole_text: str = ""


@dataclass(frozen=True, slots=True)
class WholeEvent:
    """An event as it is shown when it is opened; `more` counts the values that only its JSON shows."""

    row: EventRow
    received: str
    tree: list[Value]
    more: int
    json: str
    sent: str
    copied: str
    context: list[tuple[str, str]]
    trace_address: str
    around_address: str

    @property
    def is_long(self) -> bool:
        """Whether somebody would have to scroll to find a value."""
        return len(self.tree) > FOUND_AT_A_GLANCE

    @property
    def values(self) -> list[Value]:
        """The rows that are neither objects nor lists with something in them."""
        return [one for one in self.tree if not one.opens and not one.closes]


END = Value("", closes=True)


def event_address(row: EventRow, question: Question) -> str:
    """Return the address of an event's part of the page: its time spares looking through all others."""
    names = {"id": str(row.id), "at": str(to_microseconds(row.event_time))}
    return f"{reverse('console-explore-event')}?{urlencode(replace(question, before='').parameters() | names)}"


def find_event(dataset: Dataset, question: Question, address: Mapping[str, str], owner: str) -> WholeEvent:
    """Return the event that an address of `event_address` names; raise Http404 or ApiError."""
    return _whole(find_row(dataset, address, owner), question)


def find_row(dataset: Dataset, address: Mapping[str, str], owner: str) -> EventRow:
    """Return the event whose id and time an address has; raise Http404 or ApiError."""
    try:
        event_id, at = UUID(address.get("id", "")), int(address.get("at", ""))
        frame = {"from": show_time(at), "to": show_time(at + 1)}
    except (ValueError, OverflowError):
        raise Http404 from None
    query = {"datasets": [dataset.name], **frame, "q": f'id:"{event_id}"', "limit": 1}
    [[*rows]] = find_rows(dataset, [query], owner)
    if not rows:
        raise Http404
    return rows[0]


def find_rows(dataset: Dataset, bodies: Sequence[dict[str, Any]], owner: str) -> list[list[EventRow]]:
    """Return the events that each of several queries finds; raise ApiError."""
    now_us = time_ns() // 1000
    queries = [read_query(body, now_us=now_us) for body in bodies]
    answers = slots.run(lambda lake: [ask(lake, [dataset], query) for query in queries], owner)
    return [[row for _, row in answer.events] for answer in answers]


def _whole(row: EventRow, question: Question) -> WholeEvent:
    return WholeEvent(
        row=row,
        received=zoned_text(row.received_time, "microseconds"),
        tree=list(_tree(row, question)),
        more=max(sum(1 for _ in leaves(row.event)) - SHOWN_VALUES, 0),
        json=indented(row.event),
        sent=escaped(row.event),
        copied=json.dumps(row.event),
        context=list(context_of(row, question)),
        trace_address=trace_address(row.trace_id, row, question) if row.trace_id else "",
        around_address=around_address(row, question),
    )


def _tree(row: EventRow, question: Question) -> Iterator[Value]:
    """Yield the rows of an event. What lies deeper than MOST_DEPTH stands in one row each, below the last object."""
    open_q, left, depth = open_to_more(question.q), SHOWN_VALUES, 0
    for part in parts(row.event, MOST_DEPTH):
        if part.closes:
            depth -= 1
            yield END
        elif not left:
            break
        else:
            depth, left = depth + bool(part.members), left - (not part.members)
            yield _value(part, row, question, open_q)
    yield from [END] * depth


def _value(part: Part, row: EventRow, question: Question, open_q: str) -> Value:
    keys, text = part.keys, part.text
    column = column_path(keys, text, row)
    term = None if part.members else term_of(keys, text, row)
    trace = read_stack_trace(json.loads(text)) if text.startswith('"') else None
    return Value(
        path=short(_path(keys)),
        name=short(_path(keys[min(len(keys) - 1, MOST_DEPTH) :])),
        kind=_kind(text),
        text=_size(part) if part.members else short(escaped(text)),
        opens=bool(part.members),
        with_address=question.address(q=with_term(open_q, term)) if term else "",
        without_address=question.address(q=with_term(open_q, f"-{term}")) if term else "",
        column_path=column,
        column_address=question.with_column(column),
        copied=escaped(text) if text.startswith('"') else json.dumps(text),
        stack_trace=trace,
        whole_text=escaped(json.loads(text).expandtabs(4)) if trace else "",
    )


def _path(keys: Keys) -> str:
    return ".".join(str(key) if isinstance(key, int) else escaped(key[1:-1]) for key in keys)


def _kind(text: str) -> str:
    return KINDS.get(text[0], "number")


def _size(part: Part) -> str:
    return count_of(part.members, "key" if part.text[0] == "{" else "element")


def short(text: str) -> str:
    """Cut off what a line has no room for."""
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def trace_address(trace_id: str, event: EventRow, question: Question) -> str:
    """Return the address of a trace's part of the page, and of which event led there."""
    names = {"trace": trace_id, "id": str(event.id), "at": str(to_microseconds(event.event_time))}
    return f"{reverse('console-explore-trace')}?{urlencode(replace(question, before='').parameters() | names)}"


def around_address(event: EventRow, question: Question) -> str:
    """Return the address of the part with the events around one."""
    return event_address(event, question).replace(reverse("console-explore-event"), reverse("console-explore-around"))


def context_of(row: EventRow, question: Question) -> Iterator[tuple[str, str]]:
    """Yield name and address of what an event leads to: what else happened then, and in the same trace."""
    if term := group_term("namespace", row.namespace):
        start, end = map(show_time, around(row))
        yield "Events around it", question.events_only.address(q=term, from_time=start, to_time=end, time="")
    ids = ("Same trace", "trace_id", row.trace_id), ("Same request", "request_id", row.request_id)
    for title, path, value in ids:
        if value and (term := group_term(path, value)):
            yield title, question.events_only.address(q=term)


def around(row: EventRow) -> tuple[int, int]:
    """Return from when to when something is around an event."""
    moment = to_microseconds(row.event_time)
    return moment - AROUND, moment + AROUND
