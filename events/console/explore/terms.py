"""Terms of a search line that people needn't type: what finds the events with a value, or those without."""

import json
import re

from eventlane import exact_numbers
from events.console.explore.event_text import Keys
from events.lake.json_paths import path_of, pointer
from events.lake.lines import UNSAFE
from events.lake.query import EventRow
from events.query.model import Any
from events.query.paths import COLUMNS
from events.query.search import parse_search

LONGEST_VALUE = 200  # characters: a term stands in an address
_PLAIN_PATH = re.compile(r"[A-Za-z_@][\w@-]*(\.[\w@-]+){0,3}", re.ASCII)
_PLAIN_TEXT = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)


def term_of(keys: Keys, value: str, row: EventRow) -> str | None:
    """Return the term that finds what stands at the keys of an event, as JSON has both; None where no term can.

    Of a list, a search finds each element, whatever its index, but not those of lists in it.
    """
    keys = keys[:-1] if isinstance(keys[-1], int) else keys
    if isinstance(keys[-1], int):
        return None
    names, text = [str(json.loads(key)) if isinstance(key, str) else str(key) for key in keys], _text(value)
    if text is None or not all(map(_can_be_typed, [*names, text])):
        return None
    is_plain = _PLAIN_TEXT.fullmatch(text) or not value.startswith('"')
    path = _path(names[0], text, row) if len(names) == 1 else _deep_path(names)
    return f"{path}:{text if is_plain else quoted(text)}"


def _text(value: str) -> str | None:
    """Return what a value is compared as: a text, or a number or boolean as it is written; null is nothing."""
    if value in ("null", "{}", "[]"):
        return None
    return str(json.loads(value)) if value.startswith('"') else value


def _can_be_typed(text: str) -> bool:
    """Tell whether an input field and an address keep a text as it is."""
    return len(text) <= LONGEST_VALUE and not UNSAFE.search(text)


def _path(key: str, text: str, row: EventRow) -> str:
    """Return the path of an event's own key. A column's name means the column, which may hold another value."""
    if key in COLUMNS:
        is_column = key in ("level", "message", "service") and getattr(row, key) == text
        return key if is_column else quoted(pointer([key]))
    return key if _PLAIN_PATH.fullmatch(key) else quoted(pointer([key]))


def _deep_path(names: list[str]) -> str:
    path = path_of(names)
    return path if _PLAIN_PATH.fullmatch(path) else quoted(pointer(names))


def group_term(path: str, value: object) -> str | None:
    """Return the term that finds the events of a group: those with this value at the path, or with none there."""
    shown = path if _PLAIN_PATH.fullmatch(path) else quoted(path)
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
    """Return a line of `open_to_more` with one more term."""
    return f"{q} {term}".strip()
