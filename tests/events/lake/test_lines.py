"""How an event looks as a line, and what must not come through to a terminal."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from events.lake.lines import json_line, plain_line
from events.lake.query import EventRow

ROW = EventRow(
    id=UUID(int=5),
    received_time=datetime(2026, 7, 1, 12, 0, 1, 5, tzinfo=UTC),
    event_time=datetime(2026, 7, 1, 12, 0, 0, 250_999, tzinfo=UTC),
    namespace="web",
    service="api",
    level="error",
    message="it broke",
    request_id=None,
    trace_id=None,
    span_id=None,
    duration=None,
    error=None,
    event='{"level":"error","message":"it broke"}',
)
EVIL = "a\x1b]0;title\x07\x1b[2J\r\n\tb\x7f\x9b31m\u202e\u2028c\0"

PLAIN = [
    (ROW, "2026-07-01T12:00:00.250Z ERROR web/api it broke"),
    (replace(ROW, level=None, service=None), "2026-07-01T12:00:00.250Z -     web it broke"),
    (replace(ROW, level="warn", error="boom"), "2026-07-01T12:00:00.250Z WARN  web/api it broke  error=boom"),
    (replace(ROW, message=None, event='{\r\n"a":1}'), '2026-07-01T12:00:00.250Z ERROR web/api {  "a":1}'),
    (replace(ROW, message=""), "2026-07-01T12:00:00.250Z ERROR web/api "),
]


@pytest.mark.parametrize(("row", "line"), PLAIN)
def test_plain_line(row: EventRow, line: str) -> None:
    assert plain_line(row) == line


@pytest.mark.parametrize("field", ["namespace", "service", "level", "message", "error"])
@pytest.mark.parametrize("coloured", [False, True])
def test_nothing_of_an_event_can_command_a_terminal(field: str, coloured: bool) -> None:
    harmless = plain_line(ROW, coloured=coloured)
    line = plain_line(replace(ROW, **{field: EVIL}), coloured=coloured)
    assert line.count("\x1b") <= harmless.count("\x1b") + 2  # our own colours at most
    assert not set(line) & set("\r\n\t\x07\x7f\x9b\u202e\u2028\0")
    assert r"\x1b]0;title\x07" in line or r"\X1B]0;TITLE\X07" in line  # a level is written in capitals


@pytest.mark.parametrize(
    ("level", "colour"),
    [("error", "31"), ("FATAL", "31"), ("50", "31"), ("warn", "33"), ("info", "32"), ("debug", "2")],
)
def test_levels_have_colours(level: str, colour: str) -> None:
    assert f"\x1b[{colour}m{level.upper():<5}\x1b[0m" in plain_line(replace(ROW, level=level), coloured=True)


def test_unknown_level_has_no_colour() -> None:
    assert " NOVEL\x1b[0m" in plain_line(replace(ROW, level="novel"), coloured=True)


def test_json_line() -> None:
    assert json_line(ROW) == (
        '{"id": "00000000-0000-0000-0000-000000000005", "received_time": "2026-07-01T12:00:01.000005Z",'
        ' "event_time": "2026-07-01T12:00:00.250999Z", "namespace": "web", "service": "api",'
        ' "event": {"level":"error","message":"it broke"}}'
    )
    assert json.loads(json_line(replace(ROW, service=None)))["service"] is None


@pytest.mark.parametrize(
    "event",
    [
        '{"a":1e999,"b":1.0,"b":2}',
        '{"a":"\\u0000\\n"}',
        '{ "a" :\t[ ]}',
        '{"é":"\x7f\x9b\u2028"}',
        '{"n":' + "9" * 400 + "}",
    ],
)
def test_json_line_holds_the_event_as_it_was_sent(event: str) -> None:
    assert json_line(replace(ROW, event=event)).endswith(f'"event": {event}}}')


def test_json_line_is_one_line() -> None:
    line = json_line(replace(ROW, event='{\r\n"a":\n1\r}'))
    assert line.splitlines() == [line]
    assert json.loads(line)["event"] == {"a": 1}


def test_json_line_for_a_terminal_is_harmless_and_means_the_same() -> None:
    row = replace(ROW, event='{\t"a":"\x7f\x9b31m\u202e"}')
    line = json_line(row, safe=True)
    assert not set(line) & set("\t\x7f\x9b\u202e")
    assert json.loads(line) == json.loads(json_line(row))
