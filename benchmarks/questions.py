"""Nine questions to unlike events, next to DuckDB and PostgreSQL: `python -m benchmarks.questions --events 1000000`.

The events are sent by four curls, sealed and merged by the platform. Each question is then asked in turns of

    Eventlane    POST /v0/query of the running platform
    DuckDB       on one Parquet file with exactly the columns that the questions need, with as many threads
    PostgreSQL   the platform's own, on a table of jsonb with indexes, of at most a million of the events
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import psycopg
import urllib3
from rich.console import Console
from rich.table import Table

from benchmarks.beside import SECONDS, ingest_beside
from benchmarks.platforms import Platform, eventlane, free_port
from benchmarks.unlike import MISSING, RARE, UnlikeEvents
from eventlane.configuration import ROOT, read_settings
from eventlane.embedded_postgres import database_url
from events.lake.pieces import WHOLE

EVENTS, POSTGRES_EVENTS = 10_000_000, 1_000_000
PART = 1_000_000  # events on disk at a time before they are sent
SENDERS = 4
ROUNDS = 7
DATASET = "unlike"
HEAVIEST = 2  # of the questions, as ingest notices it


@dataclass(frozen=True)
class Question:
    """A question to each system. {day}, {id}, {rare} and {missing} stand for what depends on the events."""

    name: str
    query: dict[str, Any]
    duckdb: str
    postgres: str


COUNT = [{"op": "count"}]
ERRORS = "level = 'error' AND service = 'billing'"
QUESTIONS = (
    Question(
        "count by level",
        {"calculations": COUNT, "group_by": ["level"]},
        "SELECT level, count(*) FROM bare WHERE {day} GROUP BY level",
        "SELECT event->>'level', count(*) FROM unlike WHERE {day} GROUP BY 1",
    ),
    Question(
        "p95 of duration by http.status",
        {"calculations": [{"op": "p95", "path": "duration"}], "group_by": ["http.status"]},
        "SELECT status, quantile_cont(duration, 0.95) FROM bare WHERE {day} GROUP BY status",
        "SELECT event->'http'->>'status', percentile_cont(0.95) WITHIN GROUP (ORDER BY (event->>'duration')::float)"
        " FROM unlike WHERE {day} GROUP BY 1",
    ),
    Question(
        "top 20 of user.id, which has 100,000 values",
        {"calculations": COUNT, "group_by": ["user.id"], "limit": 20},
        "SELECT user_id, count(*) FROM bare WHERE {day} GROUP BY user_id ORDER BY 2 DESC LIMIT 20",
        "SELECT event->'user'->>'id', count(*) FROM unlike WHERE {day} GROUP BY 1 ORDER BY 2 DESC LIMIT 20",
    ),
    Question(
        "1-minute series over a day by service",
        {"calculations": COUNT, "group_by": ["service"], "granularity": "1m"},
        "SELECT service, epoch_us(event_time) // 60000000, count(*) FROM bare WHERE {day} GROUP BY ALL",
        "SELECT event->>'service', date_bin('1 min', time, '2000-01-01'), count(*) FROM unlike WHERE {day}"
        " GROUP BY 1, 2",
    ),
    Question(
        "a rare word",
        {"q": "{rare}"},
        "SELECT event FROM bare WHERE {day} AND contains(lower(event), '{rare}') LIMIT 100",
        "SELECT event FROM unlike WHERE {day} AND to_tsvector('simple', event->>'message')"
        " @@ phraseto_tsquery('simple', '{rare}') LIMIT 100",
    ),
    Question(
        "a phrase that doesn't occur",
        {"q": '"{missing}"'},
        "SELECT event FROM bare WHERE {day} AND contains(lower(event), '{missing}') LIMIT 100",
        "SELECT event FROM unlike WHERE {day} AND to_tsvector('simple', event->>'message')"
        " @@ phraseto_tsquery('simple', '{missing}') LIMIT 100",
    ),
    Question(
        "one event by its request id",
        {"q": "request_id:{id}"},
        "SELECT event FROM bare WHERE {day} AND request_id = '{id}' LIMIT 100",
        "SELECT event FROM unlike WHERE {day} AND event->>'requestId' = '{id}' LIMIT 100",
    ),
    Question(
        "the newest 50 that match a filter",
        {"q": "level:error service:billing", "limit": 50},
        f"SELECT event FROM bare WHERE {{day}} AND {ERRORS} ORDER BY event_time DESC LIMIT 50",
        "SELECT event FROM unlike WHERE {day} AND event->>'level' = 'error' AND event->>'service' = 'billing'"
        " ORDER BY time DESC LIMIT 50",
    ),
    Question(
        "count by a path of one event in fifty",
        {"calculations": COUNT, "group_by": ["feature.flag"]},
        "SELECT flag, count(*) FROM bare WHERE {day} GROUP BY flag",
        "SELECT event->'feature'->>'flag', count(*) FROM unlike WHERE {day} GROUP BY 1",
    ),
)
BARE_COLUMNS = """event_time, level, service, duration, request_id, event,
    json_extract(event, '/http/status')::INTEGER AS status, json_extract(event, '/user/id')::INTEGER AS user_id,
    json_extract_string(event, '/feature/flag') AS flag"""
INDEXES = (
    "(time)",
    "((event->>'level'), (event->>'service'), time)",
    "((event->>'service'), time)",
    "((event->>'requestId'))",
    "((event->'http'->>'status'), ((event->>'duration')))",
    "((event->'user'->>'id'))",
    "USING gin (to_tsvector('simple', event->>'message'))",
)

Ask = Callable[[], int]


class Asked(NamedTuple):
    """Medians in seconds, and how many rows or events there were."""

    found: int
    ours: float
    bare: float
    postgres: float


def report(console: Console, running: Platform, count: int, rounds: int = ROUNDS, seconds: float = SECONDS) -> None:
    """Send so many events, ask the questions, and print what was measured."""
    events = UnlikeEvents(count)
    client = Client(running)
    for first in range(0, count, PART):
        console.print(client.send(events, first))
    maintain(running.home)
    files = _parquet_files(running)
    console.print(_disk(running, files, count))
    with tempfile.TemporaryDirectory(dir=running.home) as folder:
        bare = bare_duckdb(files, Path(folder) / "bare.parquet")
        with psycopg.connect(database_url(running.home), autocommit=True) as postgres:
            fill_postgres(postgres, events)
            systems = _Systems(client, bare, postgres)
            console.print(_table(systems, events, rounds))
        bare.close()
    ask = systems.ask_each(QUESTIONS[HEAVIEST], events)[0]
    console.print(f"beside {QUESTIONS[HEAVIEST].name!r}: {ingest_beside(running, ask, seconds)}")


class _Systems(NamedTuple):
    client: "Client"
    bare: duckdb.DuckDBPyConnection
    postgres: "psycopg.Connection[Any]"

    def ask_each(self, question: Question, events: UnlikeEvents) -> list[Ask]:
        """Return what asks each system the question, and returns how many rows or events there are."""
        words = {"rare": RARE, "missing": MISSING, "id": events.a_request_id()}
        day = f"{{}} >= '{events.start:%F %T}+00' AND {{}} < '{events.end:%F %T}+00'"
        query = {"datasets": [DATASET], "from": f"{events.start:%FT%TZ}", "to": f"{events.end:%FT%TZ}"} | question.query
        if "q" in query:
            query["q"] = query["q"].format(**words)
        in_duckdb = question.duckdb.format(day=day.format("event_time", "event_time"), **words)
        in_postgres = question.postgres.format(day=day.format("time", "time"), **words)
        return [
            lambda: self.client.ask(query),
            lambda: len(self.bare.execute(in_duckdb).fetchall()),
            lambda: len(self.postgres.execute(in_postgres).fetchall()),
        ]


def _table(systems: _Systems, events: UnlikeEvents, rounds: int) -> Table:
    in_postgres = min(events.count, POSTGRES_EVENTS)
    title = f"{events.count:,} events, medians of {rounds}; calculations by PostgreSQL are compared for as many events"
    table = Table("question", "found", "Eventlane", "DuckDB", "ratio", f"PostgreSQL, {in_postgres:,}", "ratio")
    table.title = title
    for question in QUESTIONS:
        asked = ask_in_turns(systems.ask_each(question, events), question.name, rounds)
        scale = events.count / in_postgres if "calculations" in question.query else 1
        ratio = asked.postgres * scale / asked.ours
        ours, bare, postgres = (f"{seconds * 1000:,.0f} ms" for seconds in asked[1:])
        table.add_row(
            question.name,
            f"{asked.found:,}",
            ours,
            bare,
            f"{asked.ours / asked.bare:.1f} x the time",
            postgres,
            f"{ratio:.1f} x as fast",
        )
    return table


def ask_in_turns(systems: list[Ask], name: str, rounds: int) -> Asked:
    """Time each system, in turns; the first round doesn't count."""
    times: list[list[float]] = [[] for _ in systems]
    found = []
    for turn in range(rounds + 1):
        for ask, own in zip(systems, times, strict=True):
            began = time.perf_counter()
            found.append(ask())
            if turn:
                own.append(time.perf_counter() - began)
    if found[0] != found[1]:
        raise SystemExit(f"{name}: Eventlane finds {found[0]}, DuckDB {found[1]}")
    return Asked(found[0], *map(statistics.median, times))


