"""Small parts that SQL is put together from. Values are always bound; names are never a user's."""

from typing import Any


class Bindings:
    """The values of a statement: each is bound to a parameter, and its SQL is that parameter."""

    def __init__(self) -> None:
        self.values: list[Any] = []

    def bind(self, value: Any) -> str:
        """Return the parameter that stands for a value."""
        self.values.append(value)
        return f"${len(self.values)}"


def any_of(conditions: list[str]) -> str:
    """Return that one of the conditions holds."""
    return f"({' OR '.join(conditions)})" if conditions else "false"


def all_of(conditions: list[str]) -> str:
    """Return that all conditions hold."""
    return f"({' AND '.join(conditions)})" if conditions else "true"
