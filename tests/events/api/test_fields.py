"""GET /v0/datasets/id/:id/fields and `manage.py fields`: what a dataset's events can be asked for."""

import json

import pytest

from tests.events.lake.conftest import Node
from tests.platform_api import ApiClient


@pytest.fixture
def filled(node: Node) -> Node:
    node.write('{"level":"error","user":{"id":1}}')
    node.seal()
    node.write('{"level":"info"}')
    return node


def test_route_answers_over_sealed_and_unsealed(filled: Node, client: ApiClient) -> None:
    address = f"/datasets/id/{filled.dataset.id}/fields"
    body = client.get(address).json()
    assert (body["events"], body["statistics"]["events_scanned"], body["statistics"]["warnings"]) == (2, 2, [])
    found = {one.pop("path"): one for one in body["fields"]}
    assert found["level"] == {
        "types": {"string": 2},
        "events": 2,
        "share": 1.0,
        "distinct": 2,
        "column": True,
        "top": [{"value": "info", "count": 1}, {"value": "error", "count": 1}],
    }
    assert found["user.id"]["share"] == 0.5
    only = client.get(f"{address}?q=user.id:1&from=15m").json()
    assert only["events"] == 1
    assert client.get(f"{address}?to=2001-01-01&from=2000-01-01").json()["fields"] == []


def test_route_refuses_what_it_cannot_understand(filled: Node, client: ApiClient) -> None:
    address = f"/datasets/id/{filled.dataset.id}/fields"
    error = client.get(f"{address}?from=yesterday").json()
    assert (error["code"], error["data"]) == ("invalid_query_parameter", {"parameter": "from"})
    error = client.get(f"{address}?q=level:").json()
    assert (error["code"], error["data"]["position"]) == ("invalid_search", 7)


def test_damaged_file_makes_them_partial(node: Node, client: ApiClient) -> None:
    for key, count in (("lost", 200), ("kept", 300)):
        node.write(*(json.dumps({key: n}) for n in range(count)))
        node.seal()
    damaged = min(node.lake_path.rglob("*.parquet"), key=lambda path: path.stat().st_size)
    damaged.write_bytes(b"no Parquet")
    body = client.get(f"/datasets/id/{node.dataset.id}/fields").json()
    assert [one["path"] for one in body["fields"]] == ["kept", "namespace"]
    assert (body["events"], body["statistics"]["partial"]) == (300, True)
    assert any(damaged.name in warning for warning in body["statistics"]["warnings"])


def test_command_lists_them(filled: Node) -> None:
    lines = filled.manage("fields", "logs").stdout.splitlines()
    assert [line.split() for line in lines] == [
        ["field", "types", "column", "most", "frequent", "share", "values"],
        ["level", "string", "yes", "100%", "2"],
        ["namespace", "string", "yes", '"web"', "100%", "1"],
        ["user.id", "number", "1", "50%", "1"],
    ]
    body = json.loads(filled.manage("fields", "logs", "level:error", "--json").stdout)
    assert body["events"] == 1
    done = filled.manage("fields", "logs", "level:", check=False)
    assert done.returncode == 1 and "Invalid search: at character 7" in done.stderr
