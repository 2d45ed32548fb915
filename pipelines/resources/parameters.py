"""Parameters of commands and tasks: their definitions, and checks of values (docs/api/v0.md, sections 5.2 and 6.3)."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from eventlane.wire.errors import Problem
from pipelines.resources.shapes import (
    Problems,
    about,
    anything,
    array,
    as_integer,
    choice,
    describe,
    name_text,
    optional,
    record,
    refuse,
    required,
    text,
)

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
VARIABLE_RULE = "the name of an environment variable"
MEANINGS = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
}


def check_values(
    parameters: list[dict[str, Any]], values: Mapping[str, Any], pointer: str
) -> tuple[dict[str, Any], list[Problem]]:
    """Return the effective values, with defaults filled in, and all problems. A null value counts as absent."""
    problems = Problems()
    given = {name: value for name, value in values.items() if value is not None}
    known = {parameter["name"]: parameter for parameter in parameters}
    effective = {}
    for name, parameter in known.items():
        if name in given:
            effective[name] = fitting(parameter, given[name], f"{pointer}/{name}", problems)
        elif "default" in parameter:
            effective[name] = parameter["default"]
        else:
            refuse(problems, pointer, f"parameter {name!r} is missing: it has no default")
    for name in given:
        if name not in known:
            refuse(problems, pointer, f"there is no parameter {name[:100]!r}")
    return effective, problems


def fitting(parameter: Mapping[str, Any], value: Any, pointer: str, problems: list[Problem]) -> Any:
    """Return a value as its parameter stores it, or None after reporting that it doesn't fit."""
    kept = _as_type(parameter["type"], value)
    if kept is None:
        return refuse(problems, pointer, f"must be {MEANINGS[parameter['type']]}")
    values = parameter.get("values")
    if values is not None and kept not in values:
        return refuse(problems, pointer, f"must be one of {', '.join(map(repr, values))[:1000]}")
    return kept


def _as_type(kind: str, value: Any) -> Any:
    """Return the value converted to the type, or None if it doesn't fit: true isn't a number, 7.0 is an integer."""
    match kind:
        case "string":
            return value if isinstance(value, str) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "integer":
            return as_integer(value)
        case _:
            return value if isinstance(value, int | float) and not isinstance(value, bool) else None


DEFINITION = record(
    {
        "name": required(name_text),
        "type": required(choice(*MEANINGS)),
        "values": optional(array(text(least=0), least=1)),
        "default": optional(anything),
        "description": optional(text(most=500)),
        "environment": optional(text(pattern=VARIABLE, rule=VARIABLE_RULE)),
    }
)


def _definition(value: Any, pointer: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Check a definition, then how its members fit together."""
    before = len(problems)
    parameter = DEFINITION(value, pointer, problems)
    if len(problems) > before:
        return parameter  # only its valid members
    if "values" in parameter and parameter["type"] != "string":
        refuse(problems, f"{pointer}/values", "only a parameter of type string has values")
    elif "default" in parameter:
        parameter["default"] = fitting(parameter, parameter["default"], f"{pointer}/default", problems)
    return parameter


describe(_definition, "definition", about(DEFINITION).members)
_definitions = array(_definition)


def definitions(value: Any, pointer: str, problems: list[Problem]) -> list[dict[str, Any]] | None:
    """Accept an array of definitions with unique names."""
    found = _definitions(value, pointer, problems)
    known: set[str] = set()
    for index, parameter in enumerate(found or ()):
        name = (parameter or {}).get("name")
        if name in known:
            refuse(problems, f"{pointer}/{index}/name", f"another parameter is called {name!r}")
        elif name:
            known.add(name)
    return found


describe(definitions, about(_definitions).words, about(DEFINITION).members)


def environment_of(definitions: Iterable[Mapping[str, Any]], values: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables of parameters: texts as they are, numbers and booleans as in JSON."""
    return {
        one["environment"]: value if isinstance(value := values[one["name"]], str) else json.dumps(value)
        for one in definitions
        if one.get("environment") and one["name"] in values
    }
