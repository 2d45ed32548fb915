"""Queries evaluated in plain Python, slowly and obviously, to compare the compiler with.

Written from docs/query.md alone: it shares nothing with events.query but the words of a query's body.
"""

import json
import math
import re
import statistics
from collections.abc import Callable
from fractions import Fraction
from typing import Any

MISSING = object()
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
COLUMNS = ("level", "message", "service", "error")
PERCENTILES = {"median": 0.5, "p25": 0.25, "p50": 0.5, "p90": 0.9, "p99": 0.99}
NEGATED = {
    "!=": "=",
    "not_in": "in",
    "not_contains": "contains",
    "not_like": "like",
    "not_matches": "matches",
    "not_exists": "exists",
}


class Members(dict[str, Any]):
    """An object that knows whether one of its keys stood twice, of which the last counts."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.doubled = len(self) < len(pairs)


class Event:
    """An event: its JSON, when it happened, and its place among all."""

    def __init__(self, text: str, place: int) -> None:
        self.text = text
        self.value = json.loads(text, object_pairs_hook=Members)
        self.place = place


# Paths


def value_at(event: Event, path: str) -> Any:
    """Return what stands at a path; MISSING where nothing does, or null."""
    value = event.value
    if path in COLUMNS:
        return as_column(path, value.get(path))
    if path == "duration":
        found = value.get(path)
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else MISSING
    if path.startswith("/"):
        return follow(value, [part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/")])
    for keys in ways(path.split(".")):
        found = follow(value, keys)
        if found is not MISSING:
            return found
    return MISSING


def as_column(path: str, value: Any) -> Any:
    """Return what a column of text has: text, and the JSON of numbers and booleans; see docs/fields.md."""
    if value in (None, "") or isinstance(value, list | dict):
        return MISSING
    found = value if isinstance(value, str) else json.dumps(value)
    return as_level(found) if path == "level" else found


def as_level(found: str) -> str:
    """Return the level that a text is, as far as random events have any."""
    if re.fullmatch(r"[0-9]{1,3}(\.0+)?", found):
        value = int(float(found))
        scale = ["fatal", "fatal", "fatal", "error", "warn", "info", "info", "debug"]
        return scale[value] if value < len(scale) else {404: "error"}[value]
    return found.lower()


def ways(parts: list[str]) -> list[list[str]]:
    """Return every way to read parts as keys, those with the longest keys first."""
    if not parts:
        return [[]]
    found = []
    for taken in range(len(parts), 0, -1):
        found += [[".".join(parts[:taken]), *rest] for rest in ways(parts[taken:])]
    return found


def follow(value: Any, keys: list[str]) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and re.fullmatch("0|[1-9][0-9]*", key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return MISSING if value is None else value


def has_doubled(value: Any) -> bool:
    """Tell whether a key stands twice in a value, however deep: its JSON is shown as it was sent."""
    if isinstance(value, Members):
        return value.doubled or any(map(has_doubled, value.values()))
    return isinstance(value, list) and any(map(has_doubled, value))


# Values


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def exact(value: Any) -> "Fraction | None":
    """Return the number that a value is, or that stands in its text."""
    if isinstance(value, str):
        return Fraction(value) if NUMBER.fullmatch(value) and math.isfinite(float(value)) else None
    return Fraction(value) if is_number(value) else None


def number(value: Any) -> "float | None":
    found = exact(value)
    return None if found is None else float(found)


def text(value: Any) -> "str | None":
    """Return a string, or the JSON of a number or boolean."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)
    return None


def equal(value: Any, wanted: Any) -> bool:
    if (is_number(value) or is_number(wanted)) and exact(value) is not None and exact(wanted) is not None:
        one, other = comparable(value, wanted)
        return one == other
    return text(value) is not None and text(value) == text(wanted)


def comparable(value: Any, wanted: Any) -> tuple[Any, Any]:
    """Return both as numbers: whole ones to the last digit, but floats if one of them is a float, as columns are."""
    as_number = number if isinstance(value, float) or isinstance(wanted, float) else exact
    return as_number(value), as_number(wanted)


