"""/v0/datasets/id/:id/events: every event exactly once, as it was sent."""

import json
import re
import subprocess
import sys
import threading
from datetime import timedelta
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import duckdb
import pytest

from events.lake import slots as module
from events.lake.connection import Lake
from events.lake.deadline import QueryTimeout
from events.lake.slots import QuerySlots, TooManyQueries, slots
from tests.events.ingest.test_parse import ACCEPTED
from tests.events.lake.conftest import Node
from tests.platform_api import ApiClient
from tests.server import ROOT


def page(client: ApiClient, node: Node, **query: Any) -> dict[str, Any]:
    response = client.get(f"/datasets/id/{node.dataset.id}/events?{urlencode(query, doseq=True)}")
    assert response.status_code == 200, response.content
    assert response.headers["Content-Type"] == "application/json"
    return response.json()


def numbers(found: dict[str, Any]) -> list[int]:
    return [element["event"]["n"] for element in found["elements"]]


def write(node: Node, start: int, count: int) -> None:
    for first in range(start, start + count, 5):
        node.write(*(json.dumps({"n": n}) for n in range(first, min(first + 5, start + count))))


def test_lake_that_was_never_made_gives_an_empty_page(node: Node, client: ApiClient) -> None:
    assert page(client, node) == page(client, node, order="desc") == {"elements": []}


def test_event_dated_in_the_future_is_named(node: Node, client: ApiClient) -> None:
    node.write('{"n":1}')
    node.write('{"n":2}', age=-timedelta(days=365))
    assert [element.get("ahead") for element in page(client, node)["elements"]] == [None, True]


@pytest.mark.quick
def test_event_on_the_wire(node: Node, client: ApiClient) -> None:
    full = '{"requestId":"r","traceId":"t","spanId":"s","duration":1.50,'
    full += '"level":"warn","message":"hi","error":"e","timestamp":1}'
    node.write(full, "{}", namespace="web", service="api")
    first, second = page(client, node)["elements"]
    assert UUID(first["id"]).version == 7
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", first["received_time"])
    assert first == {
        "id": first["id"],
        "received_time": first["received_time"],
        "event_time": "1970-01-01T00:00:01.000000Z",
        "namespace": "web",
        "service": "api",
        "level": "warn",
        "message": "hi",
        "request_id": "r",
        "trace_id": "t",
        "span_id": "s",
        "duration": 1.5,
        "error": "e",
        "event": json.loads(full),
    }
    assert set(second) == {"id", "received_time", "event_time", "namespace", "service", "event"}
    assert client.get(f"/datasets/id/{node.dataset.id}/events/id/{first['id']}").json() == first


@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
def test_event_is_shown_as_it_was_sent(node: Node, client: ApiClient, sealed: bool) -> None:
    texts = [*ACCEPTED.values(), b'{"z":1.0e2,"a":10000000000000000000000001,"z":0.10,"s":"\\u00e9\\/"}']
    node.write(*texts)
    if sealed:
        node.seal()
    body = client.get(f"/datasets/id/{node.dataset.id}/events?size=100").content
    assert len(texts) < 100
    position = 0
    for text in texts:
        position = body.index(b'"event":' + text + b"}", position) + 1
    json.loads(body)


def test_walk_there_and_back_while_events_are_sealed(node: Node, client: ApiClient) -> None:
    write(node, 0, 95)
    forth: list[int] = []
    cursor: dict[str, Any] = {"size": 20}
    pages = []
    while cursor:
        pages.append(found := page(client, node, **cursor))
        forth += numbers(found)
        cursor = found.get("next", {})
        node.seal()
    assert forth == list(range(95))
    assert "previous" not in pages[0] and "next" not in pages[-1]
    back = numbers(pages[-1])
    cursor = pages[-1]["previous"]
    while cursor:
        found = page(client, node, **cursor)
        back = numbers(found) + back
        cursor = found.get("previous", {})
    assert back == list(range(95))


def test_newest_first(node: Node, client: ApiClient) -> None:
    write(node, 0, 30)
    found = page(client, node, order="desc", size=7)
    assert numbers(found) == list(range(29, 22, -1))
    assert numbers(page(client, node, **found["next"])) == list(range(22, 15, -1))


