"""Find out which names events have and what stands there, before the SQL for them is made.

Events have few sets of keys, and those are what is looked at. That is a tenth of sealing.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import pyarrow as pa

from events.lake.names import KEYS, PLACES
from events.lake.trees import pointer, quoted

SAMPLE = 1000  # events that are looked at first, for the keys whose objects have to be looked into

Execute = Callable[..., list[tuple[Any, ...]]]

# Objects that hold what is looked for, at any depth, by the key that they stand under.
OBJECTS: dict[str, list[tuple[str, ...]]] = {}
for _place in (place for places in PLACES.values() for place in places if place.inner):
    _known = OBJECTS.setdefault(_place.key, [])
    _known += [path for path in accumulate((key,) for key in _place.keys[:-1]) if path not in _known]
_WANTED = {key for places in PLACES.values() for place in places for key in place.keys} | KEYS


@dataclass(frozen=True, slots=True)
class Shape:
    """What all the events of a batch have in common."""

    there: frozenset[tuple[str, ...]]  # what some event has, of that which is looked for, as keys from the event on
    refused: bool = False  # the parser refuses some event
    doubled: bool = False  # a key stands twice in some event
    doubled_inside: bool = False  # or in one of the objects
    objects: frozenset[str] = frozenset()  # keys of OBJECTS that hold an object in some event
    others: frozenset[str] = frozenset()  # that hold something else

    def unexpected(self, roots: frozenset[str]) -> frozenset[str]:
        """Return the keys whose objects were not looked into."""
        return frozenset(keys[0] for keys in self.there if len(keys) == 1) & OBJECTS.keys() - roots


def shape_of(execute: Execute, events: pa.Table) -> Shape:
    """Return the shape of events in the lake that `execute` belongs to."""
    sample = _shape(partial(execute, events=events.slice(0, SAMPLE)))
    return sample if len(events) <= SAMPLE else _shape(partial(execute, events=events), sample)


def shape_of_view(execute: Execute, expected: Shape | None = None) -> Shape:
    """Return the shape of the rows of a view that is called `events`; what others like them had saves a look."""
    return _shape(execute, expected)


def _shape(execute: Execute, expected: Shape | None = None) -> Shape:
    """Return the shape of all events; what is known of some of them saves a look."""
    roots: frozenset[str] = expected.unexpected(frozenset()) if expected else frozenset()
    doubled = expected is not None and expected.doubled
    while True:
        shape = _look(execute, roots, doubled)
        if not shape.unexpected(roots) and shape.doubled <= doubled:
            return shape
        roots |= shape.unexpected(roots)
        doubled |= shape.doubled


def _look(execute: Execute, roots: Iterable[str], doubled: bool) -> Shape:
    """Look into the objects under some keys; where keys may stand twice, into the last."""
    ordered = sorted(roots)
    paths = [(), *((key,) for key in ordered), *(path for key in ordered for path in OBJECTS[key] if len(path) > 1)]
    sql = _sql(len(ordered), paths, "last_first(event)" if doubled else "event")
    [(there, refused, doubled, inside, objects, others)] = execute(sql)
    return Shape(
        frozenset((*paths[found["path"]], found["name"]) for found in there or ()),
        bool(refused),
        bool(doubled),
        bool(inside),
        frozenset(key for key, there in zip(ordered, objects, strict=True) if there),
        frozenset(key for key, there in zip(ordered, others, strict=True) if there),
    )


def _sql(roots: int, paths: list[tuple[str, ...]], object: str) -> str:
    pointers = ", ".join(map(quoted, map(pointer, paths)))
    positions = range(2, roots + 2)
    return f"""
        WITH sets AS MATERIALIZED (
            SELECT any_value(keys) AS keys
            FROM (SELECT TRY(json_keys({object}, [{pointers}])) AS keys FROM events)
            GROUP BY hash(keys), keys IS NULL  -- NULL has the hash of what an empty object has
        )
        SELECT
            (
                SELECT list(DISTINCT {{'path': path, 'name': name}})
                FROM (
                    SELECT path, unnest(names) AS name
                    FROM (SELECT generate_subscripts(keys, 1) - 1 AS path, unnest(keys) AS names FROM sets)
                )
                WHERE name IN ({", ".join(map(quoted, sorted(_WANTED)))})
            ),
            bool_or(keys IS NULL),
            bool_or(is_doubled(keys[1])),
            bool_or(len(list_filter(keys[2:], lambda found: is_doubled(found))) > 0),
            [{", ".join(f"bool_or(len(keys[{n}]) > 0)" for n in positions)}],
            [{", ".join(f"bool_or(len(keys[{n}]) = 0)" for n in positions)}]
        FROM sets"""
