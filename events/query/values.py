"""Values of events as SQL: each has a kind, and can be read as text, as a number, or as JSON.

    text    what stands in a string; the JSON of a number, true or false; nothing for objects and arrays
    number  a number, also one that stands in a string (see numbers.py); nothing for all else
    json    the JSON text, which answers show
    key     what groups and distinct values are told apart by: the text, or the JSON of objects and arrays

JSON's null is no value: the path is missing. It may stand in an expression of JSON, as telling it apart there would
read the event twice.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from events.query.numbers import EXACT_BELOW, PATTERN

# First characters of JSON texts, as ascii() has them.
QUOTE, BRACKET, BRACE, NULL, TRUE, FALSE = map(ord, '"[{ntf')
TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class Kind(Enum):
    """What a column, or an expression, holds."""

    JSON = auto()  # JSON text
    TEXT = auto()
    NUMBER = auto()
    JSON_NUMBER = auto()  # a number that JSON writes as number_json() does, see events.lake.promoted
    TIME = auto()
    ID = auto()


@dataclass(frozen=True, slots=True)
class Operand:
    """An expression and what it holds. Give what is long a name in a SELECT first: it is repeated."""

    kind: Kind
    sql: str

    def present(self) -> str:
        """Return that there is a value."""
        return f"{self.sql} <> 'null'" if self.kind is Kind.JSON else f"{self.sql} IS NOT NULL"

    def text(self) -> str:
        """Return its text."""
        return _TEXT[self.kind](self.sql)

    def number(self) -> str:
        """Return it as a DOUBLE."""
        return _NUMBER[self.kind](self.sql)

    def json(self) -> str:
        """Return it as JSON."""
        if self.kind in (Kind.JSON, Kind.JSON_NUMBER):
            return _written(self)
        return f"to_json({_SHOWN[self.kind](self.sql)})::VARCHAR"

    def key(self) -> str:
        """Return what tells it apart from others."""
        if self.kind is Kind.JSON:
            return f"CASE WHEN ascii({self.sql}) IN ({BRACKET}, {BRACE}) THEN {self.sql} ELSE {self.text()} END"
        return self.text()

    def is_number(self) -> str:
        """Return that it is a number and not text with one."""
        if self.kind is Kind.JSON:
            others = f"{QUOTE}, {BRACKET}, {BRACE}, {NULL}, {TRUE}, {FALSE}"
            return f"ascii({self.sql}) NOT IN ({others})"
        return "true" if self.kind in (Kind.NUMBER, Kind.JSON_NUMBER) else "false"

    def digits(self) -> str:
        """Return it as a HUGEINT where it is a whole number; NULL where it isn't, or has too many digits."""
        if self.kind is Kind.JSON_NUMBER:
            return f"CASE WHEN {_is_whole(self.sql)} THEN ({self.sql})::HUGEINT END"
        return f"TRY_CAST(CASE WHEN regexp_full_match({self.text()}, '-?[0-9]+') THEN {self.text()} END AS HUGEINT)"

    def only_text(self) -> str:
        """Return its text where it is text and nothing else."""
        if self.kind is Kind.JSON:
            return f"CASE WHEN starts_with({self.sql}, '\"') THEN {self.text()} END"
        return "NULL::VARCHAR" if self.kind is Kind.JSON_NUMBER else self.text()

    def expressions(self) -> list["Operand"]:
        """Return what it is put together from."""
        return [self]


@dataclass(frozen=True, slots=True)
class Split:
    """JSON in two expressions: where `rest` is NULL, `typed` says it all; otherwise `rest` does. Both NULL is nothing.

    Everything that is asked of it is asked of one of the two, row by row: they say the same in each other's place.
    """

    typed: Operand
    rest: Operand
    kind = Kind.JSON

    def present(self) -> str:
        """Return that there is a value."""
        return f"({self.typed.present()} OR {self.rest.present()})"

    def text(self) -> str:
        """Return its text."""
        return self._one(self.typed.text(), self.rest.text())

    def number(self) -> str:
        """Return it as a DOUBLE."""
        return self._one(self.typed.number(), self.rest.number())

    def json(self) -> str:
        """Return it as JSON."""
        return self._one(self.typed.json(), self.rest.json())

    def key(self) -> str:
        """Return what tells it apart from others."""
        return self._one(self.typed.key(), self.rest.key())

    def is_number(self) -> str:
        """Return that it is a number and not text with one."""
        return self._one(self.typed.is_number(), self.rest.is_number())

    def digits(self) -> str:
        """Return it as a HUGEINT where it is a whole number."""
        return self._one(self.typed.digits(), self.rest.digits())

    def only_text(self) -> str:
        """Return its text where it is text and nothing else."""
        return self._one(self.typed.only_text(), self.rest.only_text())

    def expressions(self) -> list[Operand]:
        """Return what it is put together from."""
        return [self.typed, self.rest]

    def _one(self, typed: str, rest: str) -> str:
        return f"CASE WHEN {self.rest.sql} IS NULL THEN {typed} ELSE {rest} END"


