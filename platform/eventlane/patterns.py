"""What messages have in common: the same words around other numbers, ids and quoted texts."""

import re

ANYTHING = "*"
LONGEST = 300  # characters of a message that are looked at
_VARIABLE = re.compile(
    r"""
      "[^"]*" | (?<!\w)'[^']*'(?!\w) | `[^`]*` | “[^”]*”       # quoted
    | [0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}               # a UUID
    | 0x[0-9a-f]+
    | \b(?=[a-z]*[0-9])[0-9a-z]{16,}\b                          # an id, a digest
    | \b(?=[a-f]*[0-9])[0-9a-f]{7,}\b                           # a short digest
    | (?<![a-z])[-+]?[0-9][0-9.,:]*(?<![.,:])                   # numbers, times, addresses
    """,
    re.VERBOSE | re.IGNORECASE,
)
_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$/]")
_STARS = re.compile(r"\*(?:[-+.,:/_]?\*)+")


def pattern_of(message: str) -> str:
    """Return the first line of a message with ANYTHING in the place of what differs from one to the next."""
    line = next((line.strip() for line in message.splitlines() if line.strip()), "")[:LONGEST]
    return _STARS.sub(ANYTHING, _VARIABLE.sub(ANYTHING, line))


def expression_of(pattern: str, *, any_line: bool = False) -> str:
    """Return the regular expression, between slashes, that the messages of a pattern match: any line, or the first."""
    parts = (_SPECIAL.sub(r"\\\g<0>", part) for part in pattern.split(ANYTHING))
    return f"/{'(?m)' if any_line else ''}^\\s*{'.*'.join(parts)}/"
