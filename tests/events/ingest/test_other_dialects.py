"""Axiom, Honeycomb, Splunk, Datadog, GELF, PostHog, Sentry and forms: bodies in, events and replies out."""

import gzip
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.core.exceptions import ValidationError

from events.ingest.dialects import answer
from events.models import Dataset
from projects.directory import directory
from tests.events.ingest.conftest import Answer, Entrance

LARGE = {"x": "y" * 40_000}


@pytest.fixture(autouse=True)
def logs(entrance: Entrance) -> Dataset:
    """The dataset of dialects that name none."""
    return Dataset.objects.create(project=entrance.house.project, name="logs")


def bearer(entrance: Entrance) -> dict[str, str]:
    return {"authorization": f"Bearer {entrance.key}"}


@pytest.mark.parametrize("path", ["/v1/datasets/acme-logs/ingest", "/v1/ingest/acme-logs"])
def test_axiom(entrance: Entrance, path: str) -> None:
    body = gzip.compress(b'[{"n":1}, 7, {"_time":"2026-11-27T00:00:00Z"}]')
    answer = entrance.post(f"{path}?timestamp-field=_time", body, content_encoding="gzip", **bearer(entrance))
    reply = answer.json()
    assert (answer.status, reply["ingested"], reply["failed"], reply["processedBytes"]) == (200, 2, 1, 46)
    assert [failure["error"] for failure in reply["failures"]] == ["not a JSON object"]
    assert entrance.post(path, b'{"n":2}\n{"n":3}\n', content_type="application/x-ndjson").json()["ingested"] == 2
    assert entrance.events() == [{"n": 1}, {"_time": "2026-11-27T00:00:00Z"}, {"n": 2}, {"n": 3}]
    assert entrance.post(path.replace("acme-logs", "nowhere"), b"[{}]").status == 404
    assert entrance.post(path, b"a,b\n1,2", content_type="text/csv").status == 400
    wrong = entrance.post(path, b"[{}]", x_api_key="evl_wrong")
    assert (wrong.status, wrong.json()) == (401, {"message": "Unauthorised"})


def test_dataset_that_was_there_before_keeps_its_paths(entrance: Entrance) -> None:
    project = entrance.house.project
    assert entrance.post("/v1/datasets/shop/ingest", b"[{}]").status == 404
    for name in ("ingest", "datasets"):
        Dataset.objects.create(project=project, name=name)
    directory.forget_missing()  # a check of the directory would do it in a moment
    assert entrance.post("/v1/ingest/web", b"[{}]").status == 202
    assert entrance.post("/v1/datasets/shop/ingest", b"[{}]").status == 202
    assert [(batch.namespace, batch.service) for batch in entrance.batches()] == [("web", ""), ("ingest", "shop")]


def test_no_new_dataset_gets_a_reserved_name(entrance: Entrance) -> None:
    with pytest.raises(ValidationError, match="ambiguous"):
        Dataset(project=entrance.house.project, name="ingest").full_clean()
    entrance.house.project.create_datasets = True
    entrance.house.project.save()
    assert entrance.post("/v1/datasets/web", b"[{}]").status == 400
    assert not Dataset.objects.filter(name="datasets").exists()


def test_honeycomb(entrance: Entrance) -> None:
    key = {"x_honeycomb_team": entrance.key, "x_api_key": ""}
    batch = b'[{"time":"2026-11-27T00:00:00Z","samplerate":2,"data":{"n":1e2}},{"data":%b},{"n":1},{"data":{}}]'
    answer = entrance.post("/1/batch/acme-logs", batch % msgspec.json.encode(LARGE), **key)
    assert [one["status"] for one in answer.json()] == [202, 400, 400, 202]
    moment = {"x_honeycomb_event_time": "1795000000", "x_honeycomb_samplerate": "4"}
    assert entrance.post("/1/events/acme-logs", b'{"n":2}', **moment, **key).status == 200
    assert entrance.events() == [
        {"time": "2026-11-27T00:00:00Z", "samplerate": 2, "n": 100.0},
        {},
        {"time": "1795000000", "samplerate": 4, "n": 2},
    ]
    assert [one["status"] for one in entrance.post("/1/batch/nowhere", b'[{"data":{}}]', **key).json()] == [400]
    assert entrance.post("/1/batch/acme-logs", b"{", **key).status == 400
    assert entrance.post("/1/batch/acme-logs", b"[]", x_honeycomb_team="evl_wrong", x_api_key="").status == 401


