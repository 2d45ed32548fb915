"""Statements of search lines about the new events, each planned once: planning takes five times as long as asking."""

import itertools
import re
from collections.abc import Mapping, Sequence
from typing import Any

from events.lake.connection import Lake
from events.lake.duckdbs import Rows
from events.tails.tail import Line

# DuckDB plans anew when a parameter is given, or a table was made in a database that is read. So values are variables,
# each for one statement, what changes is in tables, and these are in a database where nothing else is made.
DATABASE = "tails"
ROOMS = f"{DATABASE}.main.rooms"
# A plan would otherwise rely on the least and greatest values that the tables had when it was made.
CONFIG = {"disabled_optimizers": "statistics_propagation"}
_PLACEHOLDER = re.compile(r"""'[^']*'|"[^"]*"|(\?)""")


class PreparedLines:
    """The statements of the lines that are asked now. The DuckDB has CONFIG."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._counter = itertools.count()
        self._numbers: dict[Line, int] = {}
        self._statements: dict[tuple[Line, str], str] = {}
        lake.execute(f"ATTACH ':memory:' AS {DATABASE}; CREATE TABLE {ROOMS} (line BIGINT, room BIGINT)")

    def set_rooms(self, rooms: Mapping[Line, int]) -> None:
        """Take the lines and their rooms, and forget other lines."""
        for line, sql in [key for key in self._statements if key[0] not in rooms]:
            self._lake.execute(f"DEALLOCATE {self._statements.pop((line, sql))}")
        self._numbers = {line: self._numbers.get(line, next(self._counter)) for line in rooms}
        values = [list(self._numbers.values()), list(rooms.values())]
        self._lake.execute(f"DELETE FROM {ROOMS}")
        self._lake.execute(f"INSERT INTO {ROOMS} SELECT unnest(?::BIGINT[]), unnest(?::BIGINT[])", values)

    def rows(self, line: Line, sql: str, values: Sequence[Any]) -> Rows:
        """Return the rows of a statement of a line, which always has the same values; `:room` in it is the line's."""
        if (line, sql) not in self._statements:
            self._statements[line, sql] = self._prepare(self._numbers[line], sql, values)
        return self._lake.execute(f"EXECUTE {self._statements[line, sql]}")

    def _prepare(self, number: int, sql: str, values: Sequence[Any]) -> str:
        name = f"statement_{next(self._counter)}"
        variables = [f"{name}_{position}" for position in range(len(values))]
        for variable, value in zip(variables, values, strict=True):
            self._lake.execute(f"SET VARIABLE {variable} = ?", [value])
        left = iter(variables)
        bound = _PLACEHOLDER.sub(lambda found: f"getvariable('{next(left)}')" if found[1] else found[0], sql)
        room = f"(SELECT room FROM {ROOMS} WHERE line = {number})"
        self._lake.execute(f"PREPARE {name} AS {bound.replace(':room', room)}")
        for variable in variables:  # the plan has their values
            self._lake.execute(f"RESET VARIABLE {variable}")
        return name
