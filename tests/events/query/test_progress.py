"""A long time frame is counted in parts, which never change what is counted, and tell how far it is."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.lake.deadline import QueryTimeout
from events.query import progress as module
from events.query.body import read_query
from events.query.files import File
from events.query.model import Query
from events.query.progress import Progress
from events.query.run import answer_query
from tests.events.query.table import NOW_US, Table
from tests.events.query.test_newest import Late, file

HOUR_US = 3_600_000_000
BY_HOUR = {"datasets": ["logs"], "from": "24h", "calculations": [{"op": "count"}], "granularity": "1h"}
HOURS = [NOW_US + hour * HOUR_US for hour in range(-24, 1)]
HOURLY = [file(hour, 1_000_000, hour - 1) for hour in range(1, 25)]


def query_by_hour() -> Query:
    return read_query(BY_HOUR, now_us=NOW_US)


def starts(files: Sequence[File], events: int) -> list[float]:
    """Return how many hours ago the parts begin, if each takes no time but as much as PART_SECONDS allows."""
    query = query_by_hour()
    parts = Progress(query, files, events).parts(query, HOURS)
    return [(NOW_US - part.from_us) / HOUR_US for part in parts]


def test_what_is_quick_is_counted_in_two_parts_at_most() -> None:
    assert starts(HOURLY[:3], 3_000_000) == [24]
    assert starts(HOURLY[:12], 12_000_000) == [1, 24]
    assert starts(HOURLY, 24_000_000) == [1, 17, 24]  # grows sixteenfold


def test_what_is_slow_is_counted_in_parts_of_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_SECONDS", 0)
    assert starts(HOURLY, 24_000_000) == list(range(1, 25))


@pytest.mark.parametrize(
    "files",
    [
        [file(24, 6_000_000), file(24, 6_000_000)],  # each part would read both
        [File(1, 12_000_000, 1, None, None)],
        [file(24, 12_000_000)],
        [],
    ],
)
def test_files_of_long_times_are_not_read_twice(files: list[File]) -> None:
    assert starts(files, 12_000_000) == [24]


times = st.integers(NOW_US - 30 * HOUR_US, NOW_US + HOUR_US)
files_of_any_times = st.lists(
    st.builds(
        lambda first, length, rows: File(1, rows, 1, first, first + length),
        times,
        st.integers(0, 10 * HOUR_US),
        st.integers(1, 10**8),
    )
)


@given(files=files_of_any_times)
def test_parts_are_the_whole_time_frame_and_begin_with_buckets(files: list[File]) -> None:
    query = query_by_hour()
    progress = Progress(query, files, 10**8)
    end = query.to_us
    for part in progress.parts(query, HOURS):
        assert part.to_us == end and part.from_us in HOURS
        assert progress.since_us == (None if end == query.to_us else end)
        end = part.from_us
    assert end == query.from_us


def test_parts_count_what_the_whole_counts_and_tell_how_far_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_SECONDS", 0)
    events, query, told = Table(), query_by_hour(), []
    events.fill([f'{{"timestamp":{(NOW_US - hour * HOUR_US) // 1000 + 1},"n":{hour}}}' for hour in range(1, 25)])
    progress = Progress(query, HOURLY, 24_000_000, lambda *far: told.append(far))
    in_parts, whole = answer_query(query, events, progress=progress), answer_query(query, events)
    events.close()
    assert in_parts.rows == whole.rows == [[24]]
    assert in_parts.series and whole.series and in_parts.series.values == whole.series.values == [[[1] * 24]]
    assert told == [(hour * 1_000_000, 24_000_000) for hour in range(1, 24)]


def test_timeout_says_about_how_many_events_were_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART_SECONDS", 0)
    events, query = Late(), query_by_hour()
    events.fill(["{}"])
    events.left = 6
    with pytest.raises(QueryTimeout) as raised:
        answer_query(query, events, progress=Progress(query, HOURLY, 24_000_000))
    events.close()
    assert raised.value.data == {
        "events": 24_000_000, "looked_at": 6_000_000, "looked_back_to": "2026-11-27T06:00:00Z",
    }  # fmt: skip
    assert "There were 24,000,000 events to look at. It had looked at about 6,000,000 of them" in raised.value.message