def test_splunk(entrance: Entrance) -> None:
    key = {"authorization": f"Splunk {entrance.key}"}
    body = b'{"time":1795000000.5,"host":"h","event":{"n":1}}{"event":"Hello","sourcetype":"x","fields":{"a":"b"}}'
    answer = entrance.post("/services/collector/event", body, **key)
    assert (answer.status, answer.json()) == (200, {"text": "Success", "code": 0})
    assert entrance.post("/services/collector/raw?host=h&x=1", b"one\r\n\ntwo\n", **key).status == 200
    assert entrance.events() == [
        {"time": 1795000000.5, "host": "h", "n": 1},
        {"sourcetype": "x", "fields": {"a": "b"}, "message": "Hello"},
        {"message": "one", "host": "h"},
        {"message": "two", "host": "h"},
    ]
    bad = entrance.post("/services/collector", b'{"event":{"n":2}}{"n":3}{"event":{"n":4}}', **key)
    assert (bad.status, bad.json()["code"], bad.json()["invalid-event-number"]) == (400, 6, 1)
    assert [event.get("n") for event in entrance.events()[4:]] == [2, 4]
    assert entrance.post("/services/collector", b"{}", authorization="Splunk evl_wrong").json()["code"] == 4
    assert entrance.post("/services/collector", b"{}", x_api_key="").json()["code"] == 2
    assert entrance.send("GET", "/services/collector/health").json()["code"] == 17


def test_datadog(entrance: Entrance) -> None:
    key = {"dd_api_key": entrance.key, "x_api_key": ""}
    body = gzip.compress(b'[{"message":"Hello","ddsource":"x","service":"shop"}]')
    answer = entrance.post("/api/v2/logs", body, content_encoding="gzip", x_namespace="web", **key)
    assert (answer.status, answer.body) == (202, b"{}")
    assert entrance.events() == [{"message": "Hello", "ddsource": "x", "service": "shop"}]
    assert entrance.batches()[0].namespace == "web"
    assert entrance.post("/api/v2/logs", [LARGE, {"n": 1}], **key).json()["errors"][0]["status"] == "400"
    assert entrance.events()[1:] == [{"n": 1}]


def test_gelf(entrance: Entrance) -> None:
    message = {"version": "1.1", "host": "h", "short_message": "Hello", "level": 4, "_a": 1}
    assert (entrance.post("/gelf", message).status, entrance.events()) == (202, [message])
    assert entrance.post("/gelf", LARGE).status == 400


def test_posthog(entrance: Entrance) -> None:
    event = {"event": "paid", "distinct_id": "u", "properties": {"n": 1}, "timestamp": "2026-11-27T00:00:00Z"}
    answer = entrance.post("/batch/", {"api_key": entrance.key, "batch": [event, LARGE]}, x_api_key="")
    assert (answer.status, answer.json()) == (200, {"status": "Ok", "refused": 1})
    assert entrance.post("/capture/", {"api_key": entrance.key, **event}, x_api_key="").status == 200
    assert entrance.events() == [event, event]
    for body, status in (({"api_key": "evl_wrong"}, 401), ({}, 401), ([], 400), (b"{", 400)):
        assert entrance.post("/batch/", body, x_api_key="").status == status


def envelope(*items: tuple[dict[str, Any], bytes]) -> bytes:
    lines = [msgspec.json.encode({"event_id": "abc"})]
    for header, payload in items:
        lines += [msgspec.json.encode(header), payload]
    return b"\n".join(lines)


def post_envelope(entrance: Entrance, body: bytes, key: str = "") -> Answer:
    auth = f"Sentry sentry_version=7, sentry_key={key or entrance.key}, sentry_client=x/1"
    return entrance.post("/api/1/envelope/", body, x_sentry_auth=auth, x_api_key="")


def test_sentry(entrance: Entrance) -> None:
    trace = {"trace": {"trace_id": "t", "span_id": "s"}}
    error = {"exception": {"values": [{"type": "Other"}, {"type": "ValueError", "value": "no"}]}, "contexts": trace}
    transaction = {"transaction": "GET /", "start_timestamp": 10.0, "timestamp": 10.25, "contexts": trace}
    record = {
        "items": [{"timestamp": 1.5, "level": "warn", "body": "low", "attributes": {"n": {"value": 1, "type": "i"}}}]
    }
    payload = msgspec.json.encode(error)
    body = envelope(
        ({"type": "event", "length": len(payload)}, payload),
        ({"type": "attachment", "length": 4}, b"\n\n{}"),
        ({"type": "transaction"}, msgspec.json.encode(transaction)),
        ({"type": "log", "item_count": 1}, msgspec.json.encode(record)),
        ({"type": "session"}, b"{}"),
    )
    answer = post_envelope(entrance, body)
    assert (answer.status, answer.json()) == (200, {"id": "abc"})
    assert entrance.events() == [
        {"message": "no", "error": "no", "traceId": "t", "spanId": "s", **error},
        {"message": "GET /", "duration": 250.0, "traceId": "t", "spanId": "s", **transaction},
        {"message": "low", "timestamp": 1.5, "level": "warn", "attributes": {"n": 1}},
    ]
    assert entrance.post(f"/api/1/envelope/?sentry_key={entrance.key}", body, x_api_key="").status == 200
    assert post_envelope(entrance, body, "evl_wrong").status == 401
    for bad in (b"", b"x", envelope(({"type": "event", "length": 99}, b"{}")), envelope(({"type": "event"}, b"7"))):
        assert post_envelope(entrance, bad).status == 400