@pytest.mark.quick
def test_conditions(node: Node, client: ApiClient) -> None:
    node.write('{"n":1,"level":"error","user":{"id":42}}', namespace="web", age=timedelta(seconds=2))
    node.write('{"n":2,"message":"Café closed"}', namespace="shop", age=timedelta(seconds=1))
    node.write('{"n":3,"level":"error"}', namespace="shop")
    times = [element["received_time"] for element in page(client, node)["elements"]]
    assert numbers(page(client, node, namespace="shop")) == [2, 3]
    assert numbers(page(client, node, search="CAFÉ")) == [2]
    assert numbers(page(client, node, filter="user.id=42")) == [1]
    assert numbers(page(client, node, filter=["level=error", "n=3"])) == [3]
    assert numbers(page(client, node, **{"from": times[1]})) == [2, 3]
    assert numbers(page(client, node, **{"from": times[1], "to": times[2]})) == [2]
    assert numbers(page(client, node, to="2001-01-01T00:00:00+02:00")) == []
    assert numbers(page(client, node, namespace="", search="")) == [1, 2, 3]


@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
def test_search_line(node: Node, client: ApiClient, sealed: bool) -> None:
    node.write('{"n":1,"level":"error","http":{"status":500},"tags":["a","b"]}', '{"n":2,"http.status":"404"}')
    node.write('{"n":3,"level":"error","message":"Café closed"}', namespace="shop")
    if sealed:
        node.seal()
    for line, found in {
        "level:error": [1, 3],
        "http.status>404 http.status<1e3": [1],
        "http.status:(404 OR 500)": [1, 2],
        "-http.status:500": [2, 3],
        "tags:b dataset:logs": [1],
        "http.status:*": [1, 2],
        '"café CLOSED" namespace:sh*': [3],
        "/CAF|50[0]/ event_time>1h": [1],
        "message:/^C.*d$/": [3],
        "level:nothing": [],
    }.items():
        assert numbers(page(client, node, q=line)) == found, line
    assert numbers(page(client, node, q="level:error", filter="n=3", namespace="shop")) == [3]
    first = page(client, node, q="level:error", size=1)
    assert numbers(page(client, node, q="level:error", **first["next"])) == [3]


def test_search_line_that_cannot_be_understood(node: Node, client: ApiClient) -> None:
    address = f"/datasets/id/{node.dataset.id}/events?q="
    error = client.get(address + "level:").json()
    assert (error["code"], error["data"]) == ("invalid_search", {"position": 7, "expected": "a value for level"})
    error = client.get(address + "event_time:soon").json()
    assert (error["code"], error["data"]) == ("invalid_query_parameter", {"parameter": "q"})


def test_keys_that_need_quotation_marks(node: Node, client: ApiClient) -> None:
    node.write('{"n":1,"":"x"}', '{"n":2,"a=b":"x"}', '{"n":3,"a":{"=":"x","":"="},"say \\"hi\\"":"="}')
    assert numbers(page(client, node, filter='""=x')) == [1]
    assert numbers(page(client, node, filter='"a=b"=x')) == [2]
    for key in ('"a.="=x', '"a."==', "a.==", r'"say \"hi\""=='):
        assert numbers(page(client, node, filter=key)) == [3]


BAD = [
    ("from=yesterday", "from"),
    ("to=2021-10-15", "to"),
    ("to=0001-01-01T00:00:00%2B23:00", "to"),
    ("filter=level", "filter"),
    ("filter==x", "filter"),
    ("filter=%22a=b", "filter"),
    ("filter=%22a%22b=c", "filter"),
    ("&".join(["filter=a=b"] * 11), "filter"),
    ("sort=event_time", "sort"),
    ("after=x", "after"),
    ("after=MjNCeENVNURoOTBCM1hWRjRVcmtXcm5qZENP", "after"),  # a KSUID
    ("size=101", "size"),
    ("order=up", "order"),
]


@pytest.mark.parametrize("query, parameter", BAD)
def test_bad_query(node: Node, client: ApiClient, query: str, parameter: str) -> None:
    refused = client.get(f"/datasets/id/{node.dataset.id}/events?{query}")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid_query_parameter")
    assert refused.json()["data"] == {"parameter": parameter}


