"""A query as SQL statements over a relation of events: its groups, the others beyond them, its series, its events.

relation ─▶ named: the time frame, and what stands at each path, under a short name, from all parts of the relation
         ─▶ matched: what the filters let through, with the keys of its groups
         ─▶ groups, others, series, or the events
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from events.lake.columns import EVENT_COLUMNS
from events.lake.conditions import Conditions
from events.lake.promoted import Part, Promoted, once
from events.query.calculations import COUNTS, SUMMED, Column, Frame, calculate
from events.query.filters import FilterCompiler
from events.query.groups import Group, group_of
from events.query.model import Order, Query, comparisons
from events.query.paths import COLUMNS, named_operand, operand_at, promoted_operand_at
from events.query.series import Buckets
from events.query.sql import Bindings, all_of
from events.query.values import Kind, Operand, Split

BUCKETED, GROUPED, FIRST = "temp.main.bucketed", "temp.main.grouped", "temp.main.first"
FEW_VALUES = {"dataset", "namespace", "service", "level"}  # as a rule
EVENT_FIELDS = ", ".join(f"epoch_us({name})" if name.endswith("_time") else name for name in EVENT_COLUMNS)


class Relation(Protocol):
    """Events to ask, in parts that differ in which paths are columns."""

    @property
    def kinds(self) -> Mapping[str, str]:
        """The kinds of columns (see events.lake.promoted) by path, for paths that are some in any of the parts."""

    def parts(self, paths: Collection[str]) -> Sequence[Part]:
        """Return the events for a statement that asks for these paths: SELECTs of EVENT_COLUMNS and `dataset`."""


@dataclass(slots=True)
class Statement:
    """SQL with its values; `columns` says what the calculations in it give."""

    sql: str
    parameters: Sequence[object]
    columns: Sequence[Column] = ()


def is_bucketed(query: Query) -> bool:
    """Tell whether events are counted by bucket first: their groups are sums of these. Only if that makes few rows."""
    counts = all(one.op in COUNTS for one in query.calculations)
    return query.granularity_us is not None and counts and FEW_VALUES.issuperset(query.group_by)


def bucketed_statement(query: Query, relation: Relation, buckets: Buckets, *, more: bool = False) -> Statement:
    """Return what makes BUCKETED, or puts more into it: the groups' keys, bucket, and c0… (numbers of events)."""
    source = _Source(query, relation)
    columns = source.calculations(Frame("t", "id", "1"))
    keys = [*source.keys(), "bucket"]
    counted = ", ".join(f"{column.sql} AS c{n}" for n, column in enumerate(columns))
    matched = f"SELECT *, {buckets.index_sql('t')} AS bucket FROM ({source.matched()})"
    counts = f"SELECT {', '.join(keys)}, {counted} FROM ({matched}) GROUP BY {', '.join(keys)}"
    make = f"INSERT INTO {BUCKETED}" if more else f"CREATE OR REPLACE TEMP TABLE {BUCKETED} AS"
    return Statement(f"{make} {counts}", source.bindings.values, columns)


def groups_statement(query: Query, relation: Relation, approximate: frozenset[str] = frozenset()) -> Statement:
    """Return what makes GROUPED: all groups, with their keys and aggregates, and c0… (calculations)."""
    source = _Source(query, relation)
    keys = source.keys()
    selected = keys + [aggregate for group in source.groups() for aggregate in group.aggregates]
    if is_bucketed(query):
        columns, events = _sums(query), BUCKETED
    else:
        columns = source.calculations(Frame("t", "id", _seconds(query), approximate))
        events = f"({source.matched()})"
    selected += [f"{column.sql} AS c{n}" for n, column in enumerate(columns)]
    groups = f"SELECT {', '.join(selected)} FROM {events}" + (f" GROUP BY {', '.join(keys)}" if keys else "")
    names = _calculated(query, columns)
    having = FilterCompiler(source.bindings, names.__getitem__, query.now_us).condition(query.having)
    sql = f"CREATE OR REPLACE TEMP TABLE {GROUPED} AS SELECT * FROM ({groups}) WHERE {having}"
    return Statement(sql, source.bindings.values, columns)


