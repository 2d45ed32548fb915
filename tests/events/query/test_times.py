"""Times of a query: every way to write one means the same moment."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from events.query.times import InvalidTime, read_duration, read_time, show_time

NOW_US = 1_795_780_800_000_000  # 2026-11-27T12:00:00Z
BERLIN = ZoneInfo("Europe/Berlin")


def read(value: Any) -> str:
    return show_time(read_time(value, now_us=NOW_US, zone=BERLIN))


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-11-27T10:00:00Z", "2026-11-27T10:00:00Z"),
        ("2026-11-27T10:00:00+02:00", "2026-11-27T08:00:00Z"),
        ("2026-11-27 10:00:00.123456789z", "2026-11-27T10:00:00.123456Z"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z"),
        ("2026-11-27", "2026-11-26T23:00:00Z"),
        ("2026-07-01", "2026-06-30T22:00:00Z"),
        (1_795_780_800, "2026-11-27T12:00:00Z"),
        (1_795_780_800_000, "2026-11-27T12:00:00Z"),
        (1_795_780_800_000_000, "2026-11-27T12:00:00Z"),
        (1_795_780_800_000_000_000, "2026-11-27T12:00:00Z"),
        (1_795_780_800.5, "2026-11-27T12:00:00.500000Z"),
        ("1795780800", "2026-11-27T12:00:00Z"),
        ("15", "1970-01-01T00:00:15Z"),
        (0, "1970-01-01T00:00:00Z"),
        ("now", "2026-11-27T12:00:00Z"),
        ("90s", "2026-11-27T11:58:30Z"),
        ("15m", "2026-11-27T11:45:00Z"),
        ("15mins", "2026-11-27T11:45:00Z"),
        ("1h", "2026-11-27T11:00:00Z"),
        ("2d", "2026-11-25T12:00:00Z"),
        ("2days", "2026-11-25T12:00:00Z"),
        ("2 days", "2026-11-25T12:00:00Z"),
        ("1w", "2026-11-20T12:00:00Z"),
        ("now-15m", "2026-11-27T11:45:00Z"),
        ("now+1h", "2026-11-27T13:00:00Z"),
    ],
)
def test_time_is_read(value: Any, moment: str) -> None:
    assert read(value) == moment


@pytest.mark.parametrize(
    "value",
    [
        *("", "yesterday", "2026-13-01", "2026-11-27T10:00:00", "2026-11-27T25:00:00Z", "2026-11-27T10:00:00+99:00"),
        *("5x", "now-", "now-now", "-15m", "99999999999999w", None, True, [], {}, 1e300, "9" * 19, float("inf")),
    ],
)
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(InvalidTime):
        read(value)


def test_duration_has_a_unit() -> None:
    assert read_duration("5m") == 300_000_000
    for text in ("5", "m", "-5m", "1.5h", None, 5):
        with pytest.raises(InvalidTime):
            read_duration(text)