class Client:
    """Sends events to a dataset of its own, and asks."""

    def __init__(self, running: Platform) -> None:
        self._running = running
        self._http = urllib3.PoolManager(retries=False)
        self._headers = {"Authorization": f"Bearer {running.keys['write']}"}
        project = self._http.request("GET", f"{running.url}/v0/projects/name/main", headers=self._headers).json()
        self._headers["X-Eventline-Project-Id"] = project["id"]
        self._post("/v0/datasets", {"name": DATASET}, 201)
        self._headers["Authorization"] = f"Bearer {running.keys['read']}"

    def ask(self, query: dict[str, Any]) -> int:
        """Return how many rows an answer has, or buckets that aren't empty, or events."""
        answer = self._post("/v0/query", query, 200)
        if series := answer.get("series"):
            return sum(bool(count) for row in series["values"] for count in row[0])
        return len(answer["rows"] or answer["events"])

    def send(self, events: UnlikeEvents, first: int) -> str:
        """Send a part of the events; say how long it took until they were accepted, and until they were sealed."""
        with tempfile.TemporaryDirectory(dir=self._running.home) as folder:
            files, count = [], 0
            for number, chunk in enumerate(events.chunks(first, first + PART)):
                count += len(chunk)
                files.append(Path(folder) / f"{number}.json")
                files[-1].write_text(f"[{','.join(chunk)}]")
            began, used = time.monotonic(), self._running.processor_seconds()
            self._curl(files)
            accepted = time.monotonic() - began
            self._running.wait_until_sealed()
            sealed = time.monotonic() - began
        used = {name: seconds - used.get(name, 0) for name, seconds in self._running.processor_seconds().items()}
        of = ", ".join(f"{name} {used[name]:.1f} s" for name in ("web", "sealer"))
        times = f"accepted after {accepted:.1f} s, all sealed after {sealed:.1f} s, ratio {sealed / accepted:.1f}"
        return f"{count:,} events: {times}; processor time: {of}"

    def _curl(self, files: list[Path]) -> None:
        """Send each file in a request, by several curls at once with a connection each."""
        url = f"{self._running.url}/v1/{DATASET}/bench"
        key = f'header = "x-api-key: {self._running.keys["ingest"]}"'
        senders = []
        for number in range(min(SENDERS, len(files))):
            requests = [
                f'url = "{url}"\ndata-binary = "@{path}"\n{key}\nfail\nsilent\noutput = "/dev/null"'
                for path in files[number::SENDERS]
            ]
            sender = subprocess.Popen(["curl", "--fail-early", "--config", "-"], stdin=subprocess.PIPE, text=True)
            assert sender.stdin
            sender.stdin.write("\nnext\n".join(requests))
            sender.stdin.close()
            senders.append(sender)
        if sum(sender.wait() for sender in senders):
            raise SystemExit("events were refused")

    def _post(self, path: str, body: dict[str, Any], status: int) -> Any:
        answer = self._http.request("POST", f"{self._running.url}{path}", json=body, headers=self._headers)
        if answer.status != status:
            raise SystemExit(f"{path}: {answer.status} {answer.data!r}")
        return answer.json()