def first_statement(query: Query, relation: Relation, columns: Sequence[Column]) -> Statement:
    """Return what makes FIRST of GROUPED: place in the order asked for, s0… (groups as shown), c0….

    To sort all groups by texts would take as long as to make them.
    """
    groups = _Source(query, relation).groups()
    names = _calculated(query, columns)
    names |= {path: Operand(Kind.JSON, group.shown) for path, group in zip(query.group_by, groups, strict=True)}
    orders = query.order_by or (Order(query.calculations[0].name, descending=True),)
    by = [term for order in orders for term in _group_terms(names[order.by], order)]
    order = f"ORDER BY {', '.join([*by, *(group.text for group in groups)])}"
    selected = ["*", "rowid AS number", *(f"{group.shown} AS s{n}" for n, group in enumerate(groups))]
    first = f"SELECT {', '.join(selected)} FROM {GROUPED} {order} LIMIT {query.limit}"
    placed = f"SELECT row_number() OVER ({order}) AS place, * FROM ({first})"
    return Statement(f"CREATE OR REPLACE TEMP TABLE {FIRST} AS {placed}", [])


def others_statement(query: Query, relation: Relation, approximate: frozenset[str] = frozenset()) -> Statement:
    """Return what calculates the events of all groups beyond the limit: of the groups' own values where these do."""
    others = f"(SELECT * FROM {GROUPED} WHERE rowid NOT IN (SELECT number FROM {FIRST}))"
    if all(one.op in SUMMED for one in query.calculations):
        selected = ", ".join(f"sum(c{n})" for n in range(len(query.calculations)))
        columns = [Column("", Kind.NUMBER)] * len(query.calculations)
        return Statement(f"SELECT {selected} FROM {others}", [], columns)
    source = _Source(query, relation)
    columns = source.calculations(Frame("t", "id", _seconds(query), approximate))
    selected = ", ".join(column.sql for column in columns)
    return Statement(f"SELECT {selected} FROM {source.in_groups(others)}", source.bindings.values, columns)


def series_statement(
    query: Query, relation: Relation, buckets: Buckets, approximate: frozenset[str] = frozenset()
) -> Statement:
    """Return what calculates each bucket of each group: rows of place, number of the bucket, and values.

    A rate is given as the number of events: each bucket has its own length.
    """
    source = _Source(query, relation)
    columns = source.calculations(Frame("t", "id", "1", approximate))
    if is_bucketed(query):
        counts = ", ".join(f"counted.c{n}" for n in range(len(columns)))
        sql = f"SELECT place, bucket, {counts} FROM {source.joined(f'{BUCKETED} AS counted', FIRST)}"
        return Statement(sql, [], columns)
    selected = ", ".join(column.sql for column in columns)
    sql = (
        f"SELECT place, {buckets.index_sql('t')} AS bucket, {selected}"
        f" FROM {source.in_groups(FIRST)} GROUP BY place, bucket"
    )
    return Statement(sql, source.bindings.values, columns)


def events_statement(query: Query, relation: Relation) -> Statement:
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


def matched_statement(query: Query, relation: Relation) -> Statement:
    """Return what finds all events that match, in no order: all their columns, and `t`, their time in microseconds."""
    source = _Source(query, relation, whole=True)
    return Statement(source.matched(), source.bindings.values)


def json_paths(query: Query) -> set[str]:
    """Return the paths into events' JSON that a query asks for."""
    paths = {*query.group_by, *(one.path for one in query.calculations if one.path)}
    paths |= {one.path for one in comparisons(query.filter)}
    paths |= set() if query.calculations else {one.by for one in query.order_by}
    return paths - COLUMNS.keys()


def time_frame(query: Query) -> Conditions:
    """Return the condition that an event lies in the time frame."""
    conditions = Conditions()
    for comparison, us in ((">=", query.from_us), ("<", query.to_us)):
        conditions.add(f"{time_column(query)} {comparison} make_timestamptz(?)", us)
    return conditions


def time_column(query: Query) -> str:
    """Return the column of the time that the query means."""
    return "received_time" if query.by_receipt else "event_time"


def order_terms(operand: Operand | Split, descending: bool) -> list[str]:
    """Return what to order by so that numbers come by size, texts by their characters, and nothing last."""
    direction = "DESC" if descending else "ASC"
    if isinstance(operand, Split) or operand.kind is Kind.JSON:
        terms = [operand.number(), operand.text()]
    else:
        terms = [operand.sql]
    return [f"{term} {direction} NULLS LAST" for term in terms]


def _group_terms(operand: Operand | Split, order: Order) -> list[str]:
    if order.distance_from is None:
        return order_terms(operand, order.descending)
    distance = Operand(Kind.NUMBER, f"abs({operand.number()} - ({float(order.distance_from)!r}))")
    return order_terms(distance, order.descending)


