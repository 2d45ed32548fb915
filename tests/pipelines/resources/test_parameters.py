"""Values of parameters: what fits, what is filled in, what is told."""

from typing import Any

import pytest

from pipelines.resources.parameters import check_values, definitions


def check(parameters: list[dict[str, Any]], **values: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    assert problems_of(parameters) == []
    effective, problems = check_values(parameters, values, "/parameters")
    return effective, [(problem.pointer, problem.reason) for problem in problems]


def problems_of(value: Any) -> list[tuple[str, str]]:
    problems: list[Any] = []
    definitions(value, "", problems)
    return [(problem.pointer, problem.reason) for problem in problems]


def parameter(kind: str, **more: Any) -> dict[str, Any]:
    return {"name": "p", "type": kind} | more


@pytest.mark.parametrize(
    "kind, value",
    [("string", ""), ("string", "é"), ("number", 1), ("number", -1.5), ("integer", 0), ("boolean", False)],
)
def test_values_that_fit(kind, value):
    effective, problems = check([parameter(kind)], p=value)

    assert (effective, problems) == ({"p": value}, [])
    assert type(effective["p"]) is type(value)


@pytest.mark.parametrize(
    "kind, value, reason",
    [
        ("string", 1, "must be a string"),
        ("string", True, "must be a string"),
        ("string", ["a"], "must be a string"),
        ("number", "1", "must be a number"),
        ("number", True, "must be a number"),
        ("integer", 1.5, "must be an integer"),
        ("integer", "1", "must be an integer"),
        ("integer", False, "must be an integer"),
        ("boolean", 1, "must be true or false"),
        ("boolean", "true", "must be true or false"),
        ("boolean", {}, "must be true or false"),
    ],
)
def test_values_of_another_type(kind, value, reason):
    assert check([parameter(kind)], p=value)[1] == [("/parameters/p", reason)]


def test_integer_written_with_a_fraction_of_zero_is_one():
    effective, problems = check([parameter("integer")], p=7.0)

    assert (problems, effective["p"], type(effective["p"])) == ([], 7, int)


def test_value_that_is_not_among_the_values():
    colour = parameter("string", values=["red", "green"])

    assert check([colour], p="red") == ({"p": "red"}, [])
    assert check([colour], p="blue")[1] == [("/parameters/p", "must be one of 'red', 'green'")]


@pytest.mark.parametrize("given", [{}, {"p": None}])
def test_default_counts_when_nothing_is_given(given):
    assert check([parameter("boolean", default=False)], **given) == ({"p": False}, [])
    assert check([parameter("string")], **given)[1] == [("/parameters", "parameter 'p' is missing: it has no default")]


def test_every_problem_is_told():
    parameters = [parameter("string"), {"name": "q", "type": "integer"}]

    assert check(parameters, q="x", r=1, s=None)[1] == [
        ("/parameters", "parameter 'p' is missing: it has no default"),
        ("/parameters/q", "must be an integer"),
        ("/parameters", "there is no parameter 'r'"),
    ]


@pytest.mark.parametrize(
    "written, expected",
    [
        ({}, [("", "must be an array")]),
        ([None], [("/0", "must be a JSON object")]),
        ([{}], [("/0", "member 'name' is missing"), ("/0", "member 'type' is missing")]),
        ([parameter("text")], [("/0/type", "must be string, number, integer or boolean")]),
        ([parameter("string"), parameter("number")], [("/1/name", "another parameter is called 'p'")]),
        ([parameter("string", default=1)], [("/0/default", "must be a string")]),
        ([parameter("string", values=["a"], default="b")], [("/0/default", "must be one of 'a'")]),
        ([parameter("number", values=["1"])], [("/0/values", "only a parameter of type string has values")]),
        ([parameter("string", values=[])], [("/0/values", "must have at least 1 element")]),
        ([parameter("string", values=[1])], [("/0/values/0", "must be a string")]),
        ([parameter("string", environment="A=B")], [("/0/environment", "must be the name of an environment variable")]),
        ([parameter("string", description="")], [("/0/description", "must not be empty")]),
        ([parameter("string", mandatory=True)], [("/0", "member 'mandatory' is unknown")]),
    ],
)
def test_what_is_no_definition(written, expected):
    assert problems_of(written) == expected


def test_default_that_is_null_is_none():
    kept = definitions([parameter("string", default=None)], "", [])

    assert kept == [{"name": "p", "type": "string"}]
