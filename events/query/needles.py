"""What an event that matches must hold, as the lake's gram files can be asked for it."""

from itertools import chain

from events.lake.conditions import ID_COLUMNS, Clause, Conditions, clause_of_value, spellings
from events.query import model
from events.query.compiled import time_frame
from events.query.model import Compare, Filter, Holds, Op, Query
from events.query.paths import COLUMNS


def where_of(query: Query) -> Conditions:
    """Return what a snapshot has to know to leave out what a query doesn't need."""
    where = time_frame(query)
    where.clauses += clauses_of(query.filter)
    return where


def clauses_of(found: Filter) -> list[Clause]:
    """Return clauses that hold for every event that the filter lets through; there may be none."""
    match found:
        case model.All(parts):
            return [clause for part in parts for clause in clauses_of(part)]
        case model.Any(parts):
            first = [clauses_of(part)[:1] for part in parts]
            return _either([clause for clauses in first for clause in clauses]) if all(first) else []
        case Holds(text, is_expression=False):
            return [spellings(text)]
        case Compare(path, Op.EQUALS | Op.IN, values):
            clauses = [_clause_of(path, value) for value in values]
            return _either([clause for clause in clauses if clause]) if all(clauses) else []
    return []


def _clause_of(path: str, value: model.Value) -> Clause | None:
    """Return what an event holds in which this value stands at the path."""
    if not isinstance(value, str) or (path in COLUMNS and path not in ID_COLUMNS):
        return None
    return clause_of_value(value)


def _either(clauses: list[Clause]) -> list[Clause]:
    return [tuple(chain.from_iterable(clauses))] if clauses else []
