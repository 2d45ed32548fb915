"""The fields of events as Explore lists them: how many events have each, its values, and what they lead to."""

from dataclasses import dataclass

from eventlane.console import number
from events.console.explore.groups import group_text
from events.console.explore.question import Question
from events.console.explore.terms import group_term, with_term
from events.query.fields import Field, Fields

TYPES = {"string": "text", "array": "list"}  # words for people; the others are the same


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One of the most frequent values at a path, with the addresses that ask for it and for everything else."""

    text: str
    count: str
    percent: float
    with_address: str
    without_address: str


@dataclass(frozen=True, slots=True)
class FieldRow:
    """A path; `percent` of the events have it."""

    path: str
    types: str
    percent: float
    share: str
    distinct: str
    values: list[ValueRow]
    group_address: str
    exists_address: str


def field_rows(found: Fields, question: Question, open_q: str) -> list[FieldRow]:
    """Return the rows for fields, in their order."""
    return [_row(one, found.events, question, open_q) for one in found.fields]


def _row(field: Field, events: int, question: Question, open_q: str) -> FieldRow:
    percent = 100 * field.events / events
    exists = group_term(field.path, None)
    return FieldRow(
        path=group_text(field.path),
        types=", ".join(TYPES.get(name, name) for name in field.types),
        percent=round(percent, 1),
        share="100 %" if field.events == events else f"{percent:.0f} %" if percent >= 1 else "< 1 %",
        distinct=number(field.distinct),
        values=[_value(field, value, count, question, open_q) for value, count in field.top],
        group_address=question.address(by=field.path, order="", calculate=question.calculate or "count"),
        exists_address=question.address(q=with_term(open_q, exists.removeprefix("-"))) if exists else "",
    )


def _value(field: Field, value: object, count: int, question: Question, open_q: str) -> ValueRow:
    term = group_term(field.path, value)
    with_it, without_it = ("", "")
    if term:
        with_it = question.address(q=with_term(open_q, term))
        without_it = question.address(q=with_term(open_q, f"-{term}"))
    return ValueRow(group_text(value), number(count), round(100 * count / field.events, 1), with_it, without_it)
