"""Times as people and programs write them: RFC 3339, a date, epoch numbers, `now`, spans before now.

All are microseconds since 1970.
"""

import re
from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

from eventlane.times import find_zone, format_time, from_microseconds, to_microseconds

SECOND = 1_000_000
UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), SECOND),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60 * SECOND),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600 * SECOND),
    **dict.fromkeys(("d", "day", "days"), 86_400 * SECOND),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86_400 * SECOND),
}
EXAMPLES = "a time is 2026-11-27T10:00:00Z, 2026-11-27, 1764238927, now, 15m or now-15m"
# Below the first an epoch number means seconds, below the second milliseconds, then microseconds, then nanoseconds.
SIZES = ((10**11, SECOND), (10**14, 1000), (10**17, 1))

_SPAN = re.compile(r"([0-9]{1,15}) ?([a-z]+)", re.ASCII | re.IGNORECASE)
_AROUND_NOW = re.compile(r"now ?([-+]) ?(.+)", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"-?[0-9]{1,19}(\.[0-9]+)?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:)([0-9]{2})(?:[.,]([0-9]{1,9}))?(Z|z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999


class InvalidTime(ValueError):
    """Something is no time, or no duration."""


def read_time(value: object, *, now_us: int, zone: tzinfo = UTC) -> int:
    """Return the moment that a text or a number means; `zone` has the midnight of a date. Raise InvalidTime."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidTime(f"{EXAMPLES}")
    moment = _read_text(value.strip(), now_us, zone) if isinstance(value, str) else epoch_us(value)
    if not EARLIEST <= moment <= LATEST:
        raise InvalidTime("the time is outside of the years 1 to 9999")
    return moment


def read_duration(text: object) -> int:
    """Return a duration like 90s, 15m, 1h, 2days in microseconds; raise InvalidTime."""
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    unit = UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise InvalidTime("a duration is a whole number and s, m, h, d or w, like 90s, 15m, 1h or 2days")
    return int(match[1]) * unit


def epoch_us(number: float) -> int:
    """Return an epoch number in seconds, milliseconds, microseconds or nanoseconds, told apart by its size."""
    if not abs(number) < 2**63:
        raise InvalidTime("the number is no time")
    for below, factor in SIZES:
        if abs(number) < below:
            return round(number * factor)
    return int(number // 1000)


def midnight_us(day: date, zone: tzinfo) -> int:
    """Return when a day begins; where its midnight is skipped, the first moment after it."""
    return to_microseconds(datetime(day.year, day.month, day.day, tzinfo=zone))


def without_zone(text: str, zone: tzinfo) -> str:
    """Return a time that is a date as the moment it means in a zone, for where another zone is meant; others as is."""
    if not _DATE.fullmatch(text):
        return text
    try:
        return show_time(midnight_us(date.fromisoformat(text), zone))
    except (ValueError, OverflowError):
        return text  # there is no such date, which the reader of the query says


def show_time(us: int) -> str:
    """Return a moment as answers have it: 2026-11-27T10:00:00Z, with a fraction where there is one."""
    return format_time(from_microseconds(us), "microseconds" if us % SECOND else "seconds")


def _read_text(text: str, now_us: int, zone: tzinfo) -> int:
    if text.lower() == "now":
        return now_us
    if around := _AROUND_NOW.fullmatch(text):
        span = read_duration(around[2])
        return now_us - span if around[1] == "-" else now_us + span
    if _NUMBER.fullmatch(text):
        return epoch_us(float(text) if "." in text else int(text))
    try:
        if _DATE.fullmatch(text):
            return midnight_us(date.fromisoformat(text), zone)
        if match := _RFC_3339.fullmatch(text):
            return _read_rfc_3339(match)
    except (ValueError, OverflowError):
        raise InvalidTime("there is no such time") from None
    if _SPAN.fullmatch(text):
        return now_us - read_duration(text)
    raise InvalidTime(EXAMPLES)


def _read_rfc_3339(match: re.Match[str]) -> int:
    """Return the moment; a leap second is the second before it, as at ingest."""
    day, minute, second, fraction, offset = match.groups()
    offset = "+00:00" if offset in "Zz" else offset
    moment = datetime.fromisoformat(f"{day}T{minute}{'59' if second == '60' else second}{offset}")
    return to_microseconds(moment) + int((fraction or "").ljust(6, "0")[:6])


def read_zone(name: object) -> ZoneInfo:
    """Return the time zone of an IANA name; raise InvalidTime."""
    zone = find_zone(name)
    if zone is None:
        raise InvalidTime("there is no such time zone; one is called Europe/Berlin")
    return zone
