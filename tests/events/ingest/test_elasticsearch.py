"""Elasticsearch's bulk API: documents in, a status for each out."""

from base64 import b64encode
from collections.abc import Callable

import msgspec
import pytest

from tests.events.ingest.conftest import Entrance

CREATE = b'{"create":{"_index":"acme-logs"}}\n'


def test_documents_are_stored_as_sent(entrance: Entrance) -> None:
    lines = CREATE + b'{"b":1, "a":1e2}\r\n\n{"index":{"_id":"7"}}\n{"n":2}'
    basic = b64encode(f"any:{entrance.key}".encode()).decode()
    answer = entrance.post("/acme-logs/_bulk", lines, authorization=f"Basic {basic}", x_namespace="web")
    reply = answer.json()
    assert (answer.status, reply["errors"], answer.headers["x-elastic-product"]) == (200, False, "Elasticsearch")
    [first], [second] = (item.items() for item in reply["items"])
    assert (first[0], first[1]["_index"], first[1]["status"], bool(first[1]["_id"])) == (
        "create",
        "acme-logs",
        201,
        True,
    )
    assert (second[0], second[1]["_id"], second[1]["result"]) == ("index", "7", "created")
    [batch] = entrance.batches()
    assert (batch.namespace, list(batch.texts())) == ("web", [b'{"b":1, "a":1e2}', b'{"n":2}'])


def test_every_document_gets_its_own_status(entrance: Entrance) -> None:
    bad = [b'{"n":', b"7", msgspec.json.encode({"x": "y" * 33_000})]
    lines = b"".join(CREATE + line + b"\n" for line in [b'{"n":1}', *bad, b'{"n":2}'])
    lines += b'{"delete":{"_id":"1"}}\n{"update":{"_id":"1"}}\n{"doc":{}}\n{"index":{"_index":"nowhere"}}\n{}\n'
    reply = entrance.post("/_bulk", lines, authorization=f"ApiKey {entrance.key}").json()
    results = [next(iter(item.values())) for item in reply["items"]]
    assert [result["status"] for result in results] == [201, 400, 400, 400, 201, 400, 400, 404]
    assert reply["errors"]
    assert results[3]["error"] == {"type": "illegal_argument_exception", "reason": "larger than 32768 bytes"}
    assert results[-1]["error"]["type"] == "index_not_found_exception"
    assert entrance.events() == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize(
    "body", [b"{}\n{}\n", b"nonsense\n{}\n", b'{"create":7}\n{}\n', CREATE, CREATE + CREATE + CREATE]
)
def test_lines_that_are_no_pairs_are_refused_whole(entrance: Entrance, body: bytes) -> None:
    answer = entrance.post("/_bulk", body)
    assert (answer.status, answer.json()["status"]) == (400, 400)
    assert "line" in answer.json()["error"]["reason"]
    assert entrance.events() == []


def test_wrong_key_and_failing_disk(entrance: Entrance, failing_journal: Callable[[], None]) -> None:
    answer = entrance.post("/_bulk", CREATE + b"{}", x_api_key="evl_wrong")
    assert (answer.status, answer.json()["error"]["type"]) == (401, "security_exception")
    failing_journal()
    answer = entrance.post("/_bulk", CREATE + b"{}")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    with pytest.raises(msgspec.DecodeError):  # rsyslog would take an error in JSON for final, and throw the batch away
        answer.json()


def test_clients_that_look_first_find_elasticsearch(entrance: Entrance) -> None:
    for headers in ({"accept": "application/vnd.elasticsearch+json; compatible-with=8"}, {"authorization": "ApiKey x"}):
        answer = entrance.send("GET", "/", **headers)
        assert (answer.status, answer.headers["x-elastic-product"]) == (200, "Elasticsearch")
        assert answer.json()["version"]["number"].startswith("8.")
        assert entrance.send("HEAD", "/", **headers).body == b""
    for path in ("/_bulk", "/acme-logs/_bulk"):
        assert entrance.send("HEAD", path).status == 200
    assert entrance.send("POST", "/v0/_bulk").json()["code"] == "route_not_found"
