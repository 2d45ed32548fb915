"""Random queries of random events: the compiler and DuckDB say what plain Python says (evaluate.py)."""

import json
import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.lake.promoted import TYPES
from events.query.search import parse_search
from tests.events.query import evaluate
from tests.events.query.evaluate import Event, has_doubled, value_at
from tests.events.query.table import NOW_US, Table
from tests.examples import examples

QUERIES = 300 if examples(1) == 1 else 10_000  # the latter in `make nightly`
BODIES = 5  # for the same events; each asks two queries
BIG = 2**53
COLUMNS = ["level", "message", "duration", "service"]
KEYS = ["a", "b", "a.b", "c", "0", "a/b", "", "é", "level", "message", "duration", "service"]
PATHS = ["a", "b", "a.b", "a.a", "b.a.b", "a.0", "a.1.a", "a.b.c", "c", "/a", "/a~1b", "/a.b", "/", "/level", "é"]
PATHS += ["level", "message", "service", "duration", "0"]
numbers = st.sampled_from([0, 1, -1, 5, 404, 1.0, 1.5, -2.25, 1e3, BIG, BIG + 1, BIG + 2, -BIG - 1, 10**25, 10**25 + 1])
texts = st.sampled_from(
    ["", "1", "1.0", "404", "x", "X", "true", "false", "null", "a%b_", "é", "two words", "\n", '"q"']
)
texts |= st.sampled_from(
    [str(BIG), str(BIG + 1), "1e3", "[1]", "{}", "007", "{DATA_PATH}", "inf", "\\", "error", "z" * 20]
)
scalars = st.one_of(numbers, texts, st.booleans())
leaves = scalars | st.none()


