"""What lines of syslog become, as programs write them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from events.syslog.frames import Frames
from events.syslog.lines import event_of, event_text

NOW = datetime(2026, 11, 27, 23, 0, tzinfo=UTC)

NEW = (
    b'<165>1 2026-11-27T22:59:58.123456Z web-1 shop 42 ID47 [a@1 x="1" y="say \\"hi\\" \\]"][b z=""] '
    b"\xef\xbb\xbfcaf\xc3\xa9 open"
)
LINES: dict[bytes, dict[str, Any]] = {
    NEW: {
        "timestamp": "2026-11-27T22:59:58.123456Z", "message": "café open", "service": "shop", "host": "web-1",
        "processId": "42", "messageId": "ID47", "data": {"a@1": {"x": "1", "y": 'say "hi" ]'}, "b": {"z": ""}},
        "level": "notice", "facility": "local4",
    },
    b"<0>1 - - - - - -": {"level": "emerg", "facility": "kern"},
    b"<13>1 - - - - - - [not data] x": {"message": "[not data] x", "level": "notice", "facility": "user"},
    b"<30>Nov 27 22:59:58 web-1 cron[7]: done: 3 jobs": {
        "message": "done: 3 jobs", "service": "cron", "host": "web-1", "processId": "7", "level": "info",
        "facility": "daemon",
        "timestamp": datetime(2026, 11, 27, 22, 59, 58).astimezone().isoformat(),
    },
    b"<86>Jan  2 03:04:05 web-1 sshd: hello": {
        "message": "hello", "service": "sshd", "host": "web-1", "level": "info", "facility": "authpriv",
        "timestamp": datetime(2027, 1, 2, 3, 4, 5).astimezone().isoformat(),
    },
    b"<29>2026-11-27T22:59:58.5+01:00 web-1 kernel: out of memory": {
        "timestamp": "2026-11-27T22:59:58.5+01:00", "message": "out of memory", "service": "kernel", "host": "web-1",
        "level": "notice", "facility": "daemon",
    },
    b"<14>Nov 27 22:59:58 app: no host": {
        "message": "no host", "service": "app", "level": "info", "facility": "user",
        "timestamp": datetime(2026, 11, 27, 22, 59, 58).astimezone().isoformat(),
    },
    b"<133>2026-11-27T22:59:58Z web-1 shop[42] as rsyslog forwards it": {
        "timestamp": "2026-11-27T22:59:58Z", "message": "as rsyslog forwards it", "service": "shop", "host": "web-1",
        "processId": "42", "level": "notice", "facility": "local0",
    },
    b"<133>2026-11-27T22:59:58Z web-1 words: no tag [7]": {
        "timestamp": "2026-11-27T22:59:58Z", "message": "no tag [7]", "service": "words", "host": "web-1",
        "level": "notice", "facility": "local0",
    },
    b"<133>2026-11-27T22:59:58Z web-1 no tag at all": {
        "timestamp": "2026-11-27T22:59:58Z", "message": "no tag at all", "host": "web-1", "level": "notice",
        "facility": "local0",
    },
    b"<189>38: router says *Mar  1 18:46:11": {
        "message": "38: router says *Mar  1 18:46:11", "level": "notice", "facility": "local7",
    },
    b"<999>x": {"message": "<999>x"},
    b"just text, caf\xe9": {"message": "just text, café"},
    "ночь".encode()[:-1]: {"message": "ноч"},
    "<13>x: 🦉🦉".encode()[:-3]: {"message": "x: 🦉", "level": "notice", "facility": "user"},
    b"<13>Feb 30 22:59:58 a b: c": {"message": "c", "host": "a", "service": "b", "level": "notice", "facility": "user"},
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_line_becomes_event(line: bytes) -> None:
    assert event_of(line, NOW) == LINES[line]


HEAD = b"<13>1 2026-11-27T22:59:58Z web-1 shop - - "


@pytest.mark.parametrize(
    "line",
    [
        HEAD + b"- " + "ночь ".encode() * 2000,
        b"x" + "ночь".encode() * 2100,
        b"\xe9" * 20_000,
        b"<13>" + b"\x1b" * 20_000,
        HEAD + b'[a x="' + b"\xe9" * 20_000 + b'"] message',
        HEAD.replace(b"shop", b"\x01" * 20_000) + b"- message",
    ],
)
def test_line_that_is_cut_becomes_an_event_as_large_as_may_be(line: bytes) -> None:
    (cut,) = Frames(16_384).take(line + b"\n")
    event = event_text(cut, "192.0.2.1", NOW, 32_768)
    assert len(event) < 32_768
    assert len(cut) == len(line) or len(event) > 16_000
    assert json.loads(event)["peer"] == "192.0.2.1"
    assert "Ð" not in event.decode()  # what UTF-8 looks like as Latin-1


def test_only_what_does_not_fit_is_left_out() -> None:
    whole = event_text(HEAD + b"- " + b"\x1b[0m" * 10, "192.0.2.1", NOW, 32_768)
    for most in (len(whole), 150):
        cut = event_text(HEAD + b"- " + b"\x1b[0m" * 10, "192.0.2.1", NOW, most)
        assert most - 6 <= len(cut) < most
        assert json.loads(whole)["message"].startswith(json.loads(cut)["message"])


STREAM = b"<1>one\n<2>two\r\n\n5 <3>th13 <4>four\nlines?<5>five\0<6>six 12 <7>\n10 <8>sev"
FOUND = [b"<1>one", b"<2>two", b"<3>th", b"<4>four\nlines", b"?<5>five", b"<6>six 12 <7>", b"<8>sev"]


@pytest.mark.parametrize("step", [1, 2, 3, 7, len(STREAM)])
def test_stream_is_split_wherever_it_is_cut(step: int) -> None:
    frames = Frames(100)
    found = [message for at in range(0, len(STREAM), step) for message in frames.take(STREAM[at : at + step])]
    assert found + frames.end() == FOUND


@pytest.mark.parametrize("step", [1, 5, 100])
def test_long_messages_are_cut(step: int) -> None:
    frames, stream = (
        Frames(8),
        b"<1>aaaaaaaaaaaaaaaaaaaaaa\n<2>b\n30 <3>ccccccccccccccccccccccccccc<4>d\n<5>eeeeeeeeeeeeeeeeeee",
    )
    found = [message for at in range(0, len(stream), step) for message in frames.take(stream[at : at + step])]
    assert found + frames.end() == [b"<1>aaaaa", b"<2>b", b"<3>ccccc", b"<4>d", b"<5>eeeee"]
