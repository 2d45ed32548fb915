"""The tables of names and levels, and the page that tells users of them."""

import pytest

from events.lake.levels import SPELLINGS
from events.lake.names import NAMES, Place, places
from tests.server import ROOT

PAGE = (ROOT / "docs" / "fields.md").read_text()


@pytest.mark.parametrize("column", NAMES)
def test_page_lists_the_names(column: str) -> None:
    assert f"| `{column}` | {' '.join(f'`{name}`' for name in NAMES[column])} |" in PAGE


@pytest.mark.parametrize("level", SPELLINGS)
def test_page_lists_the_levels(level: str) -> None:
    assert f"| `{level}` | {' '.join(f'`{spelling}`' for spelling in SPELLINGS[level].split())} |" in PAGE


def test_name_with_dots_is_tried_as_a_key_first() -> None:
    assert list(places("a.b.c")) == [
        Place("a.b.c", "a.b.c"),
        Place("a.b.c", "a.b", ("c",)),
        Place("a.b.c", "a", ("b.c",)),
        Place("a.b.c", "a", ("b", "c")),
    ]
