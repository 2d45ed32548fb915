"""Statements about the new events, each planned once: planning takes five to fifty times as long as running them."""

import itertools
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from events.lake.connection import Lake
from events.lake.duckdbs import Rows

# DuckDB plans anew when a parameter is given, or a table was made in a database that is read. So values are in a
# variable, and what changes are the rows of tables in a database where nothing else is made.
DATABASE = "tails"
# A plan would otherwise rely on the least and greatest values that the tables had when it was made.
CONFIG = {"disabled_optimizers": "statistics_propagation"}
MOST_STATEMENTS = 200
_PLACEHOLDER = re.compile(r"""'[^']*'|"[^"]*"|(\?)""")


class PreparedStatements:
    """Statements that are run again and again; the latest of them stay planned. The DuckDB has CONFIG."""

    def __init__(self, lake: Lake, processor_seconds: Callable[[], float]) -> None:
        self._lake, self._processor_seconds = lake, processor_seconds
        self._counter = itertools.count()
        self._names: OrderedDict[tuple[str, tuple[str, ...]], str] = OrderedDict()
        self.planning_seconds = 0.0  # of the processor, since the beginning
        lake.execute(f"ATTACH ':memory:' AS {DATABASE}")

    def rows(self, sql: str, values: Sequence[Any] = ()) -> Rows:
        """Run a statement that reads only tables of DATABASE, and return its rows."""
        key = sql, tuple(map(repr, values))
        if key not in self._names:
            started = self._processor_seconds()
            self._forget_oldest()
            self._names[key] = self._prepare(sql, values)
            self.planning_seconds += self._processor_seconds() - started
        self._names.move_to_end(key)
        return self._lake.execute(f"EXECUTE {self._names[key]}")

    def _forget_oldest(self) -> None:
        if len(self._names) >= MOST_STATEMENTS:
            _, name = self._names.popitem(last=False)
            self._lake.execute(f"DEALLOCATE {name}")

    def _prepare(self, sql: str, values: Sequence[Any]) -> str:
        name = f"statement_{next(self._counter)}"
        if values:
            members = ", ".join(f"value{position} := ?" for position in range(len(values)))
            self._lake.execute(f"SET VARIABLE {name} = struct_pack({members})", values)
        left = (f"getvariable('{name}').value{position}" for position in range(len(values)))
        bound = _PLACEHOLDER.sub(lambda found: next(left) if found[1] else found[0], sql)
        self._lake.execute(f"PREPARE {name} AS {bound}")
        self._lake.execute(f"RESET VARIABLE {name}")  # the plan has its values
        return name
