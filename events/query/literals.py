"""Texts that stand in whatever a regular expression matches."""

import re

_FLAGS = re.compile(r"\(\?([ims]+)\)")
_REPEAT = re.compile(r"\{[0-9]+(,[0-9]*)?\}")
_CLASS = re.compile(r"\[\^?\]?(?:[^\]\\\[]|\\.)*\]", re.DOTALL)
_CLASS_ESCAPE = re.compile(r"\\[dDwWsSbBAz]")
_LITERAL_ESCAPE = re.compile(r"\\([^0-9A-Za-z])", re.DOTALL)
_FOLDED = "kKsS"  # RE2 takes K (U+212A) and ſ for these, too, and lower() doesn't


def literals(expression: str) -> list[str]:
    """Return such texts of an RE2 expression, in any letter case; none where that would take a closer look."""
    flags = _FLAGS.match(expression)
    found = [""]
    at = flags.end() if flags else 0
    while at < len(expression):
        end = _read(expression, at, found, ignores_case=bool(flags and "i" in flags[1]))
        if end is None:
            return []
        at = end
    return [text for text in found if text]


def _read(expression: str, at: int, found: list[str], *, ignores_case: bool) -> int | None:
    """Read one part into `found`, of which the last text goes on; return where it ends, None if it isn't understood."""
    here = expression[at]
    if repeat := _REPEAT.match(expression, at):
        found[-1:] = [found[-1][:-1], ""]
        return repeat.end()
    if here in "*?":
        found[-1:] = [found[-1][:-1], ""]
        return at + 1
    if part := _CLASS.match(expression, at) or _CLASS_ESCAPE.match(expression, at):
        found.append("")
        return part.end()
    if here in "+.^$":
        found.append("")
        return at + 1
    escaped = _LITERAL_ESCAPE.match(expression, at)
    if not escaped and here in "|()[]{}\\":
        return None
    character = escaped[1] if escaped else here
    if ignores_case and (character in _FOLDED or not character.isascii()):
        found.append("")
    else:
        found[-1] += character
    return escaped.end() if escaped else at + 1
