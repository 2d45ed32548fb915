"""Terms of a search line that people needn't type: what finds the events with a value, or those without."""

import json
import re
from collections.abc import Sequence

from eventlane import exact_numbers
from events.console.explore.event_text import Keys
from events.lake.json_paths import path_of, pointer
from events.lake.lines import UNSAFE
from events.lake.query import EventRow
from events.query.model import Any
from events.query.paths import COLUMNS, check_path
from events.query.search import parse_search, split_search
from events.query.typed import elements

LONGEST_VALUE = 200  # characters: a term stands in an address
PLAIN_PATH = re.compile(r"[A-Za-z_@][\w@-]*(\.[\w@-]+){0,3}", re.ASCII)
_PLAIN_TEXT = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


def term_of(keys: Keys, value: str, row: EventRow) -> str | None:
    """Return the term that finds what stands at the keys of an event, as JSON has both; None where no term can.

    Of a list, a search finds each element, whatever its index, but not those of lists in it.
    """
    keys = keys[:-1] if isinstance(keys[-1], int) else keys
    if isinstance(keys[-1], int):
        return None
    names, text = names_of(keys), _text(value)
    if text is None or not all(map(_can_be_typed, [*names, text])):
        return None
    is_plain = _PLAIN_TEXT.fullmatch(text) or not value.startswith('"')
    path = path_to(names, text, row)
    return f"{path if PLAIN_PATH.fullmatch(path) else quoted(path)}:{text if is_plain else quoted(text)}"


def names_of(keys: Keys) -> list[str]:
    """Return keys as they are called."""
    return [str(json.loads(key)) if isinstance(key, str) else str(key) for key in keys]


def _text(value: str) -> str | None:
    """Return what a value is compared as: a text, or a number or boolean as it is written; null is nothing."""
    if value in ("null", "{}", "[]"):
        return None
    return str(json.loads(value)) if value.startswith('"') else value


def _can_be_typed(text: str) -> bool:
    """Tell whether an input field and an address keep a text as it is."""
    return len(text) <= LONGEST_VALUE and not UNSAFE.search(text)


def path_to(names: Sequence[str], text: str | None, row: EventRow) -> str:
    """Return the path by which a query finds what stands at these names of an event.

    A column's name means the column: the path is that only if the column holds this text, too.
    """
    path = path_of(names)
    if len(names) == 1 and names[0] in COLUMNS:
        is_column = names[0] in ("level", "message", "service") and getattr(row, names[0]) == text
        return path if is_column else pointer([*names])
    return path if PLAIN_PATH.fullmatch(path) else pointer([*names])


def column_path(keys: Keys, value: str, row: EventRow) -> str:
    """Return the path of `path_to` if it can stand in a list of columns in an address; else nothing."""
    names = names_of(keys)
    path = path_to(names, _text(value), row)
    is_path = check_path(path) is None and all(map(_can_be_typed, names))
    return path if is_path and elements(path) == [path] else ""


def group_term(path: str, value: object) -> str | None:
    """Return the term that finds the events of a group: those with this value at the path, or with none there."""
    shown = path if PLAIN_PATH.fullmatch(path) else quoted(path)
    if value is None:
        return f"-{shown}:*"
    if isinstance(value, list | dict):
        return None
    text = value if isinstance(value, str) else exact_numbers.encode(value).decode()
    if not _can_be_typed(path) or not _can_be_typed(text):
        return None
    return f"{shown}:{text if _PLAIN_TEXT.fullmatch(text) or not isinstance(value, str) else quoted(text)}"


def quoted(text: str) -> str:
    """Return a text in the quotation marks of a search line."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def open_to_more(q: str) -> str:
    """Return a search line to which terms can be added that must hold, too: `OR` binds weaker than they do."""
    return f"({q})" if isinstance(parse_search(q), Any) else q


def with_term(q: str, term: str) -> str:
    """Return a line of `open_to_more` with one more term; as it is if it has this one."""
    return q if term in q and term in split_search(q) else f"{q} {term}".strip()
