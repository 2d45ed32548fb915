"""Filters of triggers: what passes them, and what can't be one."""

# ruff: noqa: E501  # a case is one line

from typing import Any

import pytest
from hypothesis import given

from pipelines.resources.filters import compile_filters, filter_problems
from tests.pipelines.resources.samples import VALUES

DATA = {
    "plan": "free",
    "count": 3,
    "ratio": 1.0,
    "yes": True,
    "nothing": None,
    "tags": ["a", {"b": [1, True]}],
    "user": {"name": "Zoë", "a/b": 1, "m~n": 2, "": 3, "0": "zero"},
    "text": "one\ntwo",
}


def passes(*filters: dict[str, Any], data: Any = DATA) -> bool:
    assert [problem for one in filters for problem in filter_problems(one, "")] == []
    return compile_filters(list(filters))(data)


@pytest.mark.parametrize(
    "path, value",
    [
        ("", DATA),
        ("/plan", "free"),
        ("/user/name", "Zoë"),
        ("/user/a~1b", 1),
        ("/user/m~0n", 2),
        ("/user/", 3),
        ("/user/0", "zero"),
        ("/tags/0", "a"),
        ("/tags/1/b/0", 1),
        ("/nothing", None),
        ("/ratio", 1),
        ("/count", 3.0),
        ("/yes", True),
        ("/tags", ["a", {"b": [1.0, True]}]),
    ],
)
def test_path_leads_to_a_value(path, value):
    assert passes({"path": path, "is_equal_to": value})
    assert not passes({"path": path, "is_not_equal_to": value})


@pytest.mark.parametrize(
    "path",
    ["/none", "/plan/0", "/tags/2", "/tags/-", "/tags/00", "/tags/+1", "/tags/٠", "/count/a", "/user/name/0", "/a/b"],
)
def test_where_nothing_is_nothing_matches(path):
    for predicate in ({"is_equal_to": "x"}, {"is_not_equal_to": "x"}, {"matches": ""}, {"does_not_match": "x"}, {}):
        assert not passes({"path": path} | predicate)


def test_filter_without_a_predicate_asks_for_something():
    assert passes({"path": "/nothing"})
    assert passes({"path": ""}, data={})


@pytest.mark.parametrize(
    "path, other",
    [
        ("/ratio", True),
        ("/yes", 1),
        ("/yes", "true"),
        ("/nothing", False),
        ("/nothing", ""),
        ("/count", "3"),
        ("/count", 4),
        ("/plan", "Free"),
        ("/tags", ["a", {"b": [1, 1]}]),
        ("/tags", ["a"]),
        ("/tags", {"0": "a"}),
        ("/user", {}),
    ],
)
def test_other_values_are_not_equal(path, other):
    assert not passes({"path": path, "is_equal_to": other})
    assert passes({"path": path, "is_not_equal_to": other})


def test_numbers_beyond_64_bits_are_compared_as_json_readers_see_them():
    assert passes({"path": "/n", "is_equal_to": 10**30}, data={"n": 1e30})
    assert passes({"path": "/n", "is_equal_to": 10**30}, data={"n": 10**30})
    assert passes({"path": "/n", "is_equal_to": 1e30}, data={"n": 10**30})
    assert not passes({"path": "/n", "is_equal_to": 10**30}, data={"n": "x"})
    assert not passes({"path": "/n", "is_equal_to": 2**53 + 1}, data={"n": 2**53})


@pytest.mark.parametrize(
    "pattern, path, matches",
    [
        ("re", "/plan", True),
        ("^free$", "/plan", True),
        ("^re", "/plan", False),
        ("(?i)FREE", "/plan", True),
        ("", "/plan", True),
        ("^Zo.$", "/user/name", True),
        ("one.two", "/text", False),
        ("(?s)one.two", "/text", True),
        (r"^\pL+$", "/user/name", True),
    ],
)
def test_regular_expressions_search_texts(pattern, path, matches):
    assert passes({"path": path, "matches": pattern}) is matches
    assert passes({"path": path, "does_not_match": pattern}) is not matches


