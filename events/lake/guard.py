"""Keep users' text out of the SQL that DuckLake sends to its catalog.

DuckLake replaces words like {DATA_PATH} wherever they stand in its SQL, also within the values there. Two kinds
of our text get into it: the least and the greatest text of a column, at each commit of a file, and what a reader
compares a column with. The first fails the commit, the second the query, and where nothing fails DuckLake believes
in wrong bounds and leaves out files that hold what is looked for.

So text that could be taken for such a word is guarded: stored behind a U+0000, since DuckLake writes no bounds that
hold one. And a column of text is compared as bytes, out of a function that DuckLake doesn't look into (see
conditions.py): its bounds of texts can't be trusted anyway. (An unknown bound is forgotten at the next commit.)
"""

import re

GUARD = "\0"
# More than the words there are. Bounds are cut to 256 bytes with the last character counted up, so | becomes }.
PATTERN = r"\{[A-Z_]+[|}]"
_WORD = re.compile(PATTERN)

# `plain` undoes `guarded`, which is the same as the functions below.
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
