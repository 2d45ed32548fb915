"""The table of questions can be measured: all three systems answer, and Eventlane as DuckDB."""

import io
import json

from rich.console import Console

from benchmarks import questions
from benchmarks.platforms import Platform
from benchmarks.unlike import MISSING, RARE, UnlikeEvents
from tests.server import Server


def test_table_is_made(server: Server) -> None:
    assert server.process
    running = Platform(server.url, server.home, server.process, server.keys)
    output = io.StringIO()
    questions.report(Console(file=output, width=200), running, 2000, rounds=1, seconds=1)
    lines = output.getvalue().splitlines()
    assert lines[0].startswith("2,000 events: accepted after ")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    found = {question: int(count.replace(",", "")) for question, count, *_ in rows}
    assert list(found) == [question.name for question in questions.QUESTIONS]
    assert [found[name] for name in ("a rare word", "a phrase that doesn't occur", "one event by its request id")] == [
        1,
        0,
        1,
    ]
    assert "times as long" in output.getvalue()
    assert all(cell.endswith((" ms", " x the time", " x as fast")) for _, _, *cells in rows for cell in cells)


def test_events_are_unlike_and_the_same_for_every_system() -> None:
    events = UnlikeEvents(25_000)
    texts = [text for chunk in events.chunks() for text in chunk]
    again = [text for first in (0, 10_000, 20_000) for chunk in events.chunks(first, first + 10_000) for text in chunk]
    assert texts == again and len(set(texts)) == len(texts) == 25_000
    assert 320 < sum(map(len, texts)) / len(texts) < 360
    assert sum(RARE in text for text in texts) == 1 and not any(MISSING in text for text in texts)
    assert [json.loads(text)["requestId"] for text in texts].count(events.a_request_id()) == 1
