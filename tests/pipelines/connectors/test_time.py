"""When timers tick."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from eventlane.times import format_time
from pipelines.connectors import subscription_problems
from pipelines.connectors.time import DAYS, due_ticks, first_tick, next_tick, tick_after_pause

PERIOD = 90


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def following(parameters: dict[str, Any], after: str, count: int = 1) -> list[str]:
    """The next ticks, each asked for from the one before."""
    tick: datetime | None = moment(after)
    found = []
    while len(found) < count and (tick := next_tick(parameters, tick)):
        found.append(format_time(tick))
    return found


@pytest.mark.parametrize(
    "parameters, after, expected",
    [
        ({"oneshot": "2030-01-01T00:00:00Z"}, "2029-12-31T23:59:59Z", ["2030-01-01T00:00:00Z"]),
        ({"oneshot": "2030-01-01T02:00:00+02:00"}, "2029-12-31T23:59:59.9Z", ["2030-01-01T00:00:00Z"]),
        ({"oneshot": "2030-01-01T00:00:00Z"}, "2030-01-01T00:00:00Z", []),
        ({"periodic": 30}, "2030-01-01T00:00:00Z", ["2030-01-01T00:00:30Z", "2030-01-01T00:01:00Z"]),
        ({"hourly": {}}, "2030-01-01T00:00:00Z", ["2030-01-01T01:00:00Z", "2030-01-01T02:00:00Z"]),
        ({"hourly": {"minute": 5, "second": 7}}, "2030-01-01T00:05:06.9Z", ["2030-01-01T00:05:07Z"]),
        ({"hourly": {"minute": 5, "second": 7}}, "2030-01-01T00:05:07Z", ["2030-01-01T01:05:07Z"]),
        ({"daily": {}}, "2030-01-01T00:00:00Z", ["2030-01-02T00:00:00Z", "2030-01-03T00:00:00Z"]),
        ({"daily": {"hour": 12.0}}, "2030-02-28T13:00:00Z", ["2030-03-01T12:00:00Z"]),
        ({"weekly": {"day": "monday"}}, "2030-01-01T00:00:00Z", ["2030-01-07T00:00:00Z", "2030-01-14T00:00:00Z"]),
        ({"weekly": {"day": "tuesday"}}, "2030-01-01T00:00:00Z", ["2030-01-08T00:00:00Z"]),  # that was a Tuesday
        ({"weekly": {"day": "tuesday", "hour": 3}}, "2030-01-01T02:00:00Z", ["2030-01-01T03:00:00Z"]),
        ({"cron": {"expression": "30 2 * * *"}}, "2030-01-01T02:30:00Z", ["2030-01-02T02:30:00Z"]),
        ({"cron": {"expression": "0 9 * * mon-fri"}}, "2030-01-04T10:00:00Z", ["2030-01-07T09:00:00Z"]),
        ({"cron": {"expression": "0 0 29 2 *"}}, "2030-01-01T00:00:00Z", ["2032-02-29T00:00:00Z"]),
        ({"oneshot": "9999-12-31T23:59:59Z"}, "2030-01-01T00:00:00Z", ["9999-12-31T23:59:59Z"]),
        ({"hourly": {}}, "9999-12-31T23:30:00Z", []),  # no calendar of Python's goes on
        ({"cron": {"expression": "0 0 * * *"}}, "9999-12-31T23:30:00Z", []),
    ],
)  # fmt: skip
def test_next_ticks(parameters, after, expected):
    assert following(parameters, after, count=max(1, len(expected))) == expected


# What clocks that are set do: Europe/Berlin skips 02:00 to 03:00 on 2030-03-31, and has them twice on 2030-10-27.


@pytest.mark.parametrize(
    "expression, after, expected",
    [
        # A time that doesn't come that day: at the first moment after the gap, once
        ("30 2 * * *", "2030-03-30T01:30:00Z", ["2030-03-31T01:00:00Z", "2030-04-01T00:30:00Z"]),
        ("0,30 2 * * *", "2030-03-30T01:30:00Z", ["2030-03-31T01:00:00Z", "2030-04-01T00:00:00Z"]),
        # A time that comes twice: the first time only
        ("30 2 * * *", "2030-10-26T00:30:00Z", ["2030-10-27T00:30:00Z", "2030-10-28T01:30:00Z"]),
        ("30 2 * * *", "2030-10-27T01:10:00Z", ["2030-10-28T01:30:00Z"]),  # asked inside the second hour
        # An hour or minute that begins with a star: by the time that passes, no gap and no double
        ("0 * * * *", "2030-03-31T00:00:00Z", ["2030-03-31T01:00:00Z", "2030-03-31T02:00:00Z"]),
        ("0 * * * *", "2030-10-26T23:30:00Z", [f"2030-10-27T0{hour}:00:00Z" for hour in range(4)]),
        ("*/30 2 * * *", "2030-10-26T23:50:00Z", ["2030-10-27T00:00:00Z", "2030-10-27T00:30:00Z",
                                                  "2030-10-27T01:00:00Z", "2030-10-27T01:30:00Z"]),
        ("*/30 2 * * *", "2030-03-30T23:50:00Z", ["2030-04-01T00:00:00Z"]),
    ],
)  # fmt: skip
def test_cron_when_clocks_are_set(expression, after, expected):
    parameters = {"cron": {"expression": expression, "time_zone": "Europe/Berlin"}}

    assert following(parameters, after, count=len(expected)) == expected


def test_midnight_that_does_not_come():
    parameters = {"cron": {"expression": "0 0 * * *", "time_zone": "America/Sao_Paulo"}}

    assert following(parameters, "2018-11-03T03:00:00Z", 2) == ["2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"]


moments = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
units = {"hour": st.integers(0, 23), "minute": st.integers(0, 59), "second": st.integers(0, 59)}
hourly = st.fixed_dictionaries({}, optional={"minute": units["minute"], "second": units["second"]})
daily = st.fixed_dictionaries({}, optional=units)
weekly = st.fixed_dictionaries({"day": st.sampled_from(DAYS)}, optional=units)
zones = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kolkata"]
)


def field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high).map(str)
    return st.one_of(
        st.just("*"), number, st.integers(1, high).map("*/{}".format), st.lists(number, min_size=1).map(",".join)
    )


expressions = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)).map(" ".join)
crons = st.fixed_dictionaries({"expression": expressions, "time_zone": zones})
timers = st.one_of(
    st.integers(30, 86_400).map(lambda value: {"periodic": value}),
    hourly.map(lambda value: {"hourly": value}),
    daily.map(lambda value: {"daily": value}),
    weekly.map(lambda value: {"weekly": value}),
    crons.map(lambda value: {"cron": value}),
)


@given(timers, moments)
def test_ticks_are_whole_seconds_strictly_after(parameters, after):
    assume(not subscription_problems("time", "tick", parameters, ""))  # an expression without any match
    first = first_tick(parameters, after)
    second = next_tick(parameters, first)

    assert after < first < second
    for tick in (first, second):
        assert (tick.microsecond, tick.utcoffset()) == (0, timedelta())


@given(timers, moments, st.floats(0, 1))
def test_no_tick_is_left_out(parameters, after, part):
    """Asked from any moment between two ticks, the answer is the later one."""
    assume("periodic" not in parameters and not subscription_problems("time", "tick", parameters, ""))
    first = next_tick(parameters, after)
    second = next_tick(parameters, first)

    assert next_tick(parameters, first + (second - first) * part * 0.999) == second
    assert next_tick(parameters, first - timedelta(microseconds=1)) == first


@given(st.one_of(hourly.map(lambda v: ("hourly", v)), daily.map(lambda v: ("daily", v))), moments)
def test_marks_lie_on_the_mark(kind, after):
    name, value = kind
    tick = next_tick({name: value}, after)

    assert all(getattr(tick, unit) == value.get(unit, 0) for unit in ("minute", "second"))
    assert name == "hourly" or tick.hour == value.get("hour", 0)
    assert tick - after <= timedelta(hours=1 if name == "hourly" else 24)


@given(weekly, moments)
def test_weekly_lies_on_its_day(value, after):
    tick = next_tick({"weekly": value}, after)

    assert DAYS[tick.weekday()] == value["day"] and tick - after <= timedelta(weeks=1)
    assert (tick.hour, tick.minute, tick.second) == tuple(value.get(unit, 0) for unit in units)


@pytest.mark.slow
@given(zones, st.integers(0, 23), st.integers(0, 59), st.integers(2000, 2035))
def test_cron_at_a_time_of_day_ticks_once_on_every_day(zone, hour, minute, year):
    """However clocks are set; half the days of the year that has most of the settings would not do."""
    parameters = {"cron": {"expression": f"{minute} {hour} * * *", "time_zone": zone}}
    local = ZoneInfo(zone)
    tick = datetime(year, 3, 1, tzinfo=local) - timedelta(seconds=1)
    days = []
    while (tick := next_tick(parameters, tick)) and len(days) < 270:
        days.append(tick.astimezone(local).date())

    assert days[0] == date(year, 3, 1)
    assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))


# Timers that were not looked at for a while


def test_missed_ticks_come_in_order_and_no_more_than_the_limit():
    parameters, first, now = {"hourly": {}}, moment("2030-01-01T00:00:00Z"), moment("2030-01-01T05:30:00Z")

    ticks, following = due_ticks(parameters, first, now, 4)
    assert [tick.hour for tick in ticks] == [0, 1, 2, 3] and following == moment("2030-01-01T04:00:00Z")
    ticks, following = due_ticks(parameters, following, now, 4)
    assert [tick.hour for tick in ticks] == [4, 5] and following == moment("2030-01-01T06:00:00Z")
    assert due_ticks(parameters, following, now, 4) == ([], following)


def test_periodic_timer_skips_to_its_latest_mark():
    first, now = moment("2030-01-01T00:00:00Z"), moment("2030-01-01T05:00:59Z")

    ticks = [moment("2030-01-01T05:00:00Z")]
    assert due_ticks({"periodic": PERIOD}, first, now, 100) == (ticks, moment("2030-01-01T05:01:30Z"))


def test_oneshot_is_spent():
    at = "2030-01-01T00:00:00Z"

    assert due_ticks({"oneshot": at}, moment(at), moment("2031-01-01T00:00:00Z"), 100) == ([moment(at)], None)
    assert first_tick({"oneshot": at}, moment("2031-01-01T00:00:00Z")) is None


def test_periodic_timer_begins_at_once():
    assert first_tick({"periodic": 60}, moment("2030-01-01T00:00:00.5Z")) == moment("2030-01-01T00:00:01Z")


@given(timers, moments, st.timedeltas(timedelta(), timedelta(days=2)), st.integers(1, 5))
def test_due_ticks_are_all_there_are(parameters, since, away, limit):
    assume(not subscription_problems("time", "tick", parameters, ""))
    first = first_tick(parameters, since)
    ticks, following = due_ticks(parameters, first, first + away, limit)

    assert len(ticks) <= limit and all(first <= tick <= first + away for tick in ticks)
    assert [*ticks, following] == sorted({*ticks, following})
    assert len(ticks) == limit or following > first + away
    if "periodic" in parameters:
        assert len(ticks) == 1 and (following - first).total_seconds() % parameters["periodic"] == 0
    else:
        assert ticks[0] == first and all(next_tick(parameters, a) == b for a, b in pairwise([*ticks, following]))
    after = tick_after_pause(parameters, first, first + away)
    assert after > first + away
