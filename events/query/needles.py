"""What an event that matches must hold, as the lake's gram files can be asked for it."""

import re
from itertools import chain
from uuid import UUID

from events.lake.conditions import SEARCHED_COLUMNS, Clause, Conditions, clause_of_value, spellings
from events.query import model
from events.query.compiled import time_frame
from events.query.filters import text_of
from events.query.literals import literals
from events.query.model import Compare, Filter, Holds, Op, Query
from events.query.paths import COLUMNS

_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NUMBER_CHARACTERS = set("0123456789+-.eE")
MAX_LITERALS = 20  # of one pattern: each of them takes time, and more of them leave out little else


def where_of(query: Query) -> Conditions:
    """Return what a snapshot has to know to leave out what a query doesn't need."""
    where = time_frame(query)
    where.clauses += clauses_of(query.filter)
    where.ids += ids_of(query.filter)
    return where


def ids_of(found: Filter) -> list[UUID]:
    """Return ids of which every event has one that the filter lets through; none if it may let others through."""
    match found:
        case model.All(parts):
            return next(filter(None, map(ids_of, parts)), [])
        case Compare("id", Op.EQUALS | Op.IN, values):
            return [UUID(value) for value in values if isinstance(value, str) and _ID.fullmatch(value)]
    return []


def clauses_of(found: Filter) -> list[Clause]:
    """Return clauses that hold for every event that the filter lets through; there may be none."""
    match found:
        case model.All(parts):
            return [clause for part in parts for clause in clauses_of(part)]
        case model.Any(parts):
            first = [clauses_of(part)[:1] for part in parts]
            return _either([clause for clauses in first for clause in clauses]) if all(first) else []
        case Holds(text, is_expression):
            return [(part,) for part in _longest(literals(text))] if is_expression else [spellings(text)]
        case Compare(path, Op.EQUALS | Op.IN, values) if _is_searched(path):
            clauses = [clause_of_value(value) if isinstance(value, str) else None for value in values]
            return _either([clause for clause in clauses if clause]) if all(clauses) else []
        case Compare(path, op, (value,)) if op in PARTS and _is_searched(path):
            return _clauses_of_parts(PARTS[op](text_of(value)))
    return []


def _whole(text: str) -> list[str]:
    return [text]


# The texts that a value has in it if the comparison holds.
PARTS = {
    Op.CONTAINS: _whole,
    Op.STARTS_WITH: _whole,
    Op.ENDS_WITH: _whole,
    Op.LIKE: lambda pattern: re.split("[%_]", pattern),
    Op.MATCHES: literals,
}


def _is_searched(path: str) -> bool:
    """Tell whether what stands at a path is in the text that gram files are made of."""
    return path not in COLUMNS or path in SEARCHED_COLUMNS


def _clauses_of_parts(parts: list[str]) -> list[Clause]:
    """Return that each part is there; an event may have a number in another spelling than the one compared."""
    if not set("".join(parts)) - NUMBER_CHARACTERS:
        return []
    return [spellings(part) for part in _longest(parts) if part]


def _longest(parts: list[str]) -> list[str]:
    """Return those parts of a pattern that are looked for: of many, those that leave out most."""
    return parts if len(parts) <= MAX_LITERALS else sorted(set(parts), key=len, reverse=True)[:MAX_LITERALS]


def _either(clauses: list[Clause]) -> list[Clause]:
    return [tuple(chain.from_iterable(clauses))] if clauses else []
