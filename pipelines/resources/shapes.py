"""What a JSON value must look like: small functions that the table in `kinds.py` is composed of.

A shape takes a value, its pointer and the list of problems. It returns the value to store, with all defaults filled
in, or None after reporting what is wrong. A null member counts as absent. A missing or unknown member is reported at
its object (docs/api/v0.md, sections 2.0 and 2.1).
"""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

from eventlane.json_pointer import escape
from eventlane.names import NAME
from eventlane.wire.errors import InvalidRequestBody, Problem

Shape = Callable[[Any, str, list[Problem]], Any]
Place = tuple[Any, str | int] | None  # the parent's place, and the name or index in it
Rule = Callable[[Mapping[str, Any], str, list[Problem]], None]  # checks the members that are there, valid or not

MAX_DEPTH = 100
MAX_VALUES = 1_000_000  # of what is stored together
MAX_NAME_LENGTH = 200  # of a member, when a problem quotes it
GREATEST_INTEGER = 2**63 - 1
GREATEST_NUMBER = sys.float_info.max
MAX_PROBLEMS = 1000  # reported for one body: 32 MiB of `{},` would have millions, which would fill the memory
UNSTORABLE = re.compile(r"[\0\ud800-\udfff]")  # PostgreSQL can't store these in text


class Problems(list[Problem]):
    """The problems of one body. Raises InvalidRequestBody with the first ones if there are too many."""

    def append(self, problem: Problem) -> None:
        """Add a problem."""
        if len(self) == MAX_PROBLEMS:
            raise InvalidRequestBody([*self, Problem("", f"there are more than these {MAX_PROBLEMS} problems")])
        super().append(problem)

    def __iadd__(self, problems: Iterable[Problem]) -> Self:  # type: ignore[override, misc]  # as list has it
        for problem in problems:
            self.append(problem)
        return self


@dataclass(frozen=True, slots=True)
class Member:
    """A member of an object. The default applies if it is absent; None: it stays absent."""

    shape: Shape
    required: bool = False
    default: Any = None


@dataclass(frozen=True, slots=True)
class About:
    """A shape in the reference: its type in words, and the members of the objects in it."""

    words: str
    members: Mapping[str, Member]


_about: dict[Shape, About] = {}


def describe(shape: Shape, words: str, members: Mapping[str, Member] | None = None) -> Shape:
    """Record a shape's description, and return the shape."""
    _about[shape] = About(words, members or {})
    return shape


def about(shape: Shape) -> About:
    """Return a shape's description."""
    return _about[shape]


def required(shape: Shape) -> Member:
    """Return a member that is required."""
    return Member(shape, required=True)


def optional(shape: Shape, default: Any = None) -> Member:
    """Return a member that is optional."""
    return Member(shape, default=default)


def record(members: Mapping[str, Member], *rules: Rule) -> Shape:
    """Return the shape of an object with these members and no others, stored in this order."""

    def check(value: Any, pointer: str, problems: list[Problem]) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return refuse(problems, pointer, "must be a JSON object")
        given = {name: member for name, member in value.items() if member is not None}
        kept = {name: _take(name, member, given, pointer, problems) for name, member in members.items()}
        for name in given:
            if name not in members:
                refuse(problems, pointer, f"member {name[:100]!r} is unknown")
        for rule in rules:
            rule(given, pointer, problems)
        return {name: member for name, member in kept.items() if member is not None}

    return describe(check, "object", members)


def _take(name: str, member: Member, given: Mapping[str, Any], pointer: str, problems: list[Problem]) -> Any:
    if name in given:
        return member.shape(given[name], f"{pointer}/{name}", problems)
    if member.required:
        return refuse(problems, pointer, f"member {name!r} is missing")
    return copy(member.default)


def array(item: Shape, *, least: int = 0, most: int | None = None, alone: bool = False) -> Shape:
    """Return the shape of an array. With `alone`, a single text counts as an array."""

    def check(value: Any, pointer: str, problems: list[Problem]) -> list[Any] | None:
        if alone and isinstance(value, str):
            value = [value]
        if not isinstance(value, list):
            return refuse(problems, pointer, "must be an array")
        if len(value) < least:
            return refuse(problems, pointer, f"must have at least {least} element{'s' * (least != 1)}")
        if most is not None and len(value) > most:
            return refuse(problems, pointer, f"must have at most {most} elements")
        return [item(element, f"{pointer}/{index}", problems) for index, element in enumerate(value)]

    return describe(check, f"list of {about(item).words}s", about(item).members)


def mapping(item: Shape, key: re.Pattern[str] | None = None, rule: str = "") -> Shape:
    """Return the shape of an object whose members are all alike. `rule` describes `key`, the pattern of names."""

    def check(value: Any, pointer: str, problems: list[Problem]) -> dict[str, Any] | None:
        if not isinstance(value, dict):
            return refuse(problems, pointer, "must be a JSON object")
        given = {name: member for name, member in value.items() if member is not None}
        for name in given:
            if key and not key.fullmatch(name):
                refuse(problems, pointer, f"member {name[:100]!r}: its name must be {rule}")
        return {name: item(member, f"{pointer}/{escape(name)}", problems) for name, member in given.items()}

    return describe(check, f"object of {about(item).words}s")


