"""Say in a line why something can't be done with the lake."""

import re

from eventlane.one_line import one_line

# A failed commit shows all of its SQL, and with it events, before it says what PostgreSQL answered.
_SQL = re.compile(r'.*": (?=ERROR:)', re.DOTALL)
_ROW = re.compile(r"\sDETAIL:.*", re.DOTALL)


def reason_of(error: Exception) -> str:
    """Return the kind of an error and what it says, without the SQL and the rows that it quotes."""
    text = _ROW.sub("", _SQL.sub("", str(error)))
    return one_line(f"{type(error).__name__}: {text}")
