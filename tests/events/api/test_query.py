"""POST /v0/query: the same answer over sealed and unsealed events, and an answer that is never silently short."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from events.lake import slots as module
from events.lake.connection import Lake
from events.lake.gram_builder import files_without_grams, make_grams
from events.lake.slots import QuerySlots, TooManyQueries
from events.models import Dataset
from events.query import files
from projects.models import Organization, Project
from tests.events.lake.conftest import Node
from tests.platform_api import ApiClient


def ask(client: ApiClient, **body: Any) -> dict[str, Any]:
    body = {{"from_": "from"}.get(name, name): value for name, value in body.items()}
    response = client.post("/query", {"datasets": ["logs"]} | body)
    assert response.status_code == 200, response.content
    return response.json()


def refused(client: ApiClient, status: int = 400, **body: Any) -> dict[str, Any]:
    response = client.post("/query", {"datasets": ["logs"]} | body)
    assert response.status_code == status, response.content
    return response.json()


COUNT = {"calculations": [{"op": "count"}]}


def test_example_of_the_documentation(node: Node, client: ApiClient) -> None:
    node.write(*(json.dumps({"service": service, "duration": n}) for n, service in enumerate(["api", "api", "web"])))
    before = datetime.now(UTC)
    answer = ask(
        client,
        q="duration>=0",
        calculations=[{"op": "count"}, {"op": "p95", "path": "duration"}],
        group_by=["service"],
        granularity="1m",
        limit=1,
    )
    assert answer["columns"] == [
        {"name": "service", "kind": "group"},
        {"name": "count", "kind": "calculation"},
        {"name": "p95(duration)", "kind": "calculation"},
    ]
    assert (answer["rows"], answer["others"]) == ([["api", 2, 0.95]], [None, 1, 2])
    assert sum(answer["series"]["values"][0][0]) == 2
    assert len(answer["series"]["times"]) == len(answer["series"]["values"][0][0]) in (60, 61)
    assert (answer["events"], answer["before"]) == ([], None)
    statistics = answer["statistics"]
    assert (statistics["events_scanned"], statistics["partial"], statistics["warnings"]) == (3, False, [])
    assert datetime.fromisoformat(statistics["complete_until"]) >= before


def test_request_that_was_sent_again_counts_once_in_all_routes(node: Node, client: ApiClient) -> None:
    for number, token in ((1, b"a" * 16), (2, b"b" * 16)):
        node.write(json.dumps({"n": number}), token=token)
        node.writer.close()
        node.write(json.dumps({"n": number}), token=token)
        if number == 1:
            node.seal()
            node.write(json.dumps({"n": number}), token=token)
    assert ask(client, **COUNT)["rows"] == [[2]]
    assert [event["event"]["n"] for event in ask(client)["events"]] == [2, 1]
    lines = client.post("/query/export", {"datasets": ["logs"]}).content.decode().splitlines()
    assert sorted(json.loads(line)["event"]["n"] for line in lines) == [1, 2]
    listed = client.get(f"/datasets/id/{node.dataset.pk}/events").json()["elements"]
    assert sorted(element["event"]["n"] for element in listed) == [1, 2]


def test_sealed_and_unsealed_are_one(node: Node, client: ApiClient) -> None:
    node.write('{"n":1,"level":"error"}', '{"n":2}')
    node.seal()
    node.write('{"n":3,"level":"error"}')
    assert ask(client, **COUNT)["rows"] == [[3]]
    assert ask(client, q="level:error", **COUNT)["rows"] == [[2]]
    answer = ask(client)
    assert [event["event"]["n"] for event in answer["events"]] == [3, 2, 1]
    assert answer["statistics"]["events_scanned"] == 3
    node.seal()
    assert [event["event"]["n"] for event in ask(client)["events"]] == [3, 2, 1]


def test_many_events_are_estimated(
    node: Node, client: ApiClient, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = 1_795_780_000
    node.write(*(json.dumps({"timestamp": start + n}) for n in range(200)))
    node.seal()
    node.write(json.dumps({"timestamp": start}))
    frame = {"from": start + 50, "to": start + 100, "q": "nothing"}
    assert ask(client, **frame)["statistics"]["events_scanned"] == 50
    monkeypatch.setattr("events.query.measure.COUNTED_BELOW", 10)
    assert 50 <= ask(client, **frame)["statistics"]["events_scanned"] <= 52
    settings.EVENTLANE_QUERY_EXACT_VALUES = 20
    percentile = {"calculations": [{"op": "p50", "path": "timestamp"}]}
    assert ask(client, **frame, **percentile)["statistics"]["events_scanned"] == 50


def test_events_are_shown_as_the_datasets_own(node: Node, client: ApiClient) -> None:
    node.write('{"n": 1.50, "level":"warn"}')
    [listed] = client.get(f"/datasets/id/{node.dataset.id}/events").json()["elements"]
    response = client.post("/query", {"datasets": ["logs"]})
    assert response.json()["events"] == [{"dataset": "logs"} | listed]
    assert b'"event":{"n": 1.50, "level":"warn"}' in response.content


def test_lake_that_was_never_made_has_nothing(node: Node, client: ApiClient) -> None:
    answer = ask(client, **COUNT)
    assert (answer["rows"], answer["statistics"]["files_scanned"]) == ([[0]], 0)
    assert ask(client)["events"] == []


def test_path_may_have_a_nul(node: Node, client: ApiClient) -> None:
    node.write('{"n":1}')
    missing = {"path": "a\0b", "op": "not_exists"}
    assert len(ask(client, filters=[missing])["events"]) == 1


def test_datasets_are_asked_together_but_only_the_projects_own(node: Node, client: ApiClient) -> None:
    audit = Dataset.objects.create(project=node.dataset.project, name="audit")
    other = Project.objects.create(organization=Organization.objects.create(name="others"), name="main")
    Dataset.objects.create(project=other, name="theirs")
    node.write('{"n":1}')
    node.write('{"n":2}', dataset=audit)
    node.seal()
    node.write('{"n":3}', dataset=audit)
    answer = ask(client, datasets=["logs", "audit"], group_by=["dataset"], **COUNT)
    assert answer["rows"] == [["audit", 2], ["logs", 1]]
    assert ask(client, **COUNT)["rows"] == [[1]]
    error = refused(client, 404, datasets=["logs", "theirs"])
    assert (error["code"], error["data"]) == ("unknown_dataset", {"dataset": "theirs"})


def test_errors_say_what_is_wrong(node: Node, client: ApiClient) -> None:
    error = refused(client, q="level:")
    assert (error["code"], error["data"]) == ("invalid_search", {"position": 7, "expected": "a value for level"})
    error = refused(client, limit=0, fitlers=[])
    assert error["code"] == "invalid_request_body"
    assert [problem["pointer"] for problem in error["data"]["jsv_errors"]] == ["/fitlers", "/limit"]


def test_query_that_takes_too_long_ends(node: Node, client: ApiClient, settings: Any) -> None:
    node.write('{"n":1}')
    settings.EVENTLANE_QUERY_SECONDS = 1e-9
    error = refused(client, **COUNT, **{"from": "2026-11-26T12:00:00Z", "to": "2026-11-26T20:00:00Z"})
    assert error["code"] == "query_timeout"
    assert error["data"]["shorter"] == {"from": "2026-11-26T18:00:00Z", "to": "2026-11-26T20:00:00Z"}
    settings.EVENTLANE_QUERY_SECONDS = 60
    assert ask(client, **COUNT)["rows"] == [[1]]


def test_files_outside_of_the_time_frame_are_skipped(node: Node, client: ApiClient) -> None:
    for hour in (1, 3):
        node.write(*(json.dumps({"n": n, "timestamp": time.time() - 3600 * hour - n}) for n in range(200)))
        node.seal()
    statistics = ask(client, from_="2h", **COUNT)["statistics"]
    assert (statistics["files_scanned"], statistics["files_skipped"], statistics["events_scanned"]) == (1, 1, 200)
    assert statistics["bytes_scanned"] > 0
    assert ask(client, from_="4h", **COUNT)["statistics"]["files_scanned"] == 2


def test_event_by_its_id_is_found_without_looking_at_others(node: Node, client: ApiClient) -> None:
    for hour in (3, 2, 1):
        node.write(*(json.dumps({"n": hour, "m": n}) for n in range(150)), age=timedelta(hours=hour))
        node.seal()
    event = ask(client, q="n:2 m:7", from_="1d")["events"][0]
    answer = ask(client, q=f"id:{event['id']}", from_="1d")
    assert (answer["events"], answer["statistics"]["events_scanned"]) == ([event], 150)


def test_files_that_cannot_hold_what_is_searched_for_are_skipped(
    node: Node, client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.lake.gram_builder.MIN_BYTES", 0)
    for word in ("marmalade", "piccalilli"):
        node.write(*(json.dumps({"n": n, "message": f"{word} was here"}) for n in range(200)))
        node.seal()
        with Lake() as lake:
            make_grams(lake, node.lake_path, files_without_grams(node.lake_path)[0])
    for search, skipped, found in (("Piccalilli", 1, 200), ("chutney", 2, 0), ("was", 0, 400), ("-was", 0, 0)):
        answer = ask(client, q=search, **COUNT)
        statistics = answer["statistics"]
        assert (answer["rows"], statistics["files_skipped"], statistics["files_scanned"]) == (
            [[found]],
            skipped,
            2 - skipped,
        )
        assert statistics["events_scanned"] == 200 * (2 - skipped)
        assert (statistics["bytes_scanned"] > 0) == (skipped < 2)


def test_the_newest_are_found_whatever_the_parts(
    node: Node, client: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PART_EVENTS", 7)
    monkeypatch.setattr(files, "ROOM", 1)
    monkeypatch.setattr("events.query.run.FEW_EVENTS", 0)
    for hour in (5, 3, 2):
        texts = [json.dumps({"n": 100 * hour + n, "even": n % 2 == 0}) for n in range(120)]
        for start in range(0, 120, 10):
            node.write(*texts[start : start + 10], age=timedelta(hours=hour, seconds=start))
        node.seal()
    node.write(*(json.dumps({"n": n, "even": True}) for n in range(7)))
    found: list[int] = []
    body: dict[str, Any] = {"datasets": ["logs"], "from": "1d"} | {
        "filters": [{"path": "even", "op": "=", "value": True}],
        "limit": 11,
    }
    before = None
    while True:
        answer = client.post("/query", body | {"before": before}).json()
        found += [event["event"]["n"] for event in answer["events"]]
        if (before := answer["before"]) is None:
            break
    everything = client.post("/query", body | {"limit": 1000, "order_by": [{"by": "event_time", "order": "desc"}]})
    assert found == [event["event"]["n"] for event in everything.json()["events"]]
    assert len(found) == 180 + 7


def test_damaged_file_makes_the_answer_partial(node: Node, client: ApiClient) -> None:
    for count in (200, 300):
        node.write(*(json.dumps({"n": n}) for n in range(count)))
        node.seal()
    damaged = min(node.lake_path.rglob("*.parquet"), key=lambda path: path.stat().st_size)
    damaged.write_bytes(b"no Parquet")
    answer = ask(client, calculations=[{"op": "count", "path": "n"}])
    assert answer["rows"] == [[300]]
    assert answer["statistics"]["partial"]
    assert any(damaged.name in warning for warning in answer["statistics"]["warnings"])


def test_node_whose_journal_is_out_of_reach_makes_the_answer_partial(
    node: Node, other_node: Node, client: ApiClient
) -> None:
    node.write('{"n":1}')
    node.seal()
    assert not ask(client, **COUNT)["statistics"]["partial"]
    other_node.write('{"n":2}')
    other_node.seal()
    answer = ask(client, **COUNT)
    assert (answer["rows"], answer["statistics"]["partial"]) == ([[2]], True)
    assert "node-b" in answer["statistics"]["warnings"][0]


def test_key_needs_the_right_to_read(node: Node, client: ApiClient) -> None:
    assert ApiClient(client.secret).post("/query", {"datasets": ["logs"]}).json()["code"] == "missing_project_id"


def test_slots_are_shared_fairly() -> None:
    """One owner can't take all slots, and an owner without one comes before an owner with one."""
    slots, began, order = QuerySlots(2, wait_seconds=30, per_owner=1), threading.Semaphore(0), []
    release = {name: threading.Event() for name in ("a1", "a2", "b1")}

    def work(name: str) -> Any:
        def run(lake: Any) -> None:
            order.append(name)
            began.release()
            release[name].wait(30)

        return run

    def start(name: str) -> threading.Thread:
        thread = threading.Thread(target=slots.run, args=(work(name), name[0]))
        thread.start()
        return thread

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_small_lake", lambda: _NoLake())
        threads = [start("a1")]
        began.acquire(timeout=30)
        threads.append(start("a2"))
        while not slots._waiting:
            time.sleep(0.001)
        threads.append(start("b1"))
        began.acquire(timeout=30)
        assert order == ["a1", "b1"]
        for event in release.values():
            event.set()
        for thread in threads:
            thread.join(30)
    assert order == ["a1", "b1", "a2"]


