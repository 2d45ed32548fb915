"""The columns that somebody adds to Explore's list of events: what stands at their paths."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from eventlane import exact_numbers
from eventlane.exact_numbers import ExactNumber
from eventlane.zone_choice import zoned_text
from events.lake.json_paths import spellings
from events.lake.lines import visible
from events.lake.query import EventRow
from events.query.paths import COLUMNS
from events.query.units import DURATION, duration_text, exact_duration
from pipelines.resources.filters import INDEX

LONGEST_CELL = 120


def cells(row: EventRow, dataset_name: str, paths: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return the paths with what an event has there, numbers digit for digit; nothing where it has nothing.

    It stands twice, first as people read it: the duration in a suitable unit.
    """
    is_read = any(path not in COLUMNS for path in paths)
    event = read_event(row) if is_read else None

    def value(path: str) -> Any:
        return _column(row, dataset_name, path) if path in COLUMNS else value_at(event, path)

    return [_cell(path, value(path)) for path in paths]


def _cell(path: str, value: Any) -> tuple[str, str, str]:
    if path == DURATION and value is not None:
        return path, duration_text(value), exact_duration(value)
    return path, _text(value), _text(value)


def read_event(row: EventRow) -> Any:
    """Return an event's JSON with numbers as they were sent; nothing of one with too many levels for Python."""
    try:
        return json.loads(row.event, parse_int=ExactNumber, parse_float=ExactNumber)
    except RecursionError:
        return None


def _column(row: EventRow, dataset_name: str, path: str) -> Any:
    value = dataset_name if path == "dataset" else getattr(row, path)
    return zoned_text(value, "milliseconds") if isinstance(value, datetime) else value


def value_at(event: Any, path: str) -> Any:
    """Return what a path finds in an event's JSON, as in a query; None where it finds nothing, or null."""
    return next((found for keys in spellings(path) if (found := _follow(event, keys)) is not None), None)


def _follow(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and INDEX.fullmatch(key) and int(key) < len(value):
            value = value[int(key)]
        else:
            return None
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else _json(value)
    return visible(text[:LONGEST_CELL]) + ("…" if len(text) > LONGEST_CELL else "")


def _json(value: Any) -> str:
    try:
        return exact_numbers.encode(value).decode().strip('"')
    except RecursionError:
        return "…"
