"""Events as lines of text: for people, or as JSON for programs.

The content of an event comes from outside. Its control characters must not reach a terminal, where they could change
the title, hide text, or send answers as if typed.
"""

import json
import re
from functools import lru_cache

from eventlane.times import format_time
from events.lake.query import EventRow

# C0, DEL, C1, separators that some programs treat as line ends, and changes of the writing direction.
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")

RESET, DIM, RED, YELLOW, GREEN, CYAN = ("\x1b[0m", "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[36m")
COLOURS = {
    **dict.fromkeys(("fatal", "critical", "crit", "error", "err", "alert", "emerg", "panic"), RED),
    **dict.fromkeys(("warn", "warning"), YELLOW),
    **dict.fromkeys(("info", "information", "notice"), GREEN),
    **dict.fromkeys(("debug", "trace", "verbose", "silly"), DIM),
    # pino's levels
    "10": DIM,
    "20": DIM,
    "30": GREEN,
    "40": YELLOW,
    "50": RED,
    "60": RED,
}


def plain_line(row: EventRow, *, coloured: bool = False) -> str:
    """Return an event in one line: time, level, namespace, service, message (or the whole event)."""
    where = "/".join(visible(part) for part in (row.namespace, row.service) if part)
    level = visible(row.level or "-").upper()
    text = _without_line_ends(row.event) if row.message is None else row.message
    error = f"  error={visible(row.error)}" if row.error is not None and row.message is not None else ""
    if not coloured:
        return f"{format_time(row.event_time, 'milliseconds')} {level:<5} {where} {visible(text)}{error}"
    colour = COLOURS.get((row.level or "").lower(), "")
    return (
        f"{DIM}{format_time(row.event_time, 'milliseconds')}{RESET} {colour}{level:<5}{RESET} {CYAN}{where}{RESET} "
        f"{visible(text)}{RED}{error}{RESET}"
    )


def json_line(row: EventRow, *, safe: bool = False) -> str:
    """Return an event as a JSON object in one line, with its own text unchanged except for line ends between tokens.

    With `safe`, characters that a terminal would obey are escaped; in JSON, they can only be in strings.
    """
    event = _without_line_ends(row.event)
    if safe:
        event = safe_json(event)
    return (
        f'{{"id": "{row.id}", "received_time": "{format_time(row.received_time, "microseconds")}",'
        f' "event_time": "{format_time(row.event_time, "microseconds")}",'
        f' "namespace": {_json(row.namespace)}, "service": {_json(row.service)}, "event": {event}}}'
    )


def safe_json(text: str) -> str:
    """Return JSON with what a terminal would obey escaped; but for tabs between tokens it can only be in strings."""
    return UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text.replace("\t", " "))


def visible(text: str) -> str:
    """Return the text with control characters written as in a Python string."""
    return UNSAFE.sub(lambda match: repr(match[0])[1:-1], text)


def _without_line_ends(event: str) -> str:
    """Return an event in one line: raw line ends can only be between tokens."""
    return event.replace("\n", " ").replace("\r", " ")


@lru_cache
def _json(text: str | None) -> str:
    return json.dumps(text)