def _calculated(query: Query, columns: Sequence[Column]) -> dict[str, Operand | Split]:
    """Return the calculations of a group by name."""
    return {
        one.name: Operand(column.kind, f"c{n}")
        for n, (one, column) in enumerate(zip(query.calculations, columns, strict=True))
    }


def _sums(query: Query) -> list[Column]:
    """Return the calculations as sums of BUCKETED's."""
    sums = [f"coalesce(sum(c{n}), 0)::BIGINT" for n in range(len(query.calculations))]
    per = {"count": "", "rate": f" / ({_seconds(query)})"}
    return [Column(f"{total}{per[one.op]}", Kind.NUMBER) for total, one in zip(sums, query.calculations, strict=True)]


def _seconds(query: Query) -> str:
    return repr(query.seconds)


def _added(columns: Iterable[Mapping[str, str]]) -> str:
    return "".join(f", {sql} AS {name}" for some in columns for name, sql in some.items())


class _Source:
    """The events of one statement; `at` gives what stands at a path its short name."""

    def __init__(self, query: Query, relation: Relation, *, whole: bool = False) -> None:
        self.query = query
        self.relation = relation
        self.bindings = Bindings()
        self._whole = whole
        self._named: dict[str, Operand | Split] = {}

    def at(self, path: str) -> Operand | Split:
        """Return what stands at a path."""
        if path not in self._named:
            self._named[path] = named_operand(path, self.relation.kinds.get(path), f"p{len(self._named)}")
        return self._named[path]

    def _read(self, path: str, columns: Mapping[str, Promoted]) -> Operand | Split:
        """Return what stands at a path of the rows of a part with these columns."""
        kind = self.relation.kinds.get(path)
        if kind is None:
            return operand_at(path, self.bindings.bind)
        return promoted_operand_at(path, kind, columns, self.bindings.bind)

    def groups(self) -> list[Group]:
        """Return what events are grouped by."""
        return [group_of(self.at(path), n) for n, path in enumerate(self.query.group_by)]

    def keys(self) -> list[str]:
        """Return the names of all groups' keys."""
        return [key for group in self.groups() for key in group.keys]

    def calculations(self, frame: Frame) -> list[Column]:
        """Return what is calculated."""
        return [
            calculate(one.op, None if one.path is None else self.at(one.path), frame) for one in self.query.calculations
        ]

    def matched(self) -> str:
        """Return the SELECT of the events that match: t, id, p0…, and the groups' keys. To be called last."""
        condition = FilterCompiler(self.bindings, self.at, self.query.now_us).condition(self.query.filter)
        groups = self.groups()
        matched = f"SELECT *{_added(group.prepared for group in groups)} FROM ({self._named_paths()}) WHERE {condition}"
        keys = _added(group.keys for group in groups)
        return f"SELECT *{keys} FROM ({matched})" if keys else matched

    def in_groups(self, groups: str) -> str:
        """Return the matched events joined with some of the groups."""
        return self.joined(f"({self.matched()}) AS matched", groups)

    def joined(self, keyed: str, groups: str) -> str:
        """Return rows with the groups' keys joined with some of the groups."""
        keyed_name = keyed.rpartition(" ")[2]
        same = [f"{keyed_name}.{key} IS NOT DISTINCT FROM groups.{key}" for key in self.keys()]
        return f"{keyed} JOIN {groups} AS groups ON {all_of(same)}"

    def _named_paths(self) -> str:
        bind = self.bindings.bind
        time = time_column(self.query)
        within = (
            f"{time} >= make_timestamptz({bind(self.query.from_us)})"
            f" AND {time} < make_timestamptz({bind(self.query.to_us)})"
        )
        parts = (
            f"SELECT {', '.join(self._named_columns(part))} FROM ({part.sql}) WHERE {within}"
            for part in self.relation.parts(self._named)
        )
        return " UNION ALL ".join(parts)

    def _named_columns(self, part: Part) -> list[str]:
        """Return the columns of a part's rows: their own, those that are asked for, or all, and what is named."""
        own = ["dataset", *EVENT_COLUMNS] if self._whole else ["id", "event"]
        time = f"epoch_us({time_column(self.query)}) AS t"
        return [*own, time, *(name for path in self._named for name in self._named_at(path, part.columns))]

    def _named_at(self, path: str, columns: Mapping[str, Promoted]) -> list[str]:
        named, read = self._named[path].expressions(), self._read(path, columns).expressions()
        is_parsed = path not in columns
        return [
            f"{once(found.sql) if is_parsed and found.kind is Kind.JSON else found.sql} AS {name.sql}"
            for name, found in zip(named, read, strict=True)
        ]
