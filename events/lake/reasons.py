"""Say in one line why the lake can't do something."""

import re

from eventlane.one_line import one_line

# A failed commit shows all of its SQL, including events, before PostgreSQL's reply.
_SQL = re.compile(r'.*": (?=ERROR:)', re.DOTALL)
_ROW = re.compile(r"\sDETAIL:.*", re.DOTALL)


def reason_of(error: Exception) -> str:
    """Return the class and message of an error, without the SQL and the rows that it quotes."""
    text = _ROW.sub("", _SQL.sub("", str(error)))
    return one_line(f"{type(error).__name__}: {text}")
