"""Keep users' text out of the SQL that DuckLake sends to its catalog.

DuckLake replaces words like {DATA_PATH} anywhere in its SQL, even within values. Two kinds of users' text get into that
SQL: the least and the greatest text of a column, whenever a file is committed, and the text that a reader compares a
column with. The first makes commits fail, the second queries. If nothing fails, DuckLake believes wrong bounds and
skips files that contain what is searched for.

Text that could be taken for such a word is therefore guarded: it is stored after a U+0000, since DuckLake writes no
bounds that contain one. And text columns are compared as bytes, using a function that DuckLake doesn't look into (see
conditions.py): its text bounds can't be trusted anyway. (An unknown bound is forgotten at the next commit.)
"""

import re

GUARD = "\0"
# More than the existing words. Bounds are cut to 256 bytes, with the last character incremented, so | becomes }.
PATTERN = r"\{[A-Z_]+[|}]"
_WORD = re.compile(PATTERN)

# `plain` reverses `guarded`, like the functions below.
MACROS = rf"""
CREATE TEMP MACRO guarded(t) AS
    CASE WHEN starts_with(t, chr(0)) OR regexp_matches(t, '{PATTERN}') THEN chr(0) || t ELSE t END;
CREATE TEMP MACRO plain(t) AS CASE WHEN starts_with(t, chr(0)) THEN substring(t, 2) ELSE t END;
"""


def guarded(text: str) -> str:
    """Return the text as it is stored."""
    return GUARD + text if text.startswith(GUARD) or _WORD.search(text) else text


def plain(text: str) -> str:
    """Return a stored text as it was before `guarded`."""
    return text[1:] if text.startswith(GUARD) else text
