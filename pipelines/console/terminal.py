"""Terminal output for a web page: colours become classes, and of rewritten lines only the last version is shown."""

import re

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")
# CSI sequences, complete OSC sequences and other escapes, including one cut off at the end of the text.
ESCAPE = re.compile(r"\x1b(?:\[([0-?]*)[ -/]*([@-~]?)|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]")


def as_text(output: str) -> str:
    """Return the output without escape sequences, with only the last version of each line."""
    return CONTROL.sub("", ESCAPE.sub("", _rewritten(output)))


def as_html(output: str) -> SafeString:
    """Return the output as HTML, with spans for the sixteen colours and bold. Other sequences are dropped."""
    pieces, state, position = [], frozenset[str](), 0
    text = _rewritten(output)
    for match in ESCAPE.finditer(text):
        pieces.append(_span(text[position : match.start()], state))
        position = match.end()
        if match[2] == "m":
            state = _after(state, match[1] or "0")
    pieces.append(_span(text[position:], state))
    return mark_safe("".join(pieces))


def _rewritten(output: str) -> str:
    """Drop what was overwritten after a carriage return, as progress bars do."""
    lines = output.replace("\r\n", "\n").split("\n")
    return "\n".join(next(filter(None, reversed(line.split("\r"))), "") for line in lines)


def _span(text: str, state: frozenset[str]) -> str:
    shown = escape(CONTROL.sub("", text))
    return f'<span class="{" ".join(sorted(state))}">{shown}</span>' if shown and state else shown


def _after(state: frozenset[str], parameters: str) -> frozenset[str]:
    """Return the classes after a colour sequence."""
    codes = [int(code) if code.isdecimal() and len(code) < 4 else 0 for code in parameters.split(";")]
    while codes:
        code = codes.pop(0)
        colours = {one for one in state if one != "ev-bold"}
        if code == 0:
            state = frozenset()
        elif code == 1:
            state |= {"ev-bold"}
        elif code == 22:
            state -= {"ev-bold"}
        elif code in (38, 48):  # of 256 colours or 24-bit colours: followed by two or four numbers
            codes = codes[2:] if codes[:1] == [5] else codes[4:]
        elif 30 <= code <= 37 or 90 <= code <= 97:
            state = state - colours | {f"ev-{COLOURS[code % 10]}"}
        elif code == 39:
            state -= colours
    return state
