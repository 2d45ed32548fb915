"""time: `tick`, by the clock (docs/api/v0.md, section 6.7). All ticks are at whole seconds in UTC.

A subscription's parameters have exactly one of oneshot, periodic, hourly, daily, weekly and (our own) cron:
{"expression": "30 2 * * mon-fri", "time_zone": "Europe/Paris"}.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from eventlane.times import find_zone, read_time
from eventlane.wire.errors import Problem
from pipelines.resources.shapes import choice, optional, record, refuse, required, text, whole_number

EVENTS = frozenset({"tick"})
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_LENGTH = 200
CRON_GREATEST = {"minute": 59, "hour": 23, "day of the month": 31, "month": 12, "weekday": 7}
CRON_STEP = re.compile(r"/([0-9]+)")
MIN_PERIOD, MAX_PERIOD = 30, 86_400


def first_tick(parameters: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return the first tick after `now`, or None. A periodic timer starts with the next second."""
    if "periodic" in parameters:
        return now.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
    return next_tick(parameters, now)


def next_tick(parameters: Mapping[str, Any], after: datetime) -> datetime | None:
    """Return the first tick strictly after a time, or None if the timer has no more."""
    [(kind, value)] = parameters.items()
    try:
        return NEXT[kind](value, after.astimezone(UTC))
    except OverflowError:  # Python's calendar ends with the year 9999
        return None


def due_ticks(
    parameters: Mapping[str, Any], first: datetime, now: datetime, limit: int
) -> tuple[list[datetime], datetime | None]:
    """Return at most `limit` ticks from `first` to `now`, and the tick after them.

    A periodic timer skips missed ticks: only the latest one counts.
    """
    if skipping := _skip(parameters, first, now):
        return [skipping], next_tick(parameters, skipping)
    ticks: list[datetime] = []
    tick: datetime | None = first
    while tick is not None and tick <= now and len(ticks) < limit:
        ticks.append(tick)
        tick = next_tick(parameters, tick)
    return ticks, tick


def tick_after_pause(parameters: Mapping[str, Any], first: datetime, now: datetime) -> datetime | None:
    """Return the first tick after `now`. Ticks since `first` are skipped."""
    return next_tick(parameters, _skip(parameters, first, now) or now)


def _skip(parameters: Mapping[str, Any], first: datetime, now: datetime) -> datetime | None:
    """Return the latest tick of a periodic timer up to `now`, or None for other timers."""
    if "periodic" not in parameters or first > now:
        return None
    period = timedelta(seconds=parameters["periodic"])
    return first + (now - first) // period * period


# The next tick of each kind, strictly after a time in UTC


def _next_oneshot(value: str, after: datetime) -> datetime | None:
    moment = read_time(value)
    return moment if moment and moment > after else None


def _next_periodic(value: int, after: datetime) -> datetime:
    return after.replace(microsecond=0) + timedelta(seconds=value)


def _next_hourly(value: Mapping[str, int], after: datetime) -> datetime:
    return _next_mark(after, value, "minute", "second", step=timedelta(hours=1))


def _next_daily(value: Mapping[str, int], after: datetime) -> datetime:
    return _next_mark(after, value, "hour", "minute", "second", step=timedelta(days=1))


def _next_weekly(value: Mapping[str, Any], after: datetime) -> datetime:
    days = (DAYS.index(value["day"]) - after.weekday()) % 7
    return _next_mark(
        after + timedelta(days=days), value, "hour", "minute", "second", step=timedelta(weeks=1), than=after
    )


def _next_mark(
    near: datetime, value: Mapping[str, Any], *units: str, step: timedelta, than: datetime | None = None
) -> datetime:
    """Return the first time with these units after `than`, at intervals of `step` from the one next to `near`."""
    at: dict[str, Any] = {unit: int(value.get(unit, 0)) for unit in units}
    mark = near.replace(microsecond=0, **at)
    return mark if mark > (than or near) else mark + step


def _next_cron(value: Mapping[str, str], after: datetime) -> datetime | None:
    """Return the next match of the wall clock, using cronsim.

    It may return a time before `after`: when clocks are set back, an hour comes twice, and cronsim means the first.
    """
    for match in CronSim(value["expression"], after.astimezone(_zone(value.get("time_zone", "UTC")))):
        tick = match.astimezone(UTC)
        if tick > after:
            return tick
    return None  # cronsim gives up after 50 years


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)  # works even if the machine has no time zones


NEXT: dict[str, Callable[[Any, datetime], datetime | None]] = {
    "oneshot": _next_oneshot,
    "periodic": _next_periodic,
    "hourly": _next_hourly,
    "daily": _next_daily,
    "weekly": _next_weekly,
    "cron": _next_cron,
}


# What each kind accepts


def _moment(value: Any, pointer: str, problems: list[Problem]) -> str | None:
    if isinstance(value, str) and read_time(value):
        return value
    return refuse(problems, pointer, "must be a date like 2021-10-15T15:07:39Z")


def _expression(value: Any, pointer: str, problems: list[Problem]) -> str | None:
    expression = short_text(value, pointer, problems)
    if expression is None:
        return None
    if len(expression.split()) != len(CRON_GREATEST):
        return refuse(problems, pointer, f"must have five fields: {', '.join(CRON_GREATEST)}")
    if wide := _wide_step(expression):
        return refuse(problems, pointer, wide)
    try:
        if _next_cron({"expression": expression}, datetime.now(UTC)) is None:
            refuse(problems, pointer, "has no match in the next 50 years")
    except CronSimError as error:
        refuse(problems, pointer, f"must be a cron expression: {str(error).lower()}")
    return str(expression)


def _wide_step(expression: str) -> str:
    """Describe a step that is larger than its field: cronsim would take `*/80` for once an hour."""
    for (name, greatest), part in zip(CRON_GREATEST.items(), expression.split(), strict=True):
        for step in CRON_STEP.findall(part):
            if int(step) > greatest:
                return f"must not have a step of more than {greatest} for the {name}"
    return ""


def _time_zone(value: Any, pointer: str, problems: list[Problem]) -> str | None:
    name = short_text(value, pointer, problems)
    if name in (None, "UTC") or find_zone(name):
        return name
    return refuse(problems, pointer, "must be a time zone known here, like Europe/Paris")


def _exactly_one(given: Mapping[str, Any], pointer: str, problems: list[Problem]) -> None:
    if len(given.keys() & NEXT.keys()) != 1:
        refuse(problems, pointer, f"must have exactly one of {', '.join(NEXT)}")


short_text = text(most=MAX_LENGTH)
SECOND = {"second": optional(whole_number(0, 59))}
MINUTE = {"minute": optional(whole_number(0, 59))} | SECOND
HOUR = {"hour": optional(whole_number(0, 23))} | MINUTE

PARAMETERS = record(
    {
        "oneshot": optional(_moment),
        "periodic": optional(whole_number(MIN_PERIOD, MAX_PERIOD)),
        "hourly": optional(record(MINUTE)),
        "daily": optional(record(HOUR)),
        "weekly": optional(record({"day": required(choice(*DAYS))} | HOUR)),
        "cron": optional(record({"expression": required(_expression), "time_zone": optional(_time_zone)})),
    },
    _exactly_one,
)
