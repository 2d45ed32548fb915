"""Why nothing is found: which condition empties the answer, names that are nearly those asked for, the last event."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from eventlane.console import count_of
from eventlane.times import to_microseconds
from eventlane.wire.errors import ApiError
from eventlane.zone_choice import zoned_text
from events.console.explore.groups import group_text
from events.console.explore.question import Question
from events.console.explore.terms import group_term
from events.lake.connection import Lake
from events.lake.slots import slots
from events.models import Dataset, Namespace
from events.query.answer import Answer
from events.query.body import MAX_ROWS, read_query
from events.query.model import Compare, Op, Query
from events.query.run import ask
from events.query.search import parse_search, split_search
from events.query.times import SECOND, show_time

MOST_CHIPS = 8  # more are not asked without
MOST_SECONDS = 5.0  # for all questions together; then the rest isn't asked
MOST_NAMES = 1000
ALWAYS = {"from": "0001-01-01", "to": "now"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition of the question, and the address without it."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Without:
    """What the question finds without one of its conditions, and values that are nearly the one asked for."""

    chip: Chip
    found: int
    count: str
    nearest: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why nothing is found. `last_address` asks for the hour up to the dataset's last event."""

    without: list[Without]
    last_time: str = ""
    last_address: str = ""


def chips_of(question: Question) -> list[Chip]:
    """Return the conditions of a question's search line, which must be valid."""
    terms = split_search(question.q)
    return [
        Chip(term, question.address(q=" ".join(terms[:place] + terms[place + 1 :]))) for place, term in enumerate(terms)
    ]


def why_empty(dataset: Dataset, question: Question, owner: str) -> Reasons:
    """Return why a valid question finds nothing, as far as that can be found out soon; a failure tells nothing."""
    now_us = time.time_ns() // 1000
    chips = chips_of(question)[:MOST_CHIPS]
    try:
        last, *answers = slots.run(
            lambda lake: list(_answers(lake, dataset, _queries(dataset, question, chips, now_us))), owner
        )
    except ApiError:
        return Reasons([])
    without = [_without(dataset, question, chips, place, answer) for place, answer in enumerate(answers)]
    if not last.events:
        return Reasons(without)
    [(_, row)] = last.events
    end = to_microseconds(row.event_time) + 1
    frame = {"from_time": show_time(end - 3600 * SECOND), "to_time": show_time(end)}
    return Reasons(without, zoned_text(row.event_time), question.events_only.address(q="", time="", **frame))


def _queries(dataset: Dataset, question: Question, chips: Sequence[Chip], now_us: int) -> Iterator[Query]:
    """Yield the query for the last event, then one for each chip."""
    names = {"datasets": [dataset.name]}
    yield read_query(names | ALWAYS | {"limit": 1}, now_us=now_us)
    for place, chip in enumerate(chips):
        rest = " ".join(one.text for one in [*chips[:place], *chips[place + 1 :]])
        wanted = _wanted(chip)
        groups = {"group_by": [wanted.path]} if wanted else {}
        body = question.body(dataset.name, calculations=[{"op": "count"}], limit=MAX_ROWS, **groups) | {"q": rest}
        yield read_query(body, now_us=now_us)


def _answers(lake: Lake, dataset: Dataset, queries: Iterator[Query]) -> Iterator[Answer]:
    end = time.monotonic() + MOST_SECONDS
    for query in queries:
        yield ask(lake, [dataset], query)
        if time.monotonic() > end:
            return


def _wanted(chip: Chip) -> Compare | None:
    """Return the comparison with a text that a chip is, if it is one."""
    found = parse_search(chip.text)
    is_text = isinstance(found, Compare) and found.op is Op.EQUALS and isinstance(found.values[0], str)
    return found if isinstance(found, Compare) and is_text else None


def _without(dataset: Dataset, question: Question, chips: Sequence[Chip], place: int, answer: Answer) -> Without:
    found = sum(row[-1] for row in [*answer.rows, *([answer.others] if answer.others else [])])
    chip, wanted = chips[place], _wanted(chips[place])
    nearest = []
    if wanted:
        names = [row[0] for row in answer.rows if isinstance(row[0], str)]
        for name in _close(str(wanted.values[0]), [*names, *_other_names(dataset, wanted.path)]):
            if term := group_term(wanted.path, name):
                q = " ".join(term if one is chip else one.text for one in chips)
                nearest.append((group_text(name), question.address(q=q)))
    return Without(chip, found, count_of(found, "event"), nearest)


def _other_names(dataset: Dataset, path: str) -> list[str]:
    """Return the dataset's namespaces, also those without events in the time frame."""
    if path != "namespace":
        return []
    return list(Namespace.objects.filter(dataset=dataset).values_list("name", flat=True)[:MOST_NAMES])


def _close(wanted: str, names: Sequence[str]) -> list[str]:
    """Return the names that are nearly the one wanted, whatever their letter case."""
    known = {name.lower(): name for name in names if name != wanted}
    return [known[one] for one in get_close_matches(wanted.lower(), known, 3)]