def test_who_waits_too_long_is_refused() -> None:
    slots = QuerySlots(1, wait_seconds=0.01)

    def nested(lake: Any) -> None:
        with pytest.raises(TooManyQueries) as raised:
            slots.run(lambda lake: None, "b")
        assert raised.value.headers == {"Retry-After": "1"}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_small_lake", lambda: _NoLake())
        slots.run(nested, "a")
        slots.run(lambda lake: None, "b")


class _NoLake:
    """A slot's DuckDB that nobody queries."""

    attached = True

    def close(self) -> None:
        pass

    def is_running(self) -> bool:
        return True


def test_every_query_of_a_key_takes_one_of_its_slots(node: Node, client: ApiClient) -> None:
    node.write('{"n":1}')
    owners: list[str] = []

    class Watched(QuerySlots):
        def run(self, work: Any, owner: str = "") -> Any:
            owners.append(owner)
            return super().run(work, owner)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "slots", Watched(1))
        ask(client)
        [listed] = client.get(f"/datasets/id/{node.dataset.id}/events").json()["elements"]
        assert client.get(f"/datasets/id/{node.dataset.id}/events/id/{listed['id']}").status_code == 200
        module.slots.close()
    assert len(owners) == 3 and len(set(owners)) == 1 and owners[0]
