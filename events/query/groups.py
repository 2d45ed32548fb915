"""What the events of a query are grouped by: what tells groups apart, and how a group's value is shown.

Values are grouped as they are where they can be: a text of each number takes longer than counting them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from events.query.values import Kind, Operand, Split


@dataclass(frozen=True, slots=True)
class Group:
    """A path to group by. `text` and `shown` are SQL for a table with the groups' `keys` and `aggregates`."""

    keys: Mapping[str, str]  # SQL by name
    aggregates: Sequence[str]
    text: str  # what groups with the same calculations are ordered by
    shown: str  # as JSON
    prepared: Mapping[str, str]  # SQL by name of what the keys are made of


def group_of(path: Operand | Split, number: int) -> Group:
    """Return the group of what stands at a path; `number` is its place among the query's groups."""
    key, most, most_rest = f"k{number}", f"m{number}", f"m{number}_rest"
    if isinstance(path, Split):
        aggregates = [f"max({path.typed.sql}) AS {most}", f"max({path.rest.sql}) AS {most_rest}"]
        # Of a number and a text that says the same, the number is shown: it is the greater JSON.
        shown = f"greatest({Operand(path.typed.kind, most).json()}, {Operand(Kind.JSON, most_rest).json()})"
        if path.typed.kind is Kind.JSON_NUMBER:
            return _number_or_text(path, key, aggregates, shown)
        return Group({key: path.key()}, aggregates, key, shown, {})
    if path.kind is Kind.JSON:
        return Group({key: path.key()}, [f"max({path.sql}) AS {most}"], key, Operand(path.kind, most).json(), {})
    if path.kind is Kind.NUMBER:
        return Group({key: path.sql}, [], Operand(path.kind, key).text(), Operand(path.kind, key).json(), {})
    return Group({key: path.key()}, [], key, f"to_json({key})::VARCHAR", {})


def _number_or_text(path: Split, key: str, aggregates: Sequence[str], shown: str) -> Group:
    """Group by a number, or else by a text that says no number as its JSON would."""
    text, number, other = f"{key}_text", key, f"{key}_other"
    in_text = f"promoted_number({text}, TRY_CAST({text} AS DOUBLE))"
    keys = {
        number: f"CASE WHEN {path.rest.sql} IS NULL THEN {path.typed.sql} ELSE {in_text} END",
        other: f"CASE WHEN {text} IS NOT NULL AND {in_text} IS NULL THEN {text} END",
    }
    prepared = {text: f"CASE WHEN {path.rest.sql} IS NOT NULL THEN {path.rest.key()} END"}
    return Group(keys, aggregates, f"coalesce(number_json({number}), {other})", shown, prepared)
