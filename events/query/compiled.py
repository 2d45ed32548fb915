"""A query as SQL statements over a relation of events: its groups, the others beyond them, its series, its events.

relation ─▶ named: the time frame, and what stands at each path, under a short name
         ─▶ matched: what the filters let through, with the keys of its groups
         ─▶ groups, others, series, or the events
"""

from collections.abc import Sequence
from dataclasses import dataclass

from events.lake.columns import EVENT_COLUMNS
from events.lake.conditions import Conditions
from events.query.calculations import SUMMED, Column, Frame, calculate
from events.query.filters import FilterCompiler
from events.query.model import Order, Query
from events.query.paths import operand_at
from events.query.series import Buckets
from events.query.sql import Bindings
from events.query.values import Kind, Operand

GROUPED = "temp.main.grouped"
EVENT_FIELDS = ", ".join(f"epoch_us({name})" if name.endswith("_time") else name for name in EVENT_COLUMNS)


@dataclass(slots=True)
class Statement:
    """SQL with its values; `columns` says what the calculations in it give."""

    sql: str
    parameters: Sequence[object]
    columns: Sequence[Column] = ()


def groups_statement(query: Query, relation: str, approximate: frozenset[str] = frozenset()) -> Statement:
    """Return what makes GROUPED: place in the order asked for, k0… (keys), s0… (keys as shown), c0… (calculations)."""
    source = _Source(query, relation)
    frame = Frame("t", "id", _seconds(query), approximate)
    columns = source.calculations(frame)
    selected = [f"k{n}, {_shown_group(path, f'k{n}')} AS s{n}" for n, path in enumerate(source.groups())]
    selected += [f"{column.sql} AS c{n}" for n, column in enumerate(columns)]
    keys = ", ".join(f"k{n}" for n in range(len(query.group_by)))
    groups = f"SELECT {', '.join(selected)} FROM ({source.matched()})" + (f" GROUP BY {keys}" if keys else "")
    names = {
        one.name: Operand(column.kind, f"c{n}")
        for n, (one, column) in enumerate(zip(query.calculations, columns, strict=True))
    }
    having = FilterCompiler(source.bindings, names.__getitem__, query.now_us).condition(query.having)
    names |= {path: Operand(Kind.JSON, f"s{n}") for n, path in enumerate(query.group_by)}
    orders = query.order_by or (Order(query.calculations[0].name, descending=True),)
    by = [term for order in orders for term in order_terms(names[order.by], order.descending)]
    by += [f"k{n}" for n in range(len(query.group_by))]
    placed = f"SELECT row_number() OVER (ORDER BY {', '.join(by)}) AS place, * FROM ({groups}) WHERE {having}"
    return Statement(f"CREATE OR REPLACE TEMP TABLE {GROUPED} AS {placed}", source.bindings.values, columns)


def others_statement(query: Query, relation: str, approximate: frozenset[str] = frozenset()) -> Statement:
    """Return what calculates the events of all groups beyond the limit: of the groups' own values where these do."""
    if all(one.op in SUMMED for one in query.calculations):
        selected = ", ".join(f"sum(c{n})" for n in range(len(query.calculations)))
        columns = [Column("", Kind.NUMBER)] * len(query.calculations)
        return Statement(f"SELECT {selected} FROM {GROUPED} WHERE place > {query.limit}", [], columns)
    source = _Source(query, relation)
    columns = source.calculations(Frame("t", "id", _seconds(query), approximate))
    selected = ", ".join(column.sql for column in columns)
    sql = f"SELECT {selected} FROM {source.in_groups()} WHERE place > {query.limit}"
    return Statement(sql, source.bindings.values, columns)


def series_statement(
    query: Query, relation: str, buckets: Buckets, approximate: frozenset[str] = frozenset()
) -> Statement:
    """Return what calculates each bucket of each group: rows of place, number of the bucket, and values.

    A rate is given as the number of events: each bucket has its own length.
    """
    source = _Source(query, relation)
    columns = source.calculations(Frame("t", "id", "1", approximate))
    selected = ", ".join(column.sql for column in columns)
    sql = (
        f"SELECT place, {buckets.index_sql('t')} AS bucket, {selected} FROM {source.in_groups()}"
        f" WHERE place <= {query.limit} GROUP BY place, bucket"
    )
    return Statement(sql, source.bindings.values, columns)