def compare(value: Any, op: str, wanted: Any) -> bool:
    one, other = comparable(value, wanted) if is_number(wanted) else (text(value), text(wanted))
    if one is None or other is None:
        return False
    return {">": one > other, ">=": one >= other, "<": one < other, "<=": one <= other}[op]  # type: ignore[operator]


def like(value: str, pattern: str) -> bool:
    expression = "".join({"%": ".*", "_": "."}.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(expression, value, re.DOTALL) is not None


TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": lambda value, wanted: wanted in value,
    "starts_with": str.startswith,
    "ends_with": str.endswith,
    "like": like,
    "matches": lambda value, wanted: re.search(wanted, value) is not None,
}


def holds_for(value: Any, op: str, wanted: Any) -> bool:
    """Tell whether a comparison holds for one value, which is no array."""
    if op == "=":
        return equal(value, wanted)
    if op == "in":
        return any(equal(value, one) for one in wanted)
    if op in TEXT_TESTS:
        found = text(value)
        return found is not None and TEXT_TESTS[op](found, str(text(wanted)))
    return compare(value, op, wanted)


def holds(event: Event, found: Any) -> bool:
    """Tell whether a filter holds for an event."""
    if "and" in found:
        return all(holds(event, part) for part in found["and"])
    if "or" in found:
        return any(holds(event, part) for part in found["or"])
    if "not" in found:
        return not holds(event, found["not"])
    op = found["op"]
    if op in NEGATED:
        return not holds(event, found | {"op": NEGATED[op]})
    value = value_at(event, found["path"])
    if op == "exists":
        return value is not MISSING
    if found["path"] == "level" and op in ("=", "in"):
        wanted = [found["value"]] if op == "=" else found["value"]
        return any(equal(value, one) or value == as_level(str(text(one))) for one in wanted)
    if isinstance(value, list):
        return any(holds_for(element, op, found["value"]) for element in value)
    return value is not MISSING and holds_for(value, op, found["value"])


def holds_text(event: Event, wanted: str) -> bool:
    """Tell whether an event's text holds a word, in any case, with escapes resolved."""
    resolved = STRING.sub(lambda match: json.dumps(json.loads(match[0]), ensure_ascii=False), event.text)
    return wanted.lower() in resolved.lower()


# Groups and calculations


def key(value: Any) -> Any:
    """Return what tells values apart."""
    if value is MISSING:
        return None
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text(value)


def calculate(op: str, path: "str | None", events: list[Event]) -> Any:
    """Return a calculation of events, which are in the order of their time."""
    if path is None:
        return len(events)
    values = [value for event in events if (value := value_at(event, path)) is not MISSING]
    numbers = [found for value in values if (found := number(value)) is not None]
    texts = [value for value in values if isinstance(value, str)]
    match op:
        case "count":
            return len(values)
        case "count_distinct":
            return len({key(value) for value in values})
        case "sum":
            return sum(numbers) if numbers else None
        case "avg":
            return statistics.fmean(numbers) if numbers else None
        case "min" | "max":
            choose = min if op == "min" else max
            exacts = [found for value in values if (found := exact(value)) is not None]
            return choose(exacts) if exacts else choose(texts) if texts else None
        case "stddev":
            return statistics.stdev(numbers) if len(numbers) > 1 else None
        case "variance":
            return statistics.variance(numbers) if len(numbers) > 1 else None
        case "first" | "last":
            return values[0 if op == "first" else -1] if values else None
    return percentile(sorted(numbers), PERCENTILES[op])


def percentile(numbers: list[float], share: float) -> "float | None":
    if not numbers:
        return None
    place = share * (len(numbers) - 1)
    low, high = math.floor(place), math.ceil(place)
    return numbers[low] + (numbers[high] - numbers[low]) * (place - low)


def groups(events: list[Event], paths: list[str]) -> dict[tuple[Any, ...], list[Event]]:
    found: dict[tuple[Any, ...], list[Event]] = {}
    for event in events:
        found.setdefault(tuple(key(value_at(event, path)) for path in paths), []).append(event)
    return found
