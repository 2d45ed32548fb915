"""Read the JSON of a query: check everything, and report every problem at once, each with its place."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from eventlane.json_pointer import escape
from eventlane.names import is_name
from eventlane.wire.errors import ApiError, InvalidRequestBody, Problem
from events.query import model, times
from events.query.calculations import COUNTS, OPERATIONS
from events.query.model import Calculation, Compare, Filter, Not, Op, Order, Place, Query, comparisons
from events.query.numbers import number_of
from events.query.paths import TIME_COLUMNS, check_path
from events.query.search import MAX_LENGTH, InvalidSearch, expression_problem, parse_search
from events.query.series import InvalidGranularity, auto_granularity, make_buckets

MAX_DATASETS, MAX_GROUP_BY, MAX_CALCULATIONS, MAX_ORDERS = 20, 5, 50, 10
MAX_ROWS = 1000
DEFAULT_GROUPS, DEFAULT_EVENTS = 10, 100
MAX_FILTERS, MAX_DEPTH, MAX_VALUES = 100, 10, 1000
MAX_NAME = 200
MAX_TEXT = MAX_LENGTH  # characters of a value, as of a whole search line
MEMBERS = (
    *("datasets", "from", "to", "time", "q", "filters", "calculations", "group_by", "having", "order_by", "limit"),
    *("others", "granularity", "time_zone", "before"),
)
# By the word for it: the comparison, and whether it is negated.
OPS: dict[str, tuple[Op, bool]] = {
    **{op.value: (op, False) for op in Op},
    "!=": (Op.EQUALS, True),
    **{f"not_{op.value}": (op, True) for op in (Op.IN, Op.CONTAINS, Op.LIKE, Op.MATCHES, Op.EXISTS)},
    "INCLUDES": (Op.CONTAINS, False),
    "DOES_NOT_INCLUDE": (Op.CONTAINS, True),
    "MATCH_REGEX": (Op.MATCHES, False),
    "DOES_NOT_EXIST": (Op.EXISTS, True),
    **{op.value.upper(): (op, False) for op in (Op.IN, Op.STARTS_WITH, Op.LIKE, Op.EXISTS)},
    **{f"NOT_{op.value.upper()}": (op, True) for op in (Op.IN, Op.LIKE)},
}
_PLACE = re.compile(r"(-?[0-9]{1,18})\.([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.ASCII)

Json = Any


class InvalidSearchLine(ApiError):
    """The search line can't be understood."""

    status, code = 400, "invalid_search"

    def __init__(self, error: InvalidSearch) -> None:
        super().__init__(f"Invalid search: {error}.", data={"position": error.position, "expected": error.expected})
        self.search = error


def read_query(body: Json, *, now_us: int) -> Query:
    """Return the query of a body; raise InvalidRequestBody with every problem, or InvalidSearchLine."""
    if not isinstance(body, Mapping):
        raise InvalidRequestBody([Problem("", "must be a JSON object")])
    reader = _Reader(body, now_us)
    query = reader.query()
    if reader.search_error and not reader.problems:
        raise InvalidSearchLine(reader.search_error)
    if reader.search_error:
        reader.problem("/q", str(reader.search_error))
    if reader.problems:
        raise InvalidRequestBody(reader.problems)
    return query


def query_problems(body: Json, *, now_us: int) -> list[Problem]:
    """Return every problem of a body, that of its search line at /q."""
    try:
        read_query(body, now_us=now_us)
    except InvalidSearchLine as error:
        return [Problem("/q", str(error.search))]
    except InvalidRequestBody as error:
        return [Problem(**problem) for problem in error.data["jsv_errors"]]
    return []


def show_place(place: Place) -> str:
    """Return the cursor for what is older than a place; `read_place` reads it."""
    return f"{place.time_us}.{place.id}"


def read_place(cursor: object) -> Place | None:
    """Return the place of a cursor, if it is one."""
    match = _PLACE.fullmatch(cursor) if isinstance(cursor, str) else None
    return Place(int(match[1]), str(UUID(match[2]))) if match else None