def maintain(home: Path) -> None:
    """Merge files and remove those that were replaced, as maintenance does over time."""
    ours = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment = ours | {"EVENTLANE_HOME": str(home), "EVENTLANE_SNAPSHOT_HOURS": "0"}
    subprocess.run([sys.executable, str(ROOT / "manage.py"), "maintain"], env=environment, check=True)


def bare_duckdb(sources: list[str], file: Path) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB with `bare`, a Parquet file of the events in these with what the questions need."""
    database, settings = duckdb.connect(), read_settings()
    database.execute(f"SET memory_limit = '{settings['EVENTLANE_DUCKDB_MEMORY_MB']}MB'; SET TimeZone = 'UTC'")
    whole = f"SELECT * REPLACE ({WHOLE} AS event) FROM read_parquet({sources})"
    select = f"SELECT {BARE_COLUMNS} FROM ({whole})"
    database.execute(f"COPY ({select}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
    database.execute(f"CREATE VIEW bare AS FROM read_parquet('{file}')")
    database.execute(f"SET threads = {settings['EVENTLANE_QUERY_THREADS']}")
    return database


def fill_postgres(postgres: "psycopg.Connection[Any]", events: UnlikeEvents) -> None:
    """Make the table `unlike` in a schema of its own, with the indexes that the questions would have."""
    postgres.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'")
    postgres.execute("CREATE SCHEMA bench; SET search_path = bench")
    postgres.execute("CREATE TABLE unlike (time timestamptz NOT NULL, event jsonb NOT NULL)")
    with postgres.cursor().copy("COPY unlike FROM STDIN") as copy:
        for chunk in events.chunks(0, POSTGRES_EVENTS):
            copy.write("".join(f"{event[14:38]}\t{event}\n" for event in chunk))
    for index in INDEXES:
        postgres.execute(f"CREATE INDEX ON unlike {index}")
    postgres.execute("VACUUM ANALYZE unlike")


def _parquet_files(running: Platform) -> list[str]:
    """Return the paths of the files that the dataset's table consists of."""
    folder = running.home / "lake" / "main"
    with psycopg.connect(database_url(running.home)) as postgres:
        found = postgres.execute(
            "SELECT t.path || f.path FROM events_dataset d JOIN lake.ducklake_table t USING (table_name)"
            " JOIN lake.ducklake_data_file f USING (table_id)"
            " WHERE d.name = %s AND f.end_snapshot IS NULL AND t.end_snapshot IS NULL",
            [DATASET],
        ).fetchall()
    return [str(folder / path) for (path,) in found]


def _disk(running: Platform, files: list[str], count: int) -> str:
    """Say how much disk the events take: those files, what lies beside them, and the catalog."""
    sizes: dict[str, float] = {"Parquet": 0, "beside": 0}
    for file in map(Path, files):
        sizes["Parquet"] += file.stat().st_size
        sizes["beside"] += sum(path.stat().st_size for path in file.parent.glob(f"{file.name}.*"))
    with psycopg.connect(database_url(running.home)) as postgres:
        [(catalog,)] = postgres.execute(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
            " WHERE nspname = 'lake' AND relkind = 'r'"
        ).fetchall()
    sizes["catalog"] = float(catalog)
    parts = ", ".join(f"{name} {size / 1e6:.1f}" for name, size in sizes.items())
    return f"disk: {sum(sizes.values()) / count:.1f} MB for 1,000,000 events (MB in all: {parts})"


def main() -> None:
    """Run everything on a platform of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    with eventlane(free_port(), EVENTLANE_MAINTAIN_INTERVAL_SECONDS="86400") as running:
        report(Console(width=None if os.isatty(1) else 150), running, options.events, options.rounds)


if __name__ == "__main__":
    main()
