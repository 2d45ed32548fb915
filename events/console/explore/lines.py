"""Events as a list shows them, one line each."""

from dataclasses import dataclass

from eventlane.times import format_time
from eventlane.zone_choice import local_text
from events.console.explore.bars import kind_of
from events.console.explore.columns import cells
from events.console.explore.event import event_address, short
from events.console.explore.question import Question
from events.console.explore.stack_traces import read_stack_trace, telling_line
from events.lake.lines import visible
from events.lake.query import EventRow


@dataclass(frozen=True, slots=True)
class Line:
    """An event in a list.

    time, moment   when it happened, for people and for programs
    reason         the error, where the message doesn't say it
    lines          how many a stack trace has, of which the message is one
    address        of all of the event
    """

    kind: str
    time: str
    moment: str
    level: str
    service: str
    message: str
    reason: str
    lines: int
    cells: list[tuple[str, str, str]]
    address: str


def event_line(row: EventRow, question: Question, dataset_name: str) -> Line:
    """Return the line of an event, with the question's columns."""
    trace = read_stack_trace(row.message or "")
    return Line(
        kind=kind_of(row.level),
        time=local_text(row.event_time, "milliseconds"),
        moment=format_time(row.event_time, "milliseconds"),
        level=short(visible(row.level or "-")),
        service=short(visible(row.service or row.namespace)),
        message=message_of(row),
        reason=_reason_of(row),
        lines=trace.lines if trace else 0,
        cells=cells(row, dataset_name, question.column_paths),
        address=event_address(row, question),
    )


def message_of(row: EventRow) -> str:
    """Return what a line says of an event: its message, of a stack trace the telling line; else the whole event."""
    if row.message is None:
        return short(visible(" ".join(row.event.split())))
    return short(visible(telling_line(row.message)))


def _reason_of(row: EventRow) -> str:
    """Return what an error says, where the message doesn't: of a stack trace the telling line."""
    reason = telling_line(row.error or "")
    return "" if row.message is None or reason in row.message else short(visible(reason))
