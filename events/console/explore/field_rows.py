"""The fields of events as Explore lists them: how many events have each, its values, and what they lead to."""

from dataclasses import dataclass

from eventlane.console import number
from events.console.explore.groups import group_text
from events.console.explore.question import Question
from events.console.explore.terms import group_term, with_term
from events.query.fields import Field, Fields
from events.query.typed import elements

TYPES = {"string": "text", "array": "list"}  # words for people; the others are the same


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One of the most frequent values at a path: the term that finds it, and addresses that ask for it or the rest."""

    text: str
    count: str
    percent: float
    term: str
    with_address: str
    without_address: str


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A path, also as a search line has it; `percent` of the events have it."""

    path: str
    typed: str
    types: str
    percent: float
    share: str
    distinct: str
    values: list[ValueRow]
    group_address: str
    exists_address: str
    column_address: str


def field_rows(found: Fields, question: Question, open_q: str) -> list[FieldRow]:
    """Return the rows for fields, in their order."""
    return [_row(one, found.events, question, open_q) for one in found.fields]


def _row(field: Field, events: int, question: Question, open_q: str) -> FieldRow:
    percent = 100 * field.events / events
    exists = (group_term(field.path, None) or "").removeprefix("-")
    return FieldRow(
        path=group_text(field.path),
        typed=exists.removesuffix(":*"),
        types=", ".join(TYPES.get(name, name) for name in field.types),
        percent=round(percent, 1),
        share="100 %" if field.events == events else f"{percent:.0f} %" if percent >= 1 else "< 1 %",
        distinct=number(field.distinct),
        values=[_value(field, value, count, question, open_q) for value, count in field.top],
        group_address=question.address(by=field.path, order="", calculate=question.calculate or "count"),
        exists_address=question.address(q=with_term(open_q, exists)) if exists else "",
        column_address=question.events_only.with_column(field.path) if elements(field.path) == [field.path] else "",
    )


def _value(field: Field, value: object, count: int, question: Question, open_q: str) -> ValueRow:
    term = group_term(field.path, value)
    with_it, without_it = "", ""
    if term:
        with_it = question.address(q=with_term(open_q, term))
        without_it = question.address(q=with_term(open_q, f"-{term}"))
    percent = round(100 * count / field.events, 1)
    return ValueRow(group_text(value), number(count), percent, term or "", with_it, without_it)
