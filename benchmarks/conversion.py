"""What it costs to read the columns out of events: `python -m benchmarks.conversion` prints processor time per event.

100,000 events of each kind are converted and written as Parquet by one thread, as the sealer does; there is no catalog.
"""

import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.sample import WORDS
from events.journal import new_batch
from events.lake import columns, conditions
from events.lake.arrow import event_table
from events.lake.columns import converted
from events.lake.connection import PARQUET_OPTIONS
from events.lake.pieces import in_pieces

EVENTS = 100_000
BATCH = 100
ROUNDS = 5
Make = Callable[[random.Random, int], dict[str, Any]]


def main() -> None:
    """Print the least of some rounds for each kind."""
    for make in (flat, nested, ecs):
        events = _table(make)
        least = min(measure(events) for _ in range(ROUNDS))
        print(f"{make.__name__}: {least / EVENTS * 1e6:.2f} µs of processor time per event")


def flat(chance: random.Random, number: int) -> dict[str, Any]:
    """An event of about 340 bytes."""
    return _common(chance, number) | {"host": "node-7", "pid": 4242, "status": 200, "region": "eu-west-1"}


def nested(chance: random.Random, number: int) -> dict[str, Any]:
    """One of about 400 bytes with two objects that no column is read from."""
    http = {"status": 200, "method": "GET", "request": {"bytes": chance.randint(1, 999), "path": "/v1/orders"}}
    return _common(chance, number) | {"http": http, "user": {"id": number, "geo": {"country": "DE"}}}


def ecs(chance: random.Random, number: int) -> dict[str, Any]:
    """One of about 410 bytes whose columns stand in objects."""
    event = _common(chance, number)
    return {
        "@timestamp": event["timestamp"],
        "log": {"level": event["level"], "logger": "shop.Cart"},
        "message": event["message"],
        "service": {"name": event["service"], "version": "1"},
        "http": {"request": {"id": event["requestId"], "method": "GET"}, "response": {"status_code": 200}},
        "trace": {"id": event["traceId"]},
        "span": {"id": f"{chance.getrandbits(64):016x}"},
        "event": {"duration": chance.randint(1, 10**9)},
    }


def measure(events: pa.Table) -> float:
    """Return the seconds of processor time that one conversion takes."""
    with duckdb.connect() as database, tempfile.TemporaryDirectory() as folder:
        database.execute("SET TimeZone = 'UTC'; SET threads = 1")
        database.execute(columns.MACROS + conditions.MACROS)

        def execute(sql: str, events: pa.Table) -> list[tuple[Any, ...]]:
            database.register("events", events)
            return database.execute(sql).fetchall()

        begin = time.process_time()
        source = in_pieces(converted(execute, events))
        execute(f"COPY ({source}) TO '{Path(folder) / 'events.parquet'}' ({_options()})", events)
        return time.process_time() - begin


def _options() -> str:
    """Return how the lake's files are written, in the words of COPY."""
    words = {name.removeprefix("parquet_"): value for name, value in PARQUET_OPTIONS.items()}
    words["parquet_version"] = f"V{words.pop('version')}"
    return ", ".join(f"{name} {value}" for name, value in words.items())


def _common(chance: random.Random, number: int) -> dict[str, Any]:
    minute, second = divmod(number // 1000, 60)
    return {
        "timestamp": f"2026-11-27T10:{minute:02}:{second:02}.{number % 1000:03}Z",
        "level": chance.choice(["debug", "info", "warn", "error"]),
        "message": " ".join(chance.choices(WORDS, k=9)),
        "service": chance.choice(["api", "web"]),
        "requestId": f"{chance.getrandbits(128):032x}",
        "traceId": f"{chance.getrandbits(128):032x}",
        "duration": round(chance.expovariate(0.02), 3),
        "path": f"/v1/orders/{chance.randint(1, 99_999)}",
    }


def _table(make: Make) -> pa.Table:
    chance = random.Random(3)
    texts = [json.dumps(make(chance, number), separators=(",", ":")).encode() for number in range(EVENTS)]
    parts = [texts[start : start + BATCH] for start in range(0, EVENTS, BATCH)]
    return event_table([new_batch("dataset", "web", "", part, list(map(len, part))) for part in parts])


if __name__ == "__main__":
    main()