def members(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects as tuples of members: a key may stand twice. Columns get no objects, whose JSON they would hold."""
    own = st.tuples(st.sampled_from([key for key in KEYS if key not in COLUMNS]), values)
    return st.lists(own | st.tuples(st.sampled_from(COLUMNS), leaves), max_size=5).map(tuple)


values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | members(inner), max_leaves=8)
events = st.lists(members(values), min_size=1, max_size=12)


def written(value: Any) -> str:
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(name)}:{written(inner)}" for name, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def comparison() -> st.SearchStrategy[Any]:
    path = st.sampled_from(PATHS)
    single = st.sampled_from(["=", "!=", ">", ">=", "<", "<=", "contains", "not_contains", "starts_with", "ends_with"])
    expressions = st.sampled_from(["^1", "x|é", "[0-9]+$", "^$", "(?i)x", "."])
    patterns = st.sampled_from(["%", "_", "1%", "%b%", "a%b_", "", "%\n%"])
    return st.one_of(
        st.fixed_dictionaries({"path": path, "op": single, "value": scalars}),
        st.fixed_dictionaries(
            {"path": path, "op": st.sampled_from(["in", "not_in"]), "value": st.lists(scalars, min_size=1)}
        ),
        st.fixed_dictionaries({"path": path, "op": st.sampled_from(["like", "not_like"]), "value": patterns}),
        st.fixed_dictionaries({"path": path, "op": st.sampled_from(["matches", "not_matches"]), "value": expressions}),
        st.fixed_dictionaries({"path": path, "op": st.sampled_from(["exists", "not_exists"])}),
    )


filters = st.recursive(
    comparison(),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"and": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"or": st.lists(inner, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)
words = st.sampled_from(["x", "ERROR", "é", "É", "404", "two words", "data_path", "null", "nowhere", "a/b"])
OPS = ["count", "count_distinct", "sum", "avg", "min", "max", "stddev", "variance", "first", "last"]
calculations = st.lists(
    st.tuples(st.sampled_from([*OPS, *evaluate.PERCENTILES]), st.sampled_from(PATHS)),
    min_size=1,
    max_size=4,
    unique=True,
)
bodies = st.fixed_dictionaries(
    {
        "filters": st.lists(filters, max_size=2),
        "word": st.none() | words,
        "calculations": calculations,
        "group_by": st.lists(st.sampled_from(PATHS), max_size=2, unique=True),
        "limit": st.integers(1, 4),
    }
)


OTHERS = [path for path in PATHS if path not in COLUMNS]
promotions = st.just({}) | st.dictionaries(st.sampled_from(OTHERS), st.sampled_from([*TYPES]), min_size=3, max_size=6)


@pytest.mark.slow
@settings(max_examples=QUERIES // (2 * BODIES), deadline=None, suppress_health_check=list(HealthCheck))
@given(found=events, promoted=promotions, asked=st.lists(bodies, min_size=BODIES, max_size=BODIES))
def test_answers_are_those_of_plain_python(
    table: Table, found: list[Any], promoted: dict[str, str], asked: list[dict[str, Any]]
) -> None:
    written_events = [written(event) for event in found]
    table.fill(written_events, received_us=NOW_US - 1)
    table.promote(promoted)
    known = [Event(text, place) for place, text in enumerate(written_events)]
    for body in asked:
        check(table, known, body)


def check(table: Table, known: list[Event], body: dict[str, Any]) -> None:
    """Ask for the events and for calculations, and compare the answers."""
    word = body["word"]
    matching = [event for event in known if all(evaluate.holds(event, one) for one in body["filters"])]
    matching = [event for event in matching if word is None or evaluate.holds_text(event, word)]
    asked = {"filters": body["filters"], "q": None if word is None else f'"{word}"', "time": "received"}

    shown = [row.event for _, row in table.ask(**asked).events]
    assert shown == [event.text for event in reversed(matching)]

    shown_paths = [path for path in PATHS if not any(has_doubled(value_at(event, path)) for event in known)]
    body["group_by"] = [path for path in body["group_by"] if path in shown_paths]
    body["calculations"] = [(op, path) for op, path in body["calculations"] if path in shown_paths]
    calculated = [{"op": "count"}] + [{"op": op, "path": path} for op, path in body["calculations"]]
    answer = table.ask(**asked, calculations=calculated, group_by=body["group_by"], limit=body["limit"])
    compare_rows(answer, matching, body, [(one["op"], one.get("path")) for one in calculated])


def compare_rows(answer: Any, matching: list[Event], body: dict[str, Any], calculated: list[tuple[str, Any]]) -> None:
    paths = body["group_by"]
    expected = evaluate.groups(matching, paths) if paths else {(): matching}
    rows = {tuple(map(shown_key, row[: len(paths)])): row[len(paths) :] for row in answer.rows}
    assert len(rows) == len(answer.rows) == min(len(expected), body["limit"])
    assert set(rows) <= set(expected)
    sizes = sorted(map(len, expected.values()), reverse=True)
    assert [row[len(paths)] for row in answer.rows] == sizes[: body["limit"]]
    for group, row in rows.items():
        compare_values(row, expected[group], calculated)
    rest = [
        event for event in matching if tuple(evaluate.key(evaluate.value_at(event, path)) for path in paths) not in rows
    ]
    if len(expected) > body["limit"]:
        assert answer.others[: len(paths)] == [None] * len(paths)
        compare_values(answer.others[len(paths) :], rest, calculated)
    else:
        assert answer.others is None


def compare_values(row: list[Any], events: list[Event], calculated: list[tuple[str, Any]]) -> None:
    for got, (op, path) in zip(row, calculated, strict=True):
        wanted = evaluate.calculate(op, path, events)
        assert same(got, wanted), (op, path, got, wanted)


def shown_key(value: Any) -> Any:
    return evaluate.key(evaluate.MISSING if value is None else value)


def same(got: Any, wanted: Any) -> bool:
    """Tell whether values are the same: numbers exactly, but for what comes of adding floats."""
    if isinstance(wanted, Fraction):
        return evaluate.exact(got) == wanted
    if isinstance(wanted, float):
        return evaluate.is_number(got) and math.isclose(float(got), wanted, rel_tol=1e-9, abs_tol=1e-9)
    return bool(got == wanted) if not isinstance(wanted, float) else False


lines = st.lists(
    st.sampled_from(["a", '"', ":", ">", "=", "(", ")", "OR", "NOT", "-", "*", "/", "\\", " ", "é", "5"]), max_size=12
)


@settings(max_examples=examples(300), deadline=None)
@given(parts=lines)
def test_any_line_is_understood_or_refused_with_a_place_in_it(parts: list[str]) -> None:
    line = "".join(parts)
    try:
        parse_search(line)
    except Exception as error:
        assert type(error).__name__ == "InvalidSearch", error
        assert 1 <= error.position <= len(line) + 1  # type: ignore[attr-defined]