@pytest.mark.parametrize("text", ["\0", "'", "%", "\\", "x" * 2000, "🚀", "a=b=c"])
def test_any_text_may_be_looked_for(node: Node, client: ApiClient, text: str) -> None:
    node.write("{}")
    for query in ({"search": text}, {"namespace": text}, {"filter": f"key={text}"}, {"filter": f"{text[:50]}=1"}):
        if "filter" not in query or not query["filter"].startswith("="):
            assert page(client, node, **query) == {"elements": []}


def test_event_that_is_not_there(node: Node, client: ApiClient) -> None:
    path = f"/datasets/id/{node.dataset.id}/events/id/"
    missing = client.get(f"{path}01a0c450-6c00-7000-8000-000000000000")
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_event")
    for wrong in ("x", "01A0C450-6C00-7000-8000-000000000000", "01a0c4506c0070008000000000000000", quote("é")):
        refused = client.get(path + wrong)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_route_variable")


def test_query_that_takes_too_long(node: Node, client: ApiClient, settings: Any) -> None:
    node.write("{}")
    settings.EVENTLANE_QUERY_SECONDS = 1e-9
    refused = client.get(f"/datasets/id/{node.dataset.id}/events")
    assert (refused.status_code, refused.json()["code"]) == (400, "query_timeout")


def test_too_many_queries(node: Node, client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "slots", QuerySlots(1, wait_seconds=0.05))
    entered, leave = threading.Event(), threading.Event()

    def hold(lake: Lake) -> None:
        entered.set()
        leave.wait(20)

    holder = threading.Thread(target=lambda: module.slots.run(hold))
    holder.start()
    assert entered.wait(20)
    refused = client.get(f"/datasets/id/{node.dataset.id}/events")
    leave.set()
    holder.join()
    assert (refused.status_code, refused.json()["code"]) == (503, "too_many_queries")
    assert refused.headers["Retry-After"] == "1"
    assert page(client, node) == {"elements": []}
    module.slots.close()


def test_slot_is_free_again_after_any_end(node: Node) -> None:
    one = QuerySlots(1, wait_seconds=0.05)

    def fail(error: BaseException) -> Any:
        raise error

    for error in (QueryTimeout(), ValueError("wrong")):
        with pytest.raises(type(error)):
            one.run(lambda lake, error=error: fail(error))
    assert one.run(lambda lake: lake.value("SELECT 5")) == 5
    with pytest.raises(TooManyQueries):
        one.run(lambda lake: one.run(lambda inner: None))
    one.close()


def test_lake_is_attached_once(node: Node, client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    node.write("{}")
    node.seal()
    slots.close()
    made: list[int] = []
    original = module._small_lake
    monkeypatch.setattr(module, "_small_lake", lambda: made.append(1) or original())
    for _ in range(4):
        page(client, node)
    assert made == [1]


def test_lake_whose_database_was_away_is_attached_again(node: Node, client: ApiClient, caplog: Any) -> None:
    from django.db import connection

    node.write('{"n":0}')
    node.seal()
    page(client, node)
    with connection.cursor() as cursor:  # what a restart of PostgreSQL does to a connection
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'eventlane lake' AND datname = current_database()"
        )
    assert numbers(page(client, node)) == [0]
    assert caplog.records == []


def test_lake_that_can_not_be_read(node: Node, client: ApiClient, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def away() -> Lake:
        raise duckdb.IOException("Unable to connect to Postgres at secret-host")

    slots.close()
    monkeypatch.setattr(module, "_small_lake", away)
    refused = client.get(f"/datasets/id/{node.dataset.id}/events")
    assert (refused.status_code, refused.json()["code"]) == (503, "lake_unavailable")
    assert "secret" not in refused.content.decode() and "secret-host" in caplog.text


def test_duckdb_is_not_loaded_before_the_first_query() -> None:
    code = (
        "import sys, django; django.setup(); from django.urls import get_resolver; get_resolver().url_patterns;"
        "print([name for name in ('duckdb', 'pyarrow', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}", "DJANGO_SETTINGS_MODULE": "eventlane.settings"},
        cwd="/tmp",
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]", done.stderr
