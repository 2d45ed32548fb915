"""The newest events are looked for in parts of the time frame, which never change what is found."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.lake.deadline import QueryTimeout
from events.query.body import read_query, show_place
from events.query.files import File, newest_first
from events.query.model import Place
from events.query.run import answer_query
from tests.events.query.table import NOW_US, Table

HOUR_US = 3_600_000_000
DAY = {"datasets": ["logs"], "from": "1d"}


def file(hours_ago: float, rows: int, last_hours_ago: float = 0) -> File:
    return File(1, rows, 1, round(NOW_US - hours_ago * HOUR_US), round(NOW_US - last_hours_ago * HOUR_US) - 1)


def starts(*files: File, **body: Any) -> list[float]:
    """Return how many hours ago the parts begin."""
    query = read_query(DAY | body, now_us=NOW_US)
    return [round((NOW_US - part.from_us) / HOUR_US, 3) for part in newest_first(query, files)]


def test_parts_grow_with_the_number_of_events() -> None:
    assert starts(file(10, 10 * 20_480)) == [1, 24]
    assert starts(file(20, 1000 * 20_480)) == [0.02, 0.32, 5.12, 24]
    assert starts(file(20, 10 * 20_480, 10), file(9, 10 * 20_480)) == [0.9, 16, 24]
    assert starts(file(20, 100)) == starts() == starts(File(1, 10**9, 1, None, None)) == [24]
    assert starts(file(20, 10**6), order_by=[{"by": "duration"}]) == [24]


times = st.integers(NOW_US - 30 * HOUR_US, NOW_US + HOUR_US)
files = st.lists(
    st.builds(
        lambda first, length, rows: File(1, rows, 1, first, first + length),
        times,
        st.integers(0, 10 * HOUR_US),
        st.integers(1, 10**8),
    )
)


@given(files=files, before=st.none() | times)
def test_parts_are_the_whole_time_frame(files: list[File], before: int | None) -> None:
    cursor = before and show_place(Place(before, str(UUID(int=1))))
    query = read_query(DAY | {"before": cursor}, now_us=NOW_US)
    end = query.to_us
    for part in newest_first(query, files):
        assert query.from_us <= part.from_us < part.to_us == end
        end = part.from_us
    assert end == query.from_us


class Late(Table):
    """Events that so many statements can be asked for in time."""

    left = 100

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        self.left -= 1
        if self.left < 0:
            raise QueryTimeout
        return super().execute(sql, parameters)


@pytest.mark.parametrize(
    ("in_time", "looked_back_to"), [(0, ""), (1, "2026-11-27T11:00:00Z"), (2, "2026-11-26T20:00:00Z")]
)
def test_timeout_says_since_when_all_events_were_looked_at(in_time: int, looked_back_to: str) -> None:
    events, query = Late(), read_query(DAY, now_us=NOW_US)
    events.fill(["{}"])
    events.left = in_time
    with pytest.raises(QueryTimeout) as raised:
        answer_query(query, events, files=[file(20, 20 * 20_480)])
    events.close()
    assert (raised.value.data or {}).get("looked_back_to", "") == looked_back_to
    assert looked_back_to in raised.value.message
