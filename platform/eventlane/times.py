"""Times as text and as microseconds since 1970, all in UTC; and other zones by their names."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Zones that come from the machine: their meaning differs between machines, or they count leap seconds.
LOCAL_ZONES = re.compile(r"localtime|Factory|posixrules|(posix|right)/.*", re.DOTALL)
RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?:[Zz]|([+-]\d\d:\d\d))", re.ASCII)


def read_time(text: str) -> datetime | None:
    """Return the time in an RFC 3339 text without its fraction of a second, or None if the text is invalid."""
    match = RFC_3339.fullmatch(text)
    try:
        return match and datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or '+00:00'}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_time(time: datetime, precision: str = "seconds") -> str:
    """Return a time for programs, like 2021-10-15T15:07:39Z; `precision` as for isoformat."""
    return f"{_in_utc(time, 'T', precision)}Z"


def readable_time(time: datetime, precision: str = "minutes") -> str:
    """Return a time for people, like 2021-10-15 15:07 UTC; `precision` as for isoformat."""
    return f"{_in_utc(time, ' ', precision)} UTC"


def _in_utc(time: datetime, separator: str, precision: str) -> str:
    return time.astimezone(UTC).replace(tzinfo=None).isoformat(separator, precision)


def from_microseconds(microseconds: int) -> datetime:
    """Return the time this many microseconds after the start of 1970."""
    return UNIX_EPOCH + timedelta(microseconds=microseconds)


def to_microseconds(time: datetime) -> int:
    """Return a time in microseconds after the start of 1970."""
    return (time - UNIX_EPOCH) // timedelta(microseconds=1)


def find_zone(name: object) -> ZoneInfo | None:
    """Return the time zone of an IANA name; None if there is none that means the same on every machine."""
    if not isinstance(name, str) or LOCAL_ZONES.fullmatch(name):
        return None
    try:
        return ZoneInfo(name)
    except Exception:  # a folder, a path outside, a file that holds something else: each raises its own
        return None


def hour_of(time: datetime) -> datetime:
    """Return when the hour of UTC that holds a time began."""
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
