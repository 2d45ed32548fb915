"""What a line of syslog says, as an event: RFC 5424, and RFC 3164 as far as senders keep to it."""

import re
from datetime import datetime, timedelta
from typing import Any

import msgspec

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
SEVERITIES = ("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")
NIL = "-"

_priority = re.compile(r"<([0-9]{1,3})>")
_new = re.compile(r"1 (\S+) (\S+) (\S+) (\S+) (\S+) ?")
_element = re.compile(r'\[([^ =\]"]+)((?: [^ =\]"]+="(?:[^"\\\]]|\\.)*")*) ?\]')
_parameter = re.compile(r' ([^ =\]"]+)="((?:[^"\\\]]|\\.)*)"')
_escape = re.compile(r'\\(["\\\]])')
_TIME = r"(?:([A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2})|([0-9]{4}-[0-9]{2}-[0-9]{2}T\S+)) "
_old = re.compile(_TIME + r"(?:(\S+) )?([^\s:\[\]]{1,64})(?:\[([^\]\s]{1,64})\]:?|:)(?: |\Z)")
_old_without_tag = re.compile(_TIME + r"(\S+)()() ")  # the same groups


def event_text(line: bytes, peer: str, now: datetime, most: int) -> bytes:
    """Return the event of a line as JSON of fewer than `most` bytes: what the line has beyond that is left out.

    `peer` is the address that it came from, `now` has a time zone.
    """
    text = _json(line, peer, now)
    return text if len(text) < most else _shortened(line, peer, now, most)


def _shortened(line: bytes, peer: str, now: datetime, most: int) -> bytes:
    """Halve what lies between a beginning of the line that fits and one that doesn't."""
    text, fits, too_long = _json(b"", peer, now), 0, len(line)
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        tried = _json(line[:middle], peer, now)
        if len(tried) < most:
            text, fits = tried, middle
        else:
            too_long = middle
    return text


def _json(line: bytes, peer: str, now: datetime) -> bytes:
    return msgspec.json.encode(event_of(line, now) | {"peer": peer})


def event_of(line: bytes, now: datetime) -> dict[str, Any]:
    """Return what a line says. One that has no form we know is all message."""
    text = _decoded(line)
    priority = _priority.match(text)
    if not priority or int(priority[1]) >= len(FACILITIES) * 8:
        return {"message": text}
    facility, severity = divmod(int(priority[1]), 8)
    rest = text[priority.end() :]
    event = _new_event(rest) or _old_event(rest, now) or {"message": rest}
    about = {"level": SEVERITIES[severity], "facility": FACILITIES[facility]}
    return {name: value for name, value in (event | about).items() if value not in (NIL, "", None)}


def _decoded(line: bytes) -> str:
    """Read UTF-8, also if it was cut within a character; anything else is Latin-1."""
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        whole = line[: error.start]
        cut = error.reason == "unexpected end of data" and not whole.isascii()
        return whole.decode() if cut else line.decode("latin-1")


def _new_event(rest: str) -> dict[str, Any] | None:
    """Read what RFC 5424 has after the priority."""
    head = _new.match(rest)
    if not head:
        return None
    time, host, service, process, kind = head.groups()
    data, message = _data(rest[head.end() :])
    event = {"timestamp": time, "message": message, "service": service, "host": host, "processId": process}
    return {**event, "messageId": kind, "data": data or None}


def _data(rest: str) -> tuple[dict[str, dict[str, str]], str]:
    """Return the structured data and the message after it."""
    data: dict[str, dict[str, str]] = {}
    while element := _element.match(rest):
        values = {name: _escape.sub(r"\1", value) for name, value in _parameter.findall(element[2])}
        data.setdefault(element[1], {}).update(values)
        rest = rest[element.end() :]
    return data, (rest if data else rest.removeprefix(NIL)).removeprefix(" ").removeprefix("\ufeff")


def _old_event(rest: str, now: datetime) -> dict[str, Any] | None:
    """Read what RFC 3164 has after the priority, also with the time of RFC 5424, as rsyslog forwards it."""
    head = _old.match(rest) or _old_without_tag.match(rest)
    if not head:
        return None
    short, full, host, service, process = head.groups()
    time = full or _with_year(short, now)
    return {"timestamp": time, "message": rest[head.end() :], "service": service, "host": host, "processId": process}


def _with_year(short: str, now: datetime) -> str | None:
    """Return a time in this machine's zone, in the year that brings it next to now."""
    days = (now - timedelta(days=183), now, now + timedelta(days=183))
    found = []
    for year in sorted({day.year for day in days}):
        try:
            found.append(datetime.strptime(f"{year} {short}", "%Y %b %d %H:%M:%S").astimezone())
        except ValueError:  # February 29, or no date at all
            continue
    return min(found, key=lambda time: abs(time - now)).isoformat() if found else None
