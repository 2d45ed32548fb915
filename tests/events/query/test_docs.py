"""The examples of docs/query.md are true."""

import json
import re

import pytest

from eventlane.configuration import ROOT
from events.query.body import MEMBERS, OPS
from events.query.calculations import OPERATIONS
from events.query.paths import COLUMNS
from tests.events.query.table import NOW_US, Table

PAGE = (ROOT / "docs" / "query.md").read_text()
EVENTS = re.findall(r'^\{"n".*\}$', PAGE, re.MULTILINE)
# A cell may hold a | between backticks, and the number of events follows.
EXAMPLES = re.findall(r"^\| `(.+?)` \| ([\d ]+) \|", PAGE, re.MULTILINE)


def test_page_has_examples() -> None:
    assert len(EVENTS) == 4
    assert len(EXAMPLES) > 20


@pytest.mark.parametrize(("line", "numbers"), EXAMPLES)
def test_search_finds_what_the_page_says(table: Table, line: str, numbers: str) -> None:
    table.fill([json.loads(text) | {"timestamp": NOW_US // 1_000_000 - 60} for text in EVENTS])
    assert table.found(q=line) == [int(number) for number in numbers.split()]


def test_page_names_everything_there_is() -> None:
    words = set(re.findall(r"`([^`\s]+)`", PAGE))
    assert set(MEMBERS) <= words
    assert set(OPERATIONS) <= words
    assert set(OPS) <= words
    assert set(COLUMNS) <= words | {"span_id"}