def events_statement(query: Query, relation: str) -> Statement:
    """Return what finds the events themselves: rows of time, dataset, and the columns as query.event_row takes them."""
    source = _Source(query, relation, whole=True)
    bind = source.bindings.bind
    by = [term for order in query.order_by for term in order_terms(source.at(order.by), order.descending)]
    where = ""
    if query.before:
        time, id = bind(query.before.time_us), bind(query.before.id)
        where = f" WHERE (t < {time} OR (t = {time} AND id < {id}::UUID))"
    order = ", ".join([*by, "t DESC", "id DESC"])
    matched = source.matched()
    sql = f"SELECT t, dataset, {EVENT_FIELDS} FROM ({matched}){where} ORDER BY {order} LIMIT {query.limit}"
    return Statement(sql, source.bindings.values)


def matched_statement(query: Query, relation: str) -> Statement:
    """Return what finds all events that match, in no order: all their columns, and `t`, their time in microseconds."""
    source = _Source(query, relation, whole=True)
    return Statement(source.matched(), source.bindings.values)


def time_frame(query: Query) -> Conditions:
    """Return the condition that an event lies in the time frame."""
    conditions = Conditions()
    for comparison, us in ((">=", query.from_us), ("<", query.to_us)):
        conditions.add(f"{time_column(query)} {comparison} make_timestamptz(?)", us)
    return conditions


def time_column(query: Query) -> str:
    """Return the column of the time that the query means."""
    return "received_time" if query.by_receipt else "event_time"


def order_terms(operand: Operand, descending: bool) -> list[str]:
    """Return what to order by so that numbers come by size, texts by their characters, and nothing last."""
    direction = "DESC" if descending else "ASC"
    terms = [operand.number(), operand.text()] if operand.kind is Kind.JSON else [operand.sql]
    return [f"{term} {direction} NULLS LAST" for term in terms]


def _shown_group(path: Operand, key: str) -> str:
    """Return a group's key as JSON. Of a number and a text that says the same, the number is shown."""
    if path.kind in (Kind.JSON, Kind.NUMBER):
        return Operand(path.kind, f"max({path.sql})").json()
    return f"to_json({key})::VARCHAR"


def _seconds(query: Query) -> str:
    return repr(query.seconds)


def _once(name: Operand, sql: str) -> str:
    """Return what reads a value so that DuckDB does it once a row: it would repeat it in every filter on the name."""
    return f"CASE WHEN random() < 2 THEN {sql} END" if name.kind is Kind.JSON else sql


class _Source:
    """The events of one statement; `at` gives what stands at a path its short name."""

    def __init__(self, query: Query, relation: str, *, whole: bool = False) -> None:
        self.query = query
        self.relation = relation
        self.bindings = Bindings()
        self._whole = whole
        self._named: dict[str, tuple[Operand, str]] = {}

    def at(self, path: str) -> Operand:
        """Return what stands at a path."""
        if path not in self._named:
            read = operand_at(path, self.bindings.bind)
            self._named[path] = (Operand(read.kind, f"p{len(self._named)}"), read.sql)
        return self._named[path][0]

    def groups(self) -> list[Operand]:
        """Return what events are grouped by."""
        return [self.at(path) for path in self.query.group_by]

    def calculations(self, frame: Frame) -> list[Column]:
        """Return what is calculated."""
        return [
            calculate(one.op, None if one.path is None else self.at(one.path), frame) for one in self.query.calculations
        ]

    def matched(self) -> str:
        """Return the SELECT of the events that match: t, id, p0…, and k0… for the groups. To be called last."""
        condition = FilterCompiler(self.bindings, self.at, self.query.now_us).condition(self.query.filter)
        keys = "".join(f", {path.key()} AS k{n}" for n, path in enumerate(self.groups()))
        return f"SELECT *{keys} FROM ({self._named_paths()}) WHERE {condition}"

    def in_groups(self) -> str:
        """Return the matched events joined with their groups."""
        matched = self.matched()
        if not self.query.group_by:
            return f"({matched}), {GROUPED}"
        same = " AND ".join(
            f"matched.k{n} IS NOT DISTINCT FROM {GROUPED}.k{n}" for n in range(len(self.query.group_by))
        )
        return f"({matched}) AS matched JOIN {GROUPED} ON {same}"

    def _named_paths(self) -> str:
        time = time_column(self.query)
        columns = ["*"] if self._whole else ["id", "event"]
        columns += [
            f"epoch_us({time}) AS t",
            *(f"{_once(name, sql)} AS {name.sql}" for name, sql in self._named.values()),
        ]
        bind = self.bindings.bind
        within = (
            f"{time} >= make_timestamptz({bind(self.query.from_us)})"
            f" AND {time} < make_timestamptz({bind(self.query.to_us)})"
        )
        return f"SELECT {', '.join(columns)} FROM ({self.relation}) WHERE {within}"