@dataclass
class _Reader:
    """Reads one body, and collects its problems. A null member is an absent one."""

    body: Mapping[str, Json]
    now_us: int
    problems: list[Problem] = field(default_factory=list)
    search_error: InvalidSearch | None = None
    filters_seen: int = 0

    def query(self) -> Query:
        self.members("", self.body, MEMBERS)
        zone = self.zone()
        from_us, to_us = self.time_frame(zone)
        calculations = self.calculations()
        group_by = self.group_by(calculations)
        granularity = self.granularity(from_us, to_us, zone, calculations)
        order_by = self.order_by(calculations, group_by)
        return Query(
            datasets=self.datasets(),
            from_us=from_us,
            to_us=to_us,
            now_us=self.now_us,
            by_receipt=self.choice("time", ("event", "received"), "event") == "received",
            filter=model.All((*self.search(), *self.filter_list("filters", check_path))),
            calculations=calculations,
            group_by=group_by,
            having=model.All(self.having(calculations)),
            order_by=order_by,
            limit=self.limit(DEFAULT_GROUPS if calculations else DEFAULT_EVENTS),
            others=self.boolean("others", True),
            granularity_us=granularity,
            zone=zone,
            before=self.before(calculations, order_by),
        )

    # Problems

    def problem(self, pointer: str, reason: str) -> None:
        self.problems.append(Problem(pointer, reason))

    def members(self, pointer: str, value: Mapping[str, Json], known: Sequence[str]) -> None:
        """Report the members that nobody knows."""
        for name in value:
            if name not in known:
                self.problem(f"{pointer}/{escape(name[:100])}", f"unknown member; there is {', '.join(known)}")

    # Members of the query

    def given(self, name: str) -> Json:
        return self.body.get(name)

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self.given(name)
        if value is None:
            return default
        if value not in choices:
            self.problem(f"/{name}", f"must be {' or '.join(choices)}")
            return default
        return str(value)

    def boolean(self, name: str, default: bool) -> bool:
        value = self.given(name)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.problem(f"/{name}", "must be true or false")
        return default

    def elements(self, pointer: str, value: Json, most: int) -> Sequence[tuple[str, Json]]:
        """Return the elements of a list, each with its place; none where it is no list, or has too many."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.problem(pointer, "must be a list")
        elif len(value) > most:
            self.problem(pointer, f"has more than {most} elements")
        else:
            return [(f"{pointer}/{index}", element) for index, element in enumerate(value)]
        return []

    def datasets(self) -> tuple[str, ...]:
        value = self.given("datasets")
        if value is None:
            self.problem("", "member 'datasets' is missing")
        elif value == []:
            self.problem("/datasets", "must name a dataset at least")
        names = []
        for pointer, name in self.elements("/datasets", value, MAX_DATASETS):
            if isinstance(name, str) and is_name(name):
                names.append(name)
            else:
                self.problem(pointer, "must be the name of a dataset")
        return tuple(dict.fromkeys(names))

    def zone(self) -> ZoneInfo:
        value = self.given("time_zone")
        if value is None:
            return model.UTC
        try:
            return times.read_zone(value)
        except times.InvalidTime as error:
            self.problem("/time_zone", str(error))
            return model.UTC

    def time_frame(self, zone: ZoneInfo) -> tuple[int, int]:
        from_us, to_us = self.time("from", "1h", zone), self.time("to", "now", zone)
        if from_us is None or to_us is None:
            return self.now_us - times.SECOND, self.now_us
        if from_us >= to_us:
            self.problem("/from", "must be before `to`")
            return to_us - times.SECOND, to_us
        return from_us, to_us

    def time(self, name: str, default: str, zone: ZoneInfo) -> int | None:
        value = self.given(name)
        try:
            return times.read_time(default if value is None else value, now_us=self.now_us, zone=zone)
        except times.InvalidTime as error:
            self.problem(f"/{name}", str(error))
            return None

    def search(self) -> Iterator[Filter]:
        value = self.given("q")
        if value is None:
            return
        if not isinstance(value, str):
            self.problem("/q", "must be a string")
            return
        try:
            found = parse_search(value)
        except InvalidSearch as error:
            self.search_error = error
            return
        self.check_times("/q", found)
        yield found

    def check_times(self, pointer: str, found: Filter) -> None:
        """Report what a search line compares a time with that is none."""
        for compare in comparisons(found):
            self.time_values(pointer, compare)

    def limit(self, default: int) -> int:
        value = self.given("limit")
        if value is None:
            return default
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_ROWS:
            self.problem("/limit", f"must be a whole number from 1 to {MAX_ROWS}")
            return default
        return value

    def granularity(self, from_us: int, to_us: int, zone: ZoneInfo, calculations: Sequence[Calculation]) -> int | None:
        value = self.given("granularity")
        if value is None:
            return None
        if not calculations:
            self.problem("/granularity", "a series needs calculations, like count")
        try:
            width = auto_granularity(from_us, to_us) if value == "auto" else times.read_duration(value)
            make_buckets(width, from_us, to_us, zone)
        except (times.InvalidTime, InvalidGranularity) as error:
            self.problem("/granularity", str(error))
            return None
        return width

    def before(self, calculations: Sequence[Calculation], order_by: Sequence[Order]) -> Place | None:
        value = self.given("before")
        if value is None:
            return None
        place = read_place(value)
        if place is None:
            self.problem("/before", "must be the `before` of an earlier answer")
            return None
        if calculations or order_by:
            self.problem("/before", "goes on only with events in their own order: without calculations and order_by")
        return place

    # Calculations, groups, order

    def calculations(self) -> tuple[Calculation, ...]:
        found: list[Calculation] = []
        for pointer, value in self.elements("/calculations", self.given("calculations"), MAX_CALCULATIONS):
            calculation = self.calculation(pointer, value)
            if calculation is None:
                continue
            if calculation.name in [other.name for other in found]:
                self.problem(pointer, f"another calculation is called {calculation.name!r}; give it an alias")
            found.append(calculation)
        return tuple(found)

    def calculation(self, pointer: str, value: Json) -> Calculation | None:
        if not isinstance(value, Mapping):
            self.problem(pointer, 'must be an object like {"op": "p95", "path": "duration"}')
            return None
        before = len(self.problems)
        self.members(pointer, value, ("op", "path", "alias"))
        op = self.operation(pointer, value.get("op"))
        path = value.get("path")
        if path is not None:
            path = self.path(f"{pointer}/path", path)
        elif op and op not in COUNTS:
            self.problem(pointer, f"member 'path' is missing: {op} needs one")
        alias = value.get("alias")
        if alias is not None and not (isinstance(alias, str) and 0 < len(alias) <= MAX_NAME):
            self.problem(f"{pointer}/alias", f"must be a text of 1 to {MAX_NAME} characters")
        if len(self.problems) > before or op is None:
            return None
        return Calculation(op, path, alias or (op if path is None else f"{op}({path})"))

    def operation(self, pointer: str, value: Json) -> str | None:
        if value is None:
            self.problem(pointer, "member 'op' is missing")
            return None
        op = value.lower() if isinstance(value, str) else None
        if op not in OPERATIONS:
            self.problem(f"{pointer}/op", f"must be one of {', '.join(OPERATIONS)}")
            return None
        return op

    def group_by(self, calculations: Sequence[Calculation]) -> tuple[str, ...]:
        paths = []
        for pointer, value in self.elements("/group_by", self.given("group_by"), MAX_GROUP_BY):
            if isinstance(value, Mapping):
                self.members(pointer, value, ("path",))
                if "path" not in value:
                    self.problem(pointer, "member 'path' is missing")
                    continue
                pointer, value = f"{pointer}/path", value["path"]
            path = self.path(pointer, value)
            if path is not None and (path in paths or path in [one.name for one in calculations]):
                self.problem(pointer, f"there is another column {path!r}")
            if path is not None:
                paths.append(path)
        if paths and not self.given("calculations"):
            self.problem("/group_by", "groups need calculations, like count")
        return tuple(paths)

    def order_by(self, calculations: Sequence[Calculation], group_by: Sequence[str]) -> tuple[Order, ...]:
        found = []
        for pointer, value in self.elements("/order_by", self.given("order_by"), MAX_ORDERS):
            order = self.order(pointer, value)
            if order is None:
                continue
            names = [*(one.name for one in calculations), *group_by]
            if self.given("calculations") and order.by not in names:
                self.problem(f"{pointer}/by", "must be the name of a calculation, or a path of group_by")
            elif not self.given("calculations"):
                self.path(f"{pointer}/by", order.by)
            found.append(order)
        return tuple(found)

    def order(self, pointer: str, value: Json) -> Order | None:
        if not isinstance(value, Mapping):
            self.problem(pointer, 'must be an object like {"by": "count", "order": "desc"}')
            return None
        self.members(pointer, value, ("by", "order"))
        by, order = value.get("by"), value.get("order")
        if by is None:
            self.problem(pointer, "member 'by' is missing")
        elif not isinstance(by, str):
            self.problem(f"{pointer}/by", "must be a string")
        if order not in (None, "asc", "desc", "ASC", "DESC"):
            self.problem(f"{pointer}/order", "must be asc or desc")
        return Order(by, str(order).lower() == "desc") if isinstance(by, str) else None

    def having(self, calculations: Sequence[Calculation]) -> tuple[Filter, ...]:
        names = [one.name for one in calculations]

        def check(name: str) -> str | None:
            return None if name in names else "must be the name of a calculation"

        return tuple(self.filter_list("having", check))

    # Filters

    def path(self, pointer: str, value: Json) -> str | None:
        reason = check_path(value) if isinstance(value, str) else "must be a string"
        if reason:
            self.problem(pointer, reason)
        return None if reason else value

    def filter_list(self, name: str, check: Callable[[str], str | None]) -> list[Filter]:
        self.filters_seen = 0
        found = [
            self.filter(pointer, value, 1, check)
            for pointer, value in self.elements(f"/{name}", self.given(name), MAX_FILTERS)
        ]
        if self.filters_seen > MAX_FILTERS:
            self.problem(f"/{name}", f"has more than {MAX_FILTERS} filters in all")
        return [one for one in found if one is not None]

    def filter(self, pointer: str, value: Json, depth: int, check: Callable[[str], str | None]) -> Filter | None:
        self.filters_seen += 1
        if not isinstance(value, Mapping):
            self.problem(pointer, 'must be an object like {"path": "level", "op": "=", "value": "error"}')
            return None
        if depth > MAX_DEPTH:
            self.problem(pointer, f"filters are nested deeper than {MAX_DEPTH} levels")
            return None
        for word, kind in (("and", model.All), ("or", model.Any)):
            if word in value:
                self.members(pointer, value, (word,))
                parts = [
                    self.filter(place, part, depth + 1, check)
                    for place, part in self.elements(f"{pointer}/{word}", value[word], MAX_FILTERS)
                ]
                if value[word] is None:
                    self.problem(f"{pointer}/{word}", "must be a list")
                return kind(tuple(part for part in parts if part is not None))
        if "not" in value:
            self.members(pointer, value, ("not",))
            part = self.filter(f"{pointer}/not", value["not"], depth + 1, check)
            return part and Not(part)
        return self.comparison(pointer, value, check)

    def comparison(self, pointer: str, value: Mapping[str, Json], check: Callable[[str], str | None]) -> Filter | None:
        before = len(self.problems)
        self.members(pointer, value, ("path", "op", "value"))
        path = value.get("path")
        if path is None:
            self.problem(pointer, "member 'path' is missing")
        elif reason := check(path) if isinstance(path, str) else "must be a string":
            self.problem(f"{pointer}/path", reason)
        word = value.get("op")
        found = OPS.get(word) if isinstance(word, str) else None
        if word is None:
            self.problem(pointer, "member 'op' is missing")
        elif found is None:
            self.problem(f"{pointer}/op", f"must be one of {' '.join(OPS)}")
        if found is None or len(self.problems) > before:
            return None
        op, negated = found
        values = self.values(pointer, op, value.get("value"))
        compare = Compare(str(path), op, values)
        self.time_values(f"{pointer}/value", compare)
        return Not(compare) if negated else compare

    def values(self, pointer: str, op: Op, value: Json) -> tuple[model.Value, ...]:
        if op is Op.EXISTS:
            if value is not None:
                self.problem(f"{pointer}/value", "exists and not_exists take no value")
            return ()
        if value is None:
            self.problem(pointer, f"member 'value' is missing: {op.value} needs one")
            return ()
        place = f"{pointer}/value"
        if op is not Op.IN:
            return self.value(place, op, value)
        if value == []:
            self.problem(place, "must hold a value at least")
        return tuple(
            found for where, one in self.elements(place, value, MAX_VALUES) for found in self.value(where, op, one)
        )

    def value(self, pointer: str, op: Op, value: Json) -> tuple[model.Value, ...]:
        """Return the one value, or none where it is not what the comparison takes."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            if not isinstance(value, bool):
                self.problem(pointer, "must be a string, a number, true or false")
                return ()
        elif not isinstance(value, str) and number_of(value) is None:
            self.problem(pointer, "the number is too large")
            return ()
        elif isinstance(value, str) and len(value) > MAX_TEXT:
            self.problem(pointer, f"has more than {MAX_TEXT:,} characters")
            return ()
        if op is Op.MATCHES and (reason := expression_problem(str(value))):
            self.problem(pointer, f"is no regular expression: {reason}")
            return ()
        return (value,)

    def time_values(self, pointer: str, compare: Compare) -> None:
        """Report values that a time is compared with and that are no times."""
        if compare.path not in TIME_COLUMNS or compare.op not in (*model.ORDERINGS, Op.EQUALS, Op.IN):
            return
        for value in compare.values:
            try:
                times.read_time(value, now_us=self.now_us)
            except times.InvalidTime as error:
                self.problem(pointer, str(error))
