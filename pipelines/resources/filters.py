"""Filters of triggers: conditions on an event's data (docs/api/v0.md, section 5.1).

    {"path": "/user/plan", "is_equal_to": "free"}

`path` is a JSON pointer (RFC 6901). All predicates beside it must hold, and so must all filters. If there is nothing
at the path, no predicate holds; a filter without a predicate only requires that there is something. Regular
expressions are RE2's: they search anywhere in a text, in linear time, and match only texts.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import re2

from eventlane.wire.errors import Problem
from pipelines.resources.shapes import (
    about,
    anything,
    comparable,
    describe,
    equal,
    optional,
    record,
    refuse,
    required,
    text,
)

Test = Callable[[Any], bool]

MAX_PATTERN_LENGTH = 10_000
MAX_PATTERN_BYTES = 1 << 20  # for one compiled expression; RE2's own default is 8 MiB
COMPILED_SETS = 256  # sets of filters that a process keeps compiled

POINTER = re.compile(r"(/([^~/]|~[01])*)*")
INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
NOTHING = object()  # the value at a path with nothing there; equal to no JSON value
EQUALITIES = ("is_equal_to", "is_not_equal_to")


def filter_problems(filter: Any, pointer: str) -> list[Problem]:
    """Return all problems of a filter."""
    problems: list[Problem] = []
    check_filter(filter, pointer, problems)
    return problems


def check_filter(value: Any, pointer: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Return a filter as stored. Unlike elsewhere, a null to compare with counts: data can contain null."""
    nulls = {name: None for name in EQUALITIES if isinstance(value, dict) and value.get(name, NOTHING) is None}
    kept = FILTER(value, pointer, problems)
    return kept if kept is None else kept | nulls


def compile_filters(filters: Sequence[dict[str, Any]]) -> Test:
    """Return a function that tests an event's data against valid filters. Thread-safe."""
    return _compile_set(msgspec.json.encode(filters))


@lru_cache(COMPILED_SETS)
def _compile_set(encoded: bytes) -> Test:
    filters = msgspec.json.decode(encoded)
    regexps = [one for one in filters if "matches" in one or "does_not_match" in one]
    tests = [_test_of(one) for one in filters if one not in regexps] + [_test_of(one) for one in regexps]
    if len(tests) < 2:
        return tests[0] if tests else _anything

    def passes(data: Any) -> bool:
        for test in tests:  # noqa: SIM110  # all() with a generator takes up to four times as long
            if not test(data):
                return False
        return True

    return passes


def _anything(data: Any) -> bool:
    return True


def _test_of(filter: dict[str, Any]) -> Test:
    """Return a function that tests data against a filter."""
    find = _finder(filter["path"])
    predicates = [_PREDICATES[name](filter[name]) for name in _PREDICATES if name in filter]
    if len(predicates) == 1:
        [predicate] = predicates
        return lambda data: (value := find(data)) is not NOTHING and predicate(value)

    def passes(data: Any) -> bool:
        value = find(data)
        return value is not NOTHING and all(predicate(value) for predicate in predicates)

    return passes


def _finder(path: str) -> Callable[[Any], Any]:
    """Return a function that finds the value at a path, or NOTHING."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    if len(parts) == 1 and not INDEX.fullmatch(parts[0]):
        [name] = parts
        return lambda data: data.get(name, NOTHING) if type(data) is dict else NOTHING
    steps = [(part, int(part) if INDEX.fullmatch(part) else None) for part in parts]

    def find(data: Any) -> Any:
        for name, index in steps:
            if type(data) is dict:
                data = data.get(name, NOTHING)
            elif type(data) is list and index is not None and index < len(data):
                data = data[index]
            else:
                return NOTHING
        return data

    return find


def _is_equal_to(wanted: Any) -> Test:
    """Return a test for the same JSON value. Texts, the most common case, are compared by Python."""
    if isinstance(wanted, str):
        return lambda value: value == wanted
    if wanted is None or isinstance(wanted, bool):
        return lambda value: value is wanted
    if isinstance(wanted, int | float):
        number = comparable(wanted)
        if abs(number) >= 2**64:
            return lambda value: comparable(value) == number
        return lambda value: value == number and type(value) is not bool
    return lambda value: equal(wanted, value)


def _is_not_equal_to(unwanted: Any) -> Test:
    is_equal = _is_equal_to(unwanted)
    return lambda value: not is_equal(value)


def _matches(pattern: str) -> Test:
    # As bytes: for a text, re2 counts characters in Python, which takes longer than its search.
    search = _compile(pattern).search
    return lambda value: type(value) is str and search(value.encode(errors="replace")) is not None


def _does_not_match(pattern: str) -> Test:
    search = _compile(pattern).search
    return lambda value: type(value) is str and search(value.encode(errors="replace")) is None


_PREDICATES: dict[str, Callable[[Any], Test]] = {
    "is_equal_to": _is_equal_to,
    "is_not_equal_to": _is_not_equal_to,
    "matches": _matches,
    "does_not_match": _does_not_match,
}


def _compile(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False  # otherwise RE2 writes them to standard error
    options.never_capture = True
    options.max_mem = MAX_PATTERN_BYTES
    return re2.compile(pattern, options)


_pattern_text = text(least=0, most=MAX_PATTERN_LENGTH)


def _regexp(value: Any, pointer: str, problems: list[Problem]) -> str | None:
    if _pattern_text(value, pointer, problems) is None:
        return None
    try:
        _compile(value)
    except (re2.error, UnicodeEncodeError) as error:
        return refuse(problems, pointer, f"must be a valid RE2 regular expression: {_said(error)}")
    return str(value)


def _said(error: Exception) -> str:
    """Return RE2's message, which it gives as bytes."""
    [message] = error.args[:1] or [b""]
    return message.decode(errors="replace") if isinstance(message, bytes) else "it can't be encoded"


describe(_regexp, "regular expression")

FILTER = record(
    {
        "path": required(text(least=0, pattern=POINTER, rule="a JSON pointer, like /user/plan")),
        "is_equal_to": optional(anything),
        "is_not_equal_to": optional(anything),
        "matches": optional(_regexp),
        "does_not_match": optional(_regexp),
    }
)
describe(check_filter, "filter", about(FILTER).members)
