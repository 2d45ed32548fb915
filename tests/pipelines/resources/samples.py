"""Specs that tests start from: a project with one of everything that goes together."""

from typing import Any

from hypothesis import strategies as st


def task(name: str = "greet", **data: Any) -> dict[str, Any]:
    """A task with one step."""
    filled = {"runtime": {"name": "local"}, "steps": [{"code": "echo hello\n"}]} | data
    return {"type": "task", "version": 1, "name": name, "data": filled}


def pipeline(name: str = "greetings", *tasks: Any, **data: Any) -> dict[str, Any]:
    """A pipeline of the task `greet`, unless others are given."""
    return {"type": "pipeline", "version": 1, "name": name, "data": {"tasks": [*tasks] or [{"task": "greet"}]} | data}


def command(name: str = "hello", **data: Any) -> dict[str, Any]:
    """A command that starts `greetings`."""
    return {"type": "command", "version": 1, "name": name, "data": {"pipelines": ["greetings"]} | data}


def trigger(name: str = "guests", **data: Any) -> dict[str, Any]:
    """A trigger on custom/guest that starts `greetings`."""
    filled = {"connector": "custom", "event": "guest", "pipelines": ["greetings"]} | data
    return {"type": "trigger", "version": 1, "name": name, "data": filled}


def query(name: str = "errors", **data: Any) -> dict[str, Any]:
    """A saved query that counts the errors of the dataset `logs` by service."""
    filled = {"datasets": ["logs"], "q": "level:error", "calculations": [{"op": "count"}], "group_by": ["service"]}
    return {"type": "query", "version": 1, "name": name, "data": filled | data}


def dashboard(name: str = "shop", *widgets: Any, **data: Any) -> dict[str, Any]:
    """A dashboard that counts the events of the dataset `logs`, unless widgets are given."""
    count = {"type": "statistic", "query": {"datasets": ["logs"], "calculations": [{"op": "count"}]}}
    return {"type": "dashboard", "version": 1, "name": name, "data": {"widgets": [*widgets] or [count]} | data}


def alert(name: str = "many-errors", **data: Any) -> dict[str, Any]:
    """An alert that fires when more than two errors came within 5 minutes. It misses no due time in a week."""
    asked = {"datasets": ["logs"], "q": "level:error"}
    filled = {"query": asked, "threshold": "> 2", "frequency": "7d"} | data
    return {"type": "alert", "version": 1, "name": name, "data": filled}


def channel(name: str = "on-call", **data: Any) -> dict[str, Any]:
    """A channel that sends mail, unless it says otherwise."""
    filled = data or {"kind": "email", "to": ["on-call@example.com"]}
    return {"type": "channel", "version": 1, "name": name, "data": filled}


def timer(name: str = "nightly", **parameters: Any) -> dict[str, Any]:
    """A trigger on time/tick, by default once a day."""
    return trigger(name, connector="time", event="tick", parameters=parameters or {"daily": {"hour": 3}})


def whole() -> list[dict[str, Any]]:
    """A set that can be deployed."""
    return [task(), pipeline(), command(), trigger()]


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)