def test_error_of_sentry_that_is_too_large_loses_what_matters_least(entrance: Entrance) -> None:
    error = {"message": "no", "modules": LARGE, "breadcrumbs": LARGE, "extra": {"n": 1}, "user": {"id": "u"}}
    assert post_envelope(entrance, envelope(({"type": "event"}, msgspec.json.encode(error)))).status == 200
    assert entrance.events() == [{"message": "no", "extra": {"n": 1}, "user": {"id": "u"}}]
    assert post_envelope(entrance, envelope(({"type": "event"}, msgspec.json.encode({"user": LARGE})))).status == 400


def test_key_in_a_body_that_is_larger_than_the_events_api_takes_is_not_looked_for(entrance: Entrance) -> None:
    body = b'{"api_key":"%b","batch":[%b]}' % (entrance.key.encode(), b" " * 6 * 1024 * 1024)
    assert entrance.post("/batch/", body).status == 413
    assert entrance.post("/batch/", gzip.compress(body), content_encoding="gzip").status == 413


def test_events_of_one_request_go_to_a_limited_number_of_places(entrance: Entrance, monkeypatch) -> None:
    monkeypatch.setattr(answer, "MOST_GROUPS", 3)
    streams = [{"stream": {"namespace": str(n)}, "values": [["1", "x"]]} for n in range(4)]
    for count, status in ((4, 400), (3, 204)):
        body = {"streams": streams[:count]}
        assert entrance.post("/loki/api/v1/push", body, content_type="application/json").status == status
    assert [batch.namespace for batch in entrance.batches()] == ["0", "1", "2"]


def test_many_events_are_stored_in_parts_and_all_of_them_listed(entrance: Entrance) -> None:
    lines = b'{"create":{"_index":"acme-logs"}}\n{"x":"%b"}\n' % (b"y" * 1000) * 5000
    assert [one["create"]["status"] for one in entrance.post("/_bulk", lines).json()["items"]] == [201] * 5000
    assert [batch.count for batch in entrance.batches()] == [2081, 2081, 838]


FORM = "application/x-www-form-urlencoded"


def test_form(entrance: Entrance) -> None:
    answer = entrance.post("/v1/acme-logs/web", b"msg=Hello+%C3%A9&levelname=INFO&empty=", content_type=FORM)
    assert (answer.status, answer.body) == (202, b'{"message": "Request Accepted"}')
    assert entrance.post("/v1/acme-logs/web", b'[{"n":1}]', content_type=FORM).status == 202
    assert entrance.events() == [{"msg": "Hello é", "levelname": "INFO", "empty": ""}, {"n": 1}]
    for body in (b"garbage", b"a=1&" * 2000, b"\xff=1", b""):
        answer = entrance.post("/v1/acme-logs/web", body, content_type=FORM)
        assert (answer.status, answer.body) == (400, b'{"message": "Bad Request"}')


REQUESTS = {
    "/v1/ingest/acme-logs": b"[{}]",
    "/1/batch/acme-logs": b'[{"data":{}}]',
    "/services/collector": b'{"event":{}}',
    "/api/v2/logs": b"[{}]",
    "/gelf": b"{}",
    "/batch/": b'{"api_key":"KEY","batch":[{}]}',
    "/api/1/envelope/?sentry_key=KEY": envelope(({"type": "event"}, b"{}")),
}


def test_disk_that_fails_is_worth_another_try_in_every_dialect(
    entrance: Entrance, failing_journal: Callable[[], None]
) -> None:
    failing_journal()
    for path, body in REQUESTS.items():
        answer = entrance.post(path.replace("KEY", entrance.key), body.replace(b"KEY", entrance.key.encode()))
        assert (path, answer.status, answer.headers["retry-after"]) == (path, 503, "5")


DEEP = b'{"a":' * 5000 + b"1" + b"}" * 5000


@pytest.mark.parametrize("text", [DEEP, b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"[" * 5000, b"\xff\xfe", b"\x00", b"{}}"])
def test_no_dialect_chokes_on_a_bad_body(entrance: Entrance, text: bytes) -> None:
    for path, body in REQUESTS.items():
        for bad in (text, body.replace(b"{}", text)):
            answer = entrance.post(path.replace("KEY", entrance.key), bad.replace(b"KEY", entrance.key.encode()))
            assert answer.status in (200, 400, 401), (path, answer.status, answer.body)
    assert entrance.events() == []
