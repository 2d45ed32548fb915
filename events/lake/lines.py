"""Events as lines of text: for people, and as JSON for programs.

What an event holds was written by somebody else. Control characters in it must not reach a terminal, where
they could retitle the window, hide text or answer questions on the keyboard's behalf.
"""

import json
import re
from functools import lru_cache

from eventlane.times import format_time
from events.lake.query import EventRow

# C0, DEL, C1, the separators that some programs take for line ends, and what turns the direction of writing.
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
    """Return an event as one line: time, level, namespace, service, message (or else the whole event)."""
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
    """Return an event as one JSON object in one line, its own text unchanged but for line ends between tokens.

    With `safe` what a terminal would obey is escaped; JSON allows such characters only in strings.
    """
    event = _without_line_ends(row.event)
    if safe:
        event = UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", event.replace("\t", " "))
    return (
        f'{{"id": "{row.id}", "received_time": "{format_time(row.received_time, "microseconds")}",'
        f' "event_time": "{format_time(row.event_time, "microseconds")}",'
        f' "namespace": {_json(row.namespace)}, "service": {_json(row.service)}, "event": {event}}}'
    )


def visible(text: str) -> str:
    """Return the text with control characters written as in a Python string."""
    return UNSAFE.sub(lambda match: repr(match[0])[1:-1], text)


def _without_line_ends(event: str) -> str:
    """Return an event in one line: raw line ends can only stand between tokens."""
    return event.replace("\n", " ").replace("\r", " ")


@lru_cache
def _json(text: str | None) -> str:
    return json.dumps(text)
