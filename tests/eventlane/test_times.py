from datetime import UTC, datetime, timedelta, timezone

import pytest

from eventlane.times import format_time, from_microseconds, read_time, readable_time, to_microseconds

TIME = datetime(2021, 10, 15, 15, 7, 39, 999_999, tzinfo=UTC)
YEAR_1, YEAR_9999 = -62_135_596_800_000_000, 253_402_300_799_999_999
ABROAD = TIME.astimezone(timezone(timedelta(hours=5, minutes=45)))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("2021-10-15T15:07:39Z", "2021-10-15T15:07:39Z"),
        ("2021-10-15t15:07:39z", "2021-10-15T15:07:39Z"),
        ("2021-10-15T15:07:39.123Z", "2021-10-15T15:07:39Z"),
        ("2021-10-15T15:07:39.999999999Z", "2021-10-15T15:07:39Z"),
        ("2021-10-15T15:07:39+02:00", "2021-10-15T13:07:39Z"),
        ("2021-12-31T23:30:00-01:00", "2022-01-01T00:30:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_dates_that_are_read(text: str, expected: str) -> None:
    moment = read_time(text)

    assert moment is not None and format_time(moment) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2021-10-15",
        "2021-10-15T15:07:39",
        "15:07:39Z",
        "2021-13-15T15:07:39Z",
        "2021-02-30T00:00:00Z",
        "now",
        "2021-10-15T15:07:39+0200",
        "2021-10-15T15:07:39.Z",
        "2021-10-15T15:07:39.1234567891Z",
        "٢٠٢١-10-15T15:07:39Z",
        "2021-10-15T24:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "2021-10-15T15:07:39Z\n",
    ],
)
def test_dates_that_are_refused(text: str) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize("time", [TIME, ABROAD])
def test_date_is_written_in_utc_with_whole_seconds_unless_asked_for_more(time: datetime) -> None:
    assert format_time(time) == "2021-10-15T15:07:39Z"
    assert format_time(time, "milliseconds") == "2021-10-15T15:07:39.999Z"
    assert format_time(time.replace(microsecond=0), "microseconds") == "2021-10-15T15:07:39.000000Z"


@pytest.mark.parametrize("time", [TIME, ABROAD])
def test_people_read_minutes(time: datetime) -> None:
    assert readable_time(time) == "2021-10-15 15:07 UTC"
    assert readable_time(time, "seconds") == "2021-10-15 15:07:39 UTC"


@pytest.mark.parametrize("microseconds", [0, -1, 1_634_310_459_999_999, YEAR_1, YEAR_9999])
def test_no_microsecond_is_lost(microseconds: int) -> None:
    assert to_microseconds(from_microseconds(microseconds)) == microseconds


def test_microseconds_are_the_same_wherever_the_clock_is() -> None:
    assert to_microseconds(ABROAD) == to_microseconds(TIME) == 1_634_310_459_999_999
