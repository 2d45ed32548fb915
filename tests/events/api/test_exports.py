"""POST /v0/query/export and `manage.py export_events`: every event that matches, in constant memory."""

import io
import json
import subprocess
import sys
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.events.lake.conftest import Node
from tests.platform_api import ApiClient

GROUP = 130_000  # more than a row group of Parquet, which DuckDB has in memory
EVENTS = 330_000
# Run between this process and the command: a process counts as its own peak what it was forked from.
MEASURE = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""


def export(client: ApiClient, **body: Any) -> Any:
    response = client.post("/query/export", {"datasets": ["logs"]} | body)
    assert response.status_code == 200, response.content
    return response


@pytest.fixture
def filled(node: Node) -> Node:
    node.write('{"n":1,"level":"error",\n"x": 1.0e2}', service="a")
    node.seal()
    node.write('{"n":2}', '{"n":3,"level":"error","s":"\\u00e9\\n"}', namespace='"é"')
    return node


def test_lines_of_json(filled: Node, client: ApiClient) -> None:
    response = export(client)
    lines = response.content.decode().splitlines()
    assert response.headers["Content-Type"] == "application/x-ndjson" and "X-Warnings" not in response.headers
    assert sorted(json.loads(line)["event"]["n"] for line in lines) == [1, 2, 3]
    [first] = [line for line in lines if '"n":1' in line]
    [listed] = filled.rows(filters=(("n", "1"),))
    assert first.endswith('"event": {"n":1,"level":"error", "x": 1.0e2}}')
    shown = json.loads(first)
    assert list(shown) == ["id", "dataset", "received_time", "event_time", "namespace", "service", "event"]
    assert (shown["id"], shown["dataset"], shown["service"]) == (str(listed.id), "logs", "a")
    assert shown["received_time"] == listed.received_time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    [found] = export(client, q="n>1 level:error").content.decode().splitlines()
    assert (json.loads(found)["namespace"], json.loads(found)["event"]["s"]) == ('"é"', "é\n")
    assert export(client, q="level:none").content == b""


def test_parquet(filled: Node, client: ApiClient) -> None:
    table = pq.read_table(io.BytesIO(export(client, format="parquet", q="level:error").content))
    assert sorted(json.loads(text)["n"] for text in table["event"].to_pylist()) == [1, 3]
    assert set(table["dataset"].to_pylist()) == {"logs"} and table["level"].to_pylist() == ["error"] * 2
    empty = pq.read_table(io.BytesIO(export(client, format="parquet", q="level:none").content))
    assert (empty.num_rows, empty.schema.names) == (0, table.schema.names)


def test_parquet_has_large_row_groups(node: Node, client: ApiClient) -> None:
    """A writer keeps something of each group: with one for each batch, 10,000,000 events took 145 MB of memory more."""
    node.write(*[f'{{"n":{n}}}' for n in range(25_000)])
    file = pq.ParquetFile(io.BytesIO(export(client, format="parquet").content))
    assert (file.metadata.num_rows, file.num_row_groups) == (25_000, 1)


def test_what_an_export_does_not_take(filled: Node, client: ApiClient) -> None:
    body = {"datasets": ["logs"], "format": "csv", "limit": 5, "calculations": [{"op": "count"}]}
    error = client.post("/query/export", body).json()
    assert error["code"] == "invalid_request_body"
    assert [problem["pointer"] for problem in error["data"]["jsv_errors"]] == ["/format", "/limit", "/calculations"]


@pytest.mark.parametrize("chosen", [["ndjson"], {"a": 1}, 7, True])
def test_format_of_another_type_is_refused(client: ApiClient, chosen: object) -> None:
    response = client.post("/query/export", {"datasets": ["logs"], "format": chosen})
    assert [problem["pointer"] for problem in response.json()["data"]["jsv_errors"]] == ["/format"]
    assert client.post("/query/export", {"datasets": ["none"]}).json()["code"] == "unknown_dataset"


def test_damaged_file_is_named_in_a_header(node: Node, client: ApiClient) -> None:
    for count in (200, 300):
        node.write(*(json.dumps({"n": n}) for n in range(count)))
        node.seal()
    damaged = min(node.lake_path.rglob("*.parquet"), key=lambda path: path.stat().st_size)
    damaged.write_bytes(b"no Parquet")
    response = export(client)
    assert len(response.content.splitlines()) == 300
    assert damaged.name in response.headers["X-Warnings"]


def test_export_stops_before_the_disk_is_full(filled: Node, client: ApiClient, settings: Any) -> None:
    settings.EVENTLANE_MIN_FREE_MB = 2**40
    response = client.post("/query/export", {"datasets": ["logs"]})
    assert (response.status_code, response.json()["code"]) == (503, "no_disk_space")


@pytest.mark.slow
def test_command_takes_no_more_memory_for_more_events(node: Node) -> None:
    text = "x" * 500
    few, _ = peak_mb_of_export(node, GROUP, text)
    many, lines = peak_mb_of_export(node, EVENTS - GROUP, text)
    assert lines == EVENTS
    assert many - few < 50  # 140 MB more were exported


def peak_mb_of_export(node: Node, count: int, text: str) -> tuple[float, int]:
    """Return what memory an export takes at most after so many more events are sealed, and the number of lines."""
    for start in range(0, count, 10_000):
        node.write(*(json.dumps({"n": n, "text": text}) for n in range(start, min(start + 10_000, count))))
    node.seal()
    command = node.command("export_events", "logs")
    command["env"] |= {"EVENTLANE_DUCKDB_MEMORY_MB": "160", "EVENTLANE_DUCKDB_THREADS": "1"}
    path = node.home / "export.ndjson"
    command["args"] = [sys.executable, "-c", MEASURE, *command["args"]]
    with path.open("wb") as file:
        measured = subprocess.run(**command, stdout=file, stderr=subprocess.PIPE, check=True)
    with path.open("rb") as file:
        return int(measured.stderr.split()[-1]) / 1024, sum(1 for _ in file)
