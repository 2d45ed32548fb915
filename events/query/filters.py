"""Filters as SQL. Every condition is true or not (false or NULL); only Not has to tell."""

from collections.abc import Callable, Sequence

from events.lake.conditions import holds_text, matches_text
from events.query import model
from events.query.model import Compare, Filter, Holds, Not, Op, Value
from events.query.numbers import Number, number_in, number_of
from events.query.search import expression_of_like
from events.query.sql import Bindings, all_of, any_of
from events.query.times import read_time
from events.query.values import Elements, Kind, Operand, Readable, Split

At = Callable[[str], Operand | Split]
WHOLE = "-?[0-9]+"
FEW_VALUES = 20  # DuckDB plans some ms for each value that stands by itself


class FilterCompiler:
    """Compiles filters on operands: `at` has what stands at a path."""

    def __init__(self, bindings: Bindings, at: At, now_us: int) -> None:
        self.bind = bindings.bind
        self.at = at
        self.now_us = now_us

    def condition(self, found: Filter) -> str:
        """Return a filter as an SQL condition."""
        match found:
            case model.All(parts):
                return all_of([self.condition(part) for part in parts])
            case model.Any(parts):
                return any_of([self.condition(part) for part in parts])
            case Not(part):
                return f"NOT coalesce({self.condition(part)}, false)"
            case Holds(text, is_expression):
                return matches_text(text, self.bind) if is_expression else holds_text(text, self.bind)
            case Compare():
                return self.comparison(found)

    def comparison(self, compare: Compare) -> str:
        """Return a comparison; of an array it holds when it holds for one of the elements."""
        operand = self.at(compare.path)
        if compare.op is Op.EXISTS:
            return operand.present()
        if isinstance(operand, Split):
            typed, rest = self.test(operand.typed, compare), self.elements(operand.rest, compare)
            return f"CASE WHEN {operand.rest.sql} IS NULL THEN {typed} ELSE {rest} END"
        if operand.kind is Kind.TIME and compare.op in (*model.ORDERINGS, Op.EQUALS, Op.IN):
            return self.time(operand, compare)
        if operand.kind is not Kind.JSON:
            return any_of([self.test(operand, compare), *self.levels(operand, compare)])
        return self.elements(operand, compare)

    def elements(self, operand: Operand, compare: Compare) -> str:
        """Return that a comparison holds for JSON or, of an array, for one of the elements."""
        elements = Elements(operand)
        condition = self.test(elements, compare)
        return f"list_bool_or(list_transform({elements.list()}, lambda x: {condition}))"

    def test(self, operand: Readable, compare: Compare) -> str:
        """Return the comparison of a single value."""
        if compare.op in (Op.EQUALS, Op.IN):
            return self.equals(operand, compare.values)
        [value] = compare.values
        if compare.op in model.ORDERINGS:
            return self.ordering(operand, compare.op, value)
        return self.text_test(operand.text(), compare.op, value)

    def text_test(self, text: str, op: Op, value: Value) -> str:
        wanted = text_of(value)
        if op is Op.LIKE and "_" in wanted:  # of which DuckDB tries every place of every %: that may never end
            return f"regexp_full_match({text}, {self.bind(expression_of_like(wanted))})"
        bound = self.bind(wanted)
        if op is Op.LIKE:
            return f"{text} LIKE {bound}"
        function = {Op.MATCHES: "regexp_matches"}.get(op, op.value)
        return f"{function}({text}, {bound})"

    # Equality

    def equals(self, operand: Readable, values: Sequence[Value]) -> str:
        """Return that it equals one of the values.

        Numbers equal numbers, and either of them may stand in text. Text equals text, and the JSON of a number or
        boolean. Whole numbers that a float doesn't hold are told apart by their digits.
        """
        texts: list[str] = []
        anywhere: list[float] = []
        in_numbers: list[float] = []
        rounded: list[float] = []
        for value in values:
            number = number_of_value(value)
            if isinstance(value, str | bool) or (number and number.digits):
                texts.append(text_of(value))
            if number and number.digits:
                rounded.append(number.value)
            elif number:
                (in_numbers if isinstance(value, str) else anywhere).append(number.value)
        found = []
        if texts:
            found.append(self.among(operand.text(), texts))
        if anywhere:
            found.append(self.among(operand.number(), anywhere))
        if in_numbers and operand.is_number() != "false":
            found.append(f"({operand.is_number()} AND {self.among(operand.number(), in_numbers)})")
        if rounded:
            fraction = f"NOT regexp_full_match({operand.text()}, '{WHOLE}')"
            found.append(f"({operand.is_number()} AND {self.among(operand.number(), rounded)} AND {fraction})")
        return any_of(found)

    def among(self, sql: str, values: Sequence[object]) -> str:
        """Return that the expression is one of the values."""
        if len(values) > FEW_VALUES:
            return f"list_contains({self.bind(list(values))}, {sql})"
        bound = [self.bind(value) for value in values]
        return f"{sql} = {bound[0]}" if len(bound) == 1 else f"{sql} IN ({', '.join(bound)})"

    def levels(self, operand: Operand, compare: Compare) -> Sequence[str]:
        """Return that a level equals one of the values whatever their spelling; nothing for what is no level.

        Files of earlier versions have levels as they were sent: `test` finds those.
        """
        if (compare.path, operand.kind) != ("level", Kind.TEXT) or compare.op not in (Op.EQUALS, Op.IN):
            return []
        wanted = self.bind(list(map(text_of, compare.values)))
        levels = f"list_transform({wanted}::VARCHAR[], lambda wanted: level_of(wanted))"
        return [f"list_contains({levels}, {operand.text()})"]

    # Order

    def ordering(self, operand: Readable, op: Op, value: Value) -> str:
        """Return a comparison by number if the value is one, else by text."""
        number = None if isinstance(value, str) else number_of_value(value)
        if number is None:
            return f"{operand.text()} {op.value} {self.bind(text_of(value))}"
        if number.digits is None:
            return f"{operand.number()} {op.value} {self.bind(number.value)}"
        return self.exact_ordering(operand, op, number)

    def exact_ordering(self, operand: Readable, op: Op, number: Number) -> str:
        """Compare by digits where floats are equal: as many digits as there are tell, then the digits themselves."""
        text, value, digits = operand.text(), self.bind(number.value), self.bind(number.digits)
        size = f"len({text}) - len({digits})"
        sign = "-" if number.value < 0 else ""
        by_text = f"CASE WHEN {text} = {digits} THEN 0 WHEN {text} > {digits} THEN 1 ELSE -1 END"
        exactly = f"{sign}(CASE WHEN {size} <> 0 THEN {size} ELSE {by_text} END) {op.value} 0"
        tie = f"CASE WHEN regexp_full_match({text}, '{WHOLE}') THEN {exactly} ELSE 0 {op.value} 0 END"
        return f"CASE WHEN {operand.number()} = {value} THEN {tie} ELSE {operand.number()} {op.value} {value} END"

    # Times

    def time(self, operand: Operand, compare: Compare) -> str:
        """Return a comparison with moments, as body.py has checked them."""
        moments = [f"make_timestamptz({self.bind(read_time(value, now_us=self.now_us))})" for value in compare.values]
        if compare.op in model.ORDERINGS:
            return f"{operand.sql} {compare.op.value} {moments[0]}"
        return f"{operand.sql} IN ({', '.join(moments)})"


def number_of_value(value: Value) -> Number | None:
    """Return the number that a value is, or that stands in its text."""
    if isinstance(value, bool):
        return None
    return number_in(value) if isinstance(value, str) else number_of(value)


def text_of(value: Value) -> str:
    """Return a value as text: the JSON of a number, true or false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)
