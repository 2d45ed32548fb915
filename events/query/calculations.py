"""What can be calculated of the events of a group, as SQL, and what an empty bucket of a series has."""

from collections.abc import Callable
from dataclasses import dataclass

from events.query.values import Kind, Operand, Split

PERCENTILES = {
    "median": 0.5,
    "p001": 0.001,
    "p01": 0.01,
    "p05": 0.05,
    "p10": 0.1,
    "p25": 0.25,
    "p50": 0.5,
    "p75": 0.75,
    "p90": 0.9,
    "p95": 0.95,
    "p99": 0.99,
    "p999": 0.999,
}
COUNTS = ("count", "rate")  # a path is optional
ZERO_WHEN_EMPTY = ("count", "sum", "rate")  # in a series; everything else is null there
SUMMED = ("count", "sum", "rate")  # those of several groups together are the sum of each group's
# Beyond it the square of a number is too large for a float, and DuckDB's variance an error.
_SQUARABLE = "1e150"
# Of every 16 values one is counted, chosen by its hash: of a million values that is off by 0.4 %.
_SAMPLED = 16


@dataclass(frozen=True, slots=True)
class Column:
    """A calculation as SQL; `kind` says what it gives: a number, or JSON text."""

    sql: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Frame:
    """What calculations need to know besides the value: columns of time and id, how long the time is, what may be off.

    `seconds` is SQL, as in a series it depends on the bucket.
    """

    time: str
    id: str
    seconds: str
    approximate: frozenset[str] = frozenset()


def calculate(op: str, operand: Operand | Split | None, frame: Frame) -> Column:
    """Return a calculation of `operand`; without one of the events themselves."""
    if operand is None:
        count = Column("count(*)", Kind.NUMBER)
        return count if op == "count" else Column(f"count(*) / ({frame.seconds})", Kind.NUMBER)
    if op in PERCENTILES:
        function = "approx_quantile" if op in frame.approximate else "quantile_cont"  # the latter between two values
        return Column(f"{function}({operand.number()}, {PERCENTILES[op]})", Kind.NUMBER)
    return OPERATIONS[op](operand, frame)


def _number(template: str) -> "Calculate":
    """Return a calculation of numbers."""

    def calculate(operand: Operand | Split, frame: Frame) -> Column:
        return Column(template.format(number=operand.number(), squarable=_SQUARABLE), Kind.NUMBER)

    return calculate


def _count(operand: Operand | Split, frame: Frame) -> Column:
    return Column(_count_of(operand), Kind.NUMBER)


def _count_of(operand: Operand | Split) -> str:
    return f"count(CASE WHEN {operand.present()} THEN 1 END)"


def _rate(operand: Operand | Split, frame: Frame) -> Column:
    return Column(f"{_count_of(operand)} / ({frame.seconds})", Kind.NUMBER)


def _count_distinct(operand: Operand | Split, frame: Frame) -> Column:
    key = operand.key()
    if "count_distinct" in frame.approximate:
        return Column(
            f"{_SAMPLED} * count(DISTINCT CASE WHEN hash({key}) % {_SAMPLED} = 0 THEN {key} END)", Kind.NUMBER
        )
    return Column(f"count(DISTINCT {key})", Kind.NUMBER)


def _extreme(function: str) -> "Calculate":
    """Return min or max: of numbers if there are any, by their digits where floats are equal; else of texts."""

    def calculate(operand: Operand | Split, frame: Frame) -> Column:
        if isinstance(operand, Operand) and operand.kind is Kind.NUMBER:
            return Column(f"{function}({operand.sql})", Kind.NUMBER)
        text = f"to_json({function}({operand.only_text()}))::VARCHAR"
        if operand.kind in (Kind.TIME, Kind.ID):
            return Column(text, Kind.JSON)
        value = f"{{'n': {operand.number()}, 'd': {operand.digits()}}}"
        numbers = f"{function}(CASE WHEN {operand.number()} IS NOT NULL THEN {value} END)"
        number = f"coalesce(({numbers}).d::VARCHAR, to_json(({numbers}).n)::VARCHAR)"
        return Column(f"coalesce({number}, {text})", Kind.JSON)

    return calculate


def _at_end(function: str) -> "Calculate":
    """Return the first or the last value there is, by time; of those of the same time, by id."""

    def calculate(operand: Operand | Split, frame: Frame) -> Column:
        value = operand.json()
        at = f"CASE WHEN {operand.present()} THEN {{'t': {frame.time}, 'i': {frame.id}}} END"
        return Column(f"{function}({value}, {at})", Kind.JSON)

    return calculate


Calculate = Callable[[Operand | Split, Frame], Column]
OPERATIONS: dict[str, Calculate] = {
    "count": _count,
    "count_distinct": _count_distinct,
    "sum": _number("sum({number})"),
    "avg": _number("avg({number})"),
    "min": _extreme("min"),
    "max": _extreme("max"),
    **{op: _number("") for op in PERCENTILES},
    "stddev": _number("stddev_samp(CASE WHEN abs({number}) < {squarable} THEN {number} END)"),
    "variance": _number("var_samp(CASE WHEN abs({number}) < {squarable} THEN {number} END)"),
    "rate": _rate,
    "first": _at_end("arg_min"),
    "last": _at_end("arg_max"),
}