class Readable(Protocol):
    """What can be compared."""

    def text(self) -> str:
        """Return its text."""

    def number(self) -> str:
        """Return it as a DOUBLE."""

    def is_number(self) -> str:
        """Return that it is a number and not text with one."""


class Elements:
    """The elements of an array, or else the one value there is: `x` in a lambda over `list`.

    What is asked of an element is read once and kept in a struct: a comparison repeats it, and every part of an
    expression takes DuckDB time and memory to set up.
    """

    def __init__(self, operand: Operand) -> None:
        self._operand = operand
        self._element = Operand(Kind.JSON, "y")
        self._fields: dict[str, str] = {}

    def text(self) -> str:
        return self._field("t", self._element.text())

    def number(self) -> str:
        return self._field("n", self._element.number())

    def is_number(self) -> str:
        return self._field("k", self._element.is_number())

    def list(self) -> str:
        """Return the list of structs with all that was asked for."""
        json = self._operand.sql
        fields = ", ".join(f"'{name}': {sql}" for name, sql in self._fields.items())
        array = f"CASE WHEN ascii({json}) = {BRACKET} THEN json_extract({json}, '$[*]')::VARCHAR[] ELSE [{json}] END"
        return f"list_transform({array}, lambda y: {{{fields}}})"

    def _field(self, name: str, sql: str) -> str:
        self._fields[name] = sql
        return f"x.{name}"


def number_in_text(text: str) -> str:
    """Return the number that stands in a text."""
    return f"CASE WHEN regexp_full_match({text}, '{PATTERN}') THEN {_finite(f'TRY_CAST({text} AS DOUBLE)')} END"


def _finite(number: str) -> str:
    return f"CASE WHEN isfinite({number}) THEN {number} END"


def _whole(number: str) -> str:
    """Return a DOUBLE's text where it is whole and not too large to be told so; else NULL."""
    return f"CASE WHEN {_is_whole(number)} THEN ({number})::BIGINT::VARCHAR END"


def _is_whole(number: str) -> str:
    return f"abs({number}) < {EXACT_BELOW} AND {number} = trunc({number})"


def _json_text(json: str) -> str:
    fraction = f"coalesce({_whole(f'TRY_CAST({json} AS DOUBLE)')}, {json})"
    return (
        f"CASE ascii({json}) WHEN {QUOTE} THEN json_extract_string({json}, '$')"
        f" WHEN {BRACKET} THEN NULL WHEN {BRACE} THEN NULL WHEN {NULL} THEN NULL"
        f" WHEN {TRUE} THEN {json} WHEN {FALSE} THEN {json}"
        f" ELSE CASE WHEN contains({json}, '.') OR contains({json}, 'e') THEN {fraction} ELSE {json} END END"
    )


def _json_number(json: str) -> str:
    in_text = number_in_text(f"json_extract_string({json}, '$')")
    return (
        f"CASE ascii({json}) WHEN {QUOTE} THEN {in_text}"
        f" WHEN {BRACKET} THEN NULL WHEN {BRACE} THEN NULL WHEN {NULL} THEN NULL WHEN {TRUE} THEN NULL"
        f" WHEN {FALSE} THEN NULL ELSE {_finite(f'TRY_CAST({json} AS DOUBLE)')} END"
    )


def _number_text(number: str) -> str:
    return f"coalesce({_whole(number)}, {number}::VARCHAR)"


def _written(operand: Operand) -> str:
    return operand.sql if operand.kind is Kind.JSON else operand.text()


def _time_text(time: str) -> str:
    return f"strftime({time}, '{TIME_FORMAT}')"


_TEXT = {
    Kind.JSON: _json_text,
    Kind.TEXT: lambda sql: sql,
    Kind.NUMBER: _number_text,
    Kind.JSON_NUMBER: lambda sql: f"number_json({sql})",
    Kind.TIME: _time_text,
    Kind.ID: lambda sql: f"{sql}::VARCHAR",
}
_SHOWN = {**_TEXT, Kind.NUMBER: lambda sql: sql}
_NUMBER = {
    Kind.JSON: _json_number,
    Kind.TEXT: number_in_text,
    Kind.NUMBER: lambda sql: sql,
    Kind.JSON_NUMBER: lambda sql: sql,
    Kind.TIME: lambda sql: "NULL::DOUBLE",
    Kind.ID: lambda sql: "NULL::DOUBLE",
}