@pytest.mark.parametrize("path", ["", "/count", "/yes", "/nothing", "/tags", "/user"])
def test_regular_expressions_match_nothing_but_texts(path):
    assert not passes({"path": path, "matches": ""})
    assert not passes({"path": path, "does_not_match": "x"})


def test_text_that_is_no_unicode_can_be_searched():
    assert passes({"path": "/a", "matches": "^x"}, data={"a": "x\ud800"})


def test_all_predicates_of_all_filters_must_hold():
    both = {"path": "/plan", "matches": "^f", "is_not_equal_to": "full"}

    assert passes(both, {"path": "/count", "is_equal_to": 3})
    assert not passes(both, {"path": "/count", "is_equal_to": 4})
    assert not passes(both, data={"plan": "full"})
    assert not passes(both, data={"plan": "paid"})
    assert passes(data={})


def test_no_pattern_takes_long():
    evil = {"path": "/a", "matches": "(a*)*(a*)*(a|aa)+$"}

    assert not passes(evil, data={"a": "a" * 50_000 + "!"})


@pytest.mark.parametrize(
    "filter, expected",
    [
        ("x", [("", "must be a JSON object")]),
        ({}, [("", "member 'path' is missing")]),
        ({"path": None}, [("", "member 'path' is missing")]),
        ({"path": 1}, [("/path", "must be a string")]),
        ({"path": "plan"}, [("/path", "must be a JSON pointer, like /user/plan")]),
        ({"path": "/a~2"}, [("/path", "must be a JSON pointer, like /user/plan")]),
        ({"path": "/a", "equals": 1}, [("", "member 'equals' is unknown")]),
        ({"path": "/a", "matches": 1, "does_not_match": []}, [("/matches", "must be a string"), ("/does_not_match", "must be a string")]),
        ({"path": "/a", "matches": "("}, [("/matches", "must be a valid RE2 regular expression: missing ): (")]),
        ({"path": "/a", "matches": "(?=a)"}, [("/matches", "must be a valid RE2 regular expression: invalid perl operator: (?=")]),
        ({"path": "/a", "matches": r"\pL{1000}"}, [("/matches", "must be a valid RE2 regular expression: pattern too large - compile failed")]),
        ({"path": "/a", "matches": "\ud800"}, [("/matches", "must be a valid RE2 regular expression: it can't be encoded")]),
        ({"path": "/a", "matches": "x" * 10_001}, [("/matches", "must have at most 10000 characters")]),
    ],
)  # fmt: skip
def test_what_is_no_filter(filter, expected, capfd):
    found = filter_problems(filter, "/filters/0")

    assert [(problem.pointer, problem.reason) for problem in found] == [
        ("/filters/0" + at, why) for at, why in expected
    ]
    assert capfd.readouterr() == ("", "")  # RE2 would write errors to the standard error output


def test_null_is_a_value_to_compare_with_but_no_pattern():
    assert filter_problems({"path": "/a", "is_equal_to": None, "matches": None}, "") == []
    assert passes({"path": "/a", "is_equal_to": None}, data={"a": None})
    assert not passes({"path": "/a", "is_equal_to": None}, data={"a": 0})
    assert passes({"path": "/a", "is_not_equal_to": None}, data={"a": 0})


@given(VALUES, VALUES)
def test_equality_is_that_of_json(one, other):
    same = passes({"path": "/a", "is_equal_to": one}, data={"a": other})

    assert same is (canonical(one) == canonical(other))
    assert passes({"path": "/a", "is_equal_to": one}, data={"a": one})
    assert passes({"path": "/a", "is_not_equal_to": one}, data={"a": other}) is not same


def canonical(value: Any) -> Any:
    """A form in which Python's == is JSON's: numbers apart from booleans."""
    if isinstance(value, dict):
        return ("object", {name: canonical(member) for name, member in value.items()})
    if isinstance(value, list):
        return ("array", [canonical(member) for member in value])
    return ("boolean", value) if isinstance(value, bool) else ("value", value)
