"""A trigger made of a question: the conditions of its search line as filters, and which of them no trigger can say."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import re2

from events.console.explore.question import Question
from events.lake.json_paths import MAX_PARTS, pointer
from events.lake.levels import LEVELS, SPELLINGS
from events.models import Dataset
from events.query import model
from events.query.model import All, Compare, Filter, Holds, Not, Op
from events.query.paths import COLUMNS
from events.query.search import parse_search, split_search
from pipelines.models import Resource
from pipelines.resources.yaml_text import write_yaml

NEVER_SENT = {"namespace", "id", "dataset", "event_time", "received_time"}
ANOTHER_PIPELINE = "my-pipeline"

AS_SENT = (
    "It compares events as they were sent: their own keys, not what Explore reads from other names, or from lists."
)
PIPELINE = "Name the pipelines that it shall start."
NO_FILTERS = "It has no filters: every event of the dataset starts its pipelines."

WHOLE_TEXT = "a trigger looks at one path, and not through the whole event; name one, like message:*text*"
SIZE = "a trigger can't tell what is larger"
MISSING = "a trigger's filters all need something at their path"
SEVERAL = "all filters of a trigger must hold; make a trigger of each"
NOT_ALL = "a trigger can't say that not all of several conditions hold"


class CannotSay(ValueError):
    """No filter of a trigger says what a condition does, for this reason."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A condition that the trigger does without."""

    term: str
    reason: str


@dataclass(frozen=True, slots=True)
class MadeTrigger:
    """The YAML of a trigger, what it does without, and what somebody should know who deploys it."""

    yaml: str
    left_out: list[LeftOut]
    notes: list[str]


def make_trigger(dataset: Dataset, question: Question) -> MadeTrigger:
    """Return the trigger of a question; raise InvalidSearch."""
    filters, left_out = read_filters(question.q)
    notes = [AS_SENT]
    if any("does_not_match" in one or "is_not_equal_to" in one for one in filters):
        notes.append("A negated filter, too, needs something at its path.")
    if any(one["path"] == "/level" for one in filters):
        notes.append("Levels that are numbers aren't seen.")
    pipelines = Resource.objects.filter(project=dataset.project, type=Resource.Type.PIPELINE, disabled=False)
    pipeline = pipelines.order_by("name").values_list("name", flat=True).first()
    data: dict[str, Any] = {"connector": "dataset", "event": dataset.name}
    data |= {"filters": filters} if filters else {}
    data |= {"pipelines": [pipeline or ANOTHER_PIPELINE]}
    spec = {"type": "trigger", "version": 1, "name": _name(dataset, question), "data": data}
    notes += [PIPELINE] if filters else [PIPELINE, NO_FILTERS]
    return MadeTrigger(write_yaml(spec), left_out, notes)


def read_filters(q: str) -> tuple[list[dict[str, Any]], list[LeftOut]]:
    """Return the filters of a search line, and the conditions that no filter can say; raise InvalidSearch."""
    filters: list[dict[str, Any]] = []
    left_out = []
    for term in split_search(q):
        try:
            filters += _filters(parse_search(term))
        except CannotSay as error:
            left_out.append(LeftOut(term, str(error)))
    return filters, left_out


def _name(dataset: Dataset, question: Question) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", f"on-{dataset.name}-{question.q}".lower())
    return name[:60].strip("-")


def _filters(found: Filter) -> Iterator[dict[str, Any]]:
    """Yield the filters that say the same; raise CannotSay."""
    if isinstance(found, All):
        for part in found.parts:
            yield from _filters(part)
    elif isinstance(found, Not):
        yield _negated(found.part)
    elif isinstance(found, Compare) and found.op is Op.EXISTS:
        yield {"path": _pointer(found.path), "is_not_equal_to": None}
    elif isinstance(found, Compare) and found.op is Op.EQUALS and found.path != "level":
        yield {"path": _pointer(found.path), "is_equal_to": _value(found)}
    else:
        path, pattern = _pattern(found)
        yield {"path": _pointer(path), "matches": pattern}


def _negated(found: Filter) -> dict[str, Any]:
    if isinstance(found, All):
        raise CannotSay(NOT_ALL)
    if isinstance(found, Compare) and found.op is Op.EXISTS:
        raise CannotSay(MISSING)
    if isinstance(found, Compare) and found.op is Op.EQUALS and found.path != "level":
        return {"path": _pointer(found.path), "is_not_equal_to": _value(found)}
    path, pattern = _pattern(found)
    return {"path": _pointer(path), "does_not_match": pattern}


def _value(found: Compare) -> Any:
    """Return the value to be equal to; JSON has true and false as words of their own."""
    [value] = found.values
    return json.loads(value) if value in ("true", "false") else value


def _pointer(path: str) -> str:
    """Return the place of a path in the event itself; raise CannotSay."""
    if path in NEVER_SENT:
        raise CannotSay(f"a trigger sees what was sent, and not the {path.replace('_', ' ')}")
    if path.startswith("/"):
        return path
    return f"/{path}" if path in COLUMNS else pointer(path.split(".", MAX_PARTS))


# Regular expressions

_PATTERNS: dict[Op, Callable[[str], str]] = {
    Op.EQUALS: lambda text: f"^{re2.escape(text)}$",
    Op.STARTS_WITH: lambda text: f"^{re2.escape(text)}",
    Op.ENDS_WITH: lambda text: f"{re2.escape(text)}$",
    Op.CONTAINS: re2.escape,
    Op.MATCHES: lambda text: text,
}


def _pattern(found: Filter) -> tuple[str, str]:
    """Return a path and the expression for the texts there; raise CannotSay."""
    if isinstance(found, Holds):
        raise CannotSay(WHOLE_TEXT)
    if isinstance(found, model.Any):
        return _alternatives([_pattern(part) for part in found.parts])
    if not isinstance(found, Compare):
        raise CannotSay(SEVERAL)
    [value] = found.values or (None,)
    if found.op not in _PATTERNS:
        raise CannotSay(SIZE if found.op in model.ORDERINGS else MISSING)
    if not isinstance(value, str):
        raise CannotSay("a trigger finds one of several values only if they are texts")
    is_level = found.path == "level" and found.op is Op.EQUALS
    return found.path, _level_pattern(value.lower()) if is_level else _PATTERNS[found.op](value)


def _level_pattern(level: str) -> str:
    """Return the expression for all spellings of a level."""
    level = next((one for one in LEVELS if level in SPELLINGS[one].split()), level)
    return f"(?i)^({'|'.join(map(re2.escape, [level, *SPELLINGS.get(level, '').split()]))})$"


def _alternatives(patterns: Sequence[tuple[str, str]]) -> tuple[str, str]:
    paths = {path for path, _ in patterns}
    if len(paths) > 1:
        raise CannotSay(SEVERAL)
    return paths.pop(), "|".join(f"(?:{pattern})" for _, pattern in patterns)
