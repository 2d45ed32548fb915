"""A search line as conditions on the events of one dataset, for readers that take no whole query."""

import re
from time import time_ns

from eventlane.wire.errors import InvalidQueryParameter
from events.lake.conditions import Conditions
from events.query.body import InvalidSearchLine
from events.query.filters import FilterCompiler
from events.query.model import ORDERINGS, Compare, Op, comparisons
from events.query.needles import clauses_of
from events.query.paths import TIME_COLUMNS, operand_at
from events.query.search import InvalidSearch, parse_search
from events.query.sql import Bindings
from events.query.times import InvalidTime, read_time
from events.query.values import Kind, Operand

_PARAMETER = re.compile(r"\$(\d+)")


def search_conditions(line: str) -> Conditions:
    """Return that a row is what a search line asks for; raise InvalidSearchLine, or InvalidQueryParameter for `q`.

    A row has EVENT_COLUMNS and `dataset`.
    """
    now_us = time_ns() // 1000
    try:
        found = parse_search(line)
    except InvalidSearch as error:
        raise InvalidSearchLine(error) from None
    for compare in comparisons(found):
        _check_times(compare, now_us)
    bindings = Bindings()
    sql = _Compiler(bindings, now_us).condition(found)
    conditions = Conditions()
    values = [bindings.values[int(number) - 1] for number in _PARAMETER.findall(sql)]
    conditions.add(_PARAMETER.sub("?", sql), *values)
    conditions.clauses += clauses_of(found)
    return conditions


def _check_times(compare: Compare, now_us: int) -> None:
    if compare.path in TIME_COLUMNS and compare.op in (*ORDERINGS, Op.EQUALS, Op.IN):
        for value in compare.values:
            try:
                read_time(value, now_us=now_us)
            except InvalidTime as error:
                raise InvalidQueryParameter("q", str(error)) from None


class _Compiler(FilterCompiler):
    """Compiles filters for a WHERE without a SELECT beneath it, which would give what stands at a path a name.

    A list of one value does: what its lambda names several times is read from the event once.
    """

    def __init__(self, bindings: Bindings, now_us: int) -> None:
        super().__init__(bindings, lambda path: operand_at(path, bindings.bind), now_us)
        self._of_found = FilterCompiler(bindings, lambda path: Operand(Kind.JSON, "found"), now_us)

    def comparison(self, compare: Compare) -> str:
        """Return a comparison as one expression."""
        read = operand_at(compare.path, self.bind)
        if read.kind is not Kind.JSON or compare.op is Op.EXISTS:
            return super().comparison(compare)
        return f"list_transform([{read.sql}], lambda found: {self._of_found.comparison(compare)})[1]"