def text(*, least: int = 1, most: int | None = None, pattern: re.Pattern[str] | None = None, rule: str = "") -> Shape:
    """Return the shape of a text. `rule` describes `pattern`."""

    def check(value: Any, pointer: str, problems: list[Problem]) -> str | None:
        if not isinstance(value, str):
            return refuse(problems, pointer, "must be a string")
        if len(value) < least:
            return refuse(problems, pointer, "must not be empty")
        if most is not None and len(value) > most:
            return refuse(problems, pointer, f"must have at most {most} characters")
        if pattern and not pattern.fullmatch(value):
            return refuse(problems, pointer, f"must be {rule}")
        return value

    return describe(check, "text" if most is None else f"text, at most {most} characters")


def whole_number(least: int, most: int = GREATEST_INTEGER) -> Shape:
    """Return the shape of a number without a fraction. 7.0 counts and is stored as 7."""

    def check(value: Any, pointer: str, problems: list[Problem]) -> int | None:
        number = as_integer(value)
        if number is None:
            return refuse(problems, pointer, "must be an integer")
        if number < least or number > most:
            return refuse(problems, pointer, f"must be {_limits(least, most)}")
        return number

    return describe(check, f"whole number {_limits(least, most)}")


def _limits(least: int, most: int) -> str:
    if most == GREATEST_INTEGER:
        return f"at least {least}"
    return str(least) if least == most else f"from {least} to {most}"


def choice(*words: str) -> Shape:
    """Return the shape of a text with one of these values."""

    def check(value: Any, pointer: str, problems: list[Problem]) -> str | None:
        if isinstance(value, str) and value in words:
            return value
        return refuse(problems, pointer, f"must be {' or '.join([', '.join(words[:-1]), words[-1]])}")

    return describe(check, " or ".join(f"`{word}`" for word in words))


def boolean(value: Any, pointer: str, problems: list[Problem]) -> bool | None:
    """Accept true and false."""
    return value if isinstance(value, bool) else refuse(problems, pointer, "must be true or false")


def anything(value: Any, pointer: str, problems: list[Problem]) -> Any:
    """Accept any value."""
    return value


def plain_object(value: Any, pointer: str, problems: list[Problem]) -> dict[str, Any] | None:
    """Accept any object. Null members are removed, at any depth."""
    return _without_nulls(value) if isinstance(value, dict) else refuse(problems, pointer, "must be a JSON object")


describe(boolean, "`true` or `false`")
describe(anything, "any value")
describe(plain_object, "object")

NAMED = "1 to 100 lower case letters, digits, '-' and '_', starting with a letter or digit"
name_text = text(most=100, pattern=NAME, rule=NAMED)


def refuse(problems: list[Problem], pointer: str, reason: str) -> Any:
    """Add a problem; return None, as a shape does then."""
    problems.append(Problem(pointer, reason))
    return None


def as_integer(value: Any) -> int | None:
    """Return a JSON number without a fraction as an integer, otherwise None; true isn't a number."""
    if isinstance(value, float) and value.is_integer() and abs(value) <= GREATEST_INTEGER:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def storable(value: Any, pointer: str) -> Iterator[Problem]:
    """Yield what prevents a value from being stored as JSON, including what only YAML can express."""
    # Places become pointers only where there is a problem: below a long name, they would fill the memory.
    waiting: list[tuple[Any, Place, int]] = [(value, None, 0)]
    seen = 0
    while waiting:
        value, place, depth = waiting.pop()
        seen += 1
        if seen + len(waiting) > MAX_VALUES:
            yield Problem(pointer, f"must have at most {MAX_VALUES} values")
            return
        if depth > MAX_DEPTH:
            yield Problem(pointer, f"must not be nested deeper than {MAX_DEPTH} levels")
            return
        if reason := _unstorable(value):
            yield Problem(pointer + _below(place), reason)
        elif isinstance(value, dict):
            waiting += [(member, (place, name), depth + 1) for name, member in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [(value[index], (place, index), depth + 1) for index in reversed(range(len(value)))]


def holds_at_most(most: int, value: Any) -> bool:
    """Return whether a value contains at most `most` values and names. Counts no further than that."""
    waiting: list[Any] = [value]
    count = 0
    while waiting and count + len(waiting) <= most:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict):
            count += len(value)
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return not waiting


def _below(place: Place) -> str:
    """Return a place as a pointer, with long names cut."""
    parts: list[str] = []
    while place is not None:
        place, part = place
        parts.append(f"/{escape(str(part)[:MAX_NAME_LENGTH])}")
    return "".join(reversed(parts))


def _unstorable(value: Any) -> str:
    """Return why a value can't be stored, apart from its members; empty if it can."""
    match value:
        case str() if UNSTORABLE.search(value):
            return "must not hold U+0000 or half of a surrogate pair"
        case float() | int() if not abs(value) <= GREATEST_NUMBER:
            return "must be a number that JSON has"
        case dict():
            bad = [key for key in value if not isinstance(key, str) or UNSTORABLE.search(key)]
            return f"the name of member {str(bad[0])[:100]!a} must be a string without U+0000" if bad else ""
        case None | str() | float() | int() | list():
            return ""
        case _:
            return f"must be a value that JSON has, not a {type(value).__name__}"


def equal(one: Any, other: Any) -> bool:
    """Return whether two JSON values are the same: 1 is 1.0, but true isn't 1."""
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(equal(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return comparable(one) == comparable(other)


def comparable(value: Any) -> Any:
    """Return a number as JSON readers see it: PostgreSQL returns 1e30 as 31 digits, which others read as 1e30."""
    return float(value) if isinstance(value, int) and 2**64 <= abs(value) <= GREATEST_NUMBER else value


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    return value
