"""OTLP: what becomes of log records, spans and data points, in both encodings, and what clients are told."""

import gzip
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from events.ingest import storage
from events.ingest.dialects import wire
from events.ingest.dialects.otlp import _field
from events.models import Dataset
from tests.events.ingest.conftest import Answer, Entrance

PROTOBUF, JSON = "application/x-protobuf", "application/json"
START = 1_795_000_000_123_456_789
TRACE, SPAN = bytes(range(16)), bytes(range(8))
REQUESTS: dict[str, Any] = {
    "logs": ExportLogsServiceRequest,
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}


def attribute(name: str, **value: Any) -> KeyValue:
    return KeyValue(key=name, value=AnyValue(**value))


RESOURCE = {
    "attributes": [attribute("service.name", string_value="shop"), attribute("service.namespace", string_value="eu")]
}


def logs(*records: Any, resource: Any = RESOURCE) -> Any:
    part = {"scope": {"name": "lib", "version": "1.2"}, "log_records": records}
    return ExportLogsServiceRequest(resource_logs=[{"resource": resource, "scope_logs": [part]}])


def traces(*spans: Any) -> Any:
    return ExportTraceServiceRequest(resource_spans=[{"resource": RESOURCE, "scope_spans": [{"spans": spans}]}])


def metrics(*all: Any) -> Any:
    return ExportMetricsServiceRequest(resource_metrics=[{"resource": RESOURCE, "scope_metrics": [{"metrics": all}]}])


def as_json(message: Any) -> bytes:
    """Encode a message as OTLP's JSON: as protobuf's own, with ids in hexadecimal and enumerations as numbers."""

    def with_ids(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: _hex(one) if name in ids else with_ids(one) for name, one in value.items()}
        return [with_ids(one) for one in value] if isinstance(value, list) else value

    def _hex(text: str) -> str:
        return b64decode(text).hex().upper()

    ids = ("traceId", "spanId", "parentSpanId")
    return msgspec.json.encode(with_ids(MessageToDict(message, use_integers_for_enums=True)))


def post_protobuf(entrance: Entrance, path: str, message: Any, **headers: str) -> Answer:
    return entrance.post(path, message.SerializeToString(), content_type=PROTOBUF, **headers)


def post_json(entrance: Entrance, path: str, message: Any, **headers: str) -> Answer:
    return entrance.post(path, as_json(message), content_type=JSON, **headers)


Post = Callable[..., Answer]
both = pytest.mark.parametrize("post", [post_protobuf, post_json])
ATTRIBUTES = {
    "http.route": "/a",
    "n": 2**63 - 1,
    "x": 0.5,
    "ok": False,
    "raw": "AP8=",
    "list": ["a", 1],
    "map": {"a.b": {"c": 1}},
    "empty": None,
}


def attributes() -> list[KeyValue]:
    return [
        attribute("http.route", string_value="/a"),
        attribute("n", int_value=2**63 - 1),
        attribute("x", double_value=0.5),
        attribute("ok", bool_value=False),
        attribute("raw", bytes_value=b"\x00\xff"),
        attribute("list", array_value={"values": [AnyValue(string_value="a"), AnyValue(int_value=1)]}),
        attribute(
            "map", kvlist_value={"values": [attribute("a.b", kvlist_value={"values": [attribute("c", int_value=1)]})]}
        ),
        attribute("empty"),
    ]


@both
def test_log_records(entrance: Entrance, post: Post) -> None:
    record = {
        "time_unix_nano": START,
        "severity_number": 18,
        "severity_text": "ERROR2",
        "body": {"string_value": "Help"},
        "trace_id": TRACE,
        "span_id": SPAN,
        "attributes": [*attributes(), attribute("exception.message", string_value="no disk")],
    }
    second = {"observed_time_unix_nano": START, "body": {"kvlist_value": {"values": [attribute("a", int_value=1)]}}}
    answer = post(entrance, "/v1/logs", logs(record, second, {"body": {"bool_value": False}}))
    assert (answer.status, answer.body) == (200, b"" if post is post_protobuf else b"{}")
    origin = {
        "service": "shop",
        "scope": {"name": "lib", "version": "1.2"},
        "resource": {"service.name": "shop", "service.namespace": "eu"},
    }
    first, second, third = entrance.events()
    assert first == {
        "timestamp": "2026-11-18T11:06:40.123456789Z",
        "level": "error",
        "severityText": "ERROR2",
        "severityNumber": 18,
        "message": "Help",
        "traceId": TRACE.hex(),
        "spanId": SPAN.hex(),
        "error": "no disk",
        "attributes": {**ATTRIBUTES, "exception.message": "no disk"},
        **origin,
    }
    assert second == {"timestamp": "2026-11-18T11:06:40.123456789Z", "body": {"a": 1}, **origin}
    assert third == {"message": False, **origin}
    [batch] = entrance.batches()
    assert batch.namespace == "eu"
    assert Dataset.objects.get(id=batch.dataset_id).name == "logs"


@both
def test_spans(entrance: Entrance, post: Post) -> None:
    exception = {
        "time_unix_nano": START + 1,
        "name": "exception",
        "attributes": [attribute("exception.message", string_value="boom")],
    }
    span = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "parent_span_id": SPAN[::-1],
        "name": "GET /a",
        "kind": 2,
        "start_time_unix_nano": START,
        "end_time_unix_nano": START + 1_500_000,
        "status": {"code": 2, "message": "failed"},
        "events": [exception],
        "links": [{"trace_id": TRACE, "span_id": SPAN}],
        "attributes": attributes(),
    }
    assert post(entrance, "/otlp/v1/traces", traces(span, {"name": "short"})).status == 200
    first, second = entrance.events()
    assert first == {
        "timestamp": "2026-11-18T11:06:40.123456789Z",
        "duration": 1.5,
        "level": "error",
        "message": "GET /a",
        "traceId": TRACE.hex(),
        "spanId": SPAN.hex(),
        "parentSpanId": SPAN[::-1].hex(),
        "kind": "server",
        "status": "error",
        "error": "boom",
        "events": [
            {
                "timestamp": "2026-11-18T11:06:40.123456790Z",
                "name": "exception",
                "attributes": {"exception.message": "boom"},
            }
        ],
        "links": [{"traceId": TRACE.hex(), "spanId": SPAN.hex()}],
        "attributes": ATTRIBUTES,
        "service": "shop",
        "resource": {"service.name": "shop", "service.namespace": "eu"},
    }
    assert (second["message"], second["status"], "duration" in second) == ("short", "unset", False)


@both
def test_data_points(entrance: Entrance, post: Post) -> None:
    times = {"time_unix_nano": START, "start_time_unix_nano": START - 10**9}
    histogram = {"count": 3, "sum": 6.5, "min": 1, "max": 4, "bucket_counts": [1, 2], "explicit_bounds": [2]}
    exponential = {"count": 2, "scale": 3, "zero_count": 1, "positive": {"offset": 4, "bucket_counts": [1]}}
    summary = {"count": 2, "sum": 3, "quantile_values": [{"quantile": 0.5, "value": 1.5}]}
    message = metrics(
        {"name": "g", "unit": "By", "gauge": {"data_points": [{**times, "as_double": 0, "attributes": attributes()}]}},
        {"name": "s", "sum": {"data_points": [{"as_int": 7}], "aggregation_temporality": 2, "is_monotonic": True}},
        {"name": "h", "histogram": {"data_points": [histogram], "aggregation_temporality": 1}},
        {"name": "e", "exponential_histogram": {"data_points": [exponential], "aggregation_temporality": 1}},
        {"name": "q", "summary": {"data_points": [summary]}},
        {"name": "nothing"},
    )
    assert post(entrance, "/v1/metrics/", message).status == 200
    found = entrance.events()
    assert [event.pop("service") for event in found] == ["shop"] * 5
    assert {len(event.pop("resource")) for event in found} == {2}
    gauge = {"message": "g", "unit": "By", "type": "gauge", "value": 0.0, "attributes": ATTRIBUTES}
    moments = {"timestamp": "2026-11-18T11:06:40.123456789Z", "startTime": "2026-11-18T11:06:39.123456789Z"}
    figures = {"count": 3, "sum": 6.5, "min": 1, "max": 4, "buckets": {"bounds": [2], "counts": [1, 2]}}
    buckets = {"scale": 3, "zeroCount": 1, "positive": {"offset": 4, "counts": [1]}}
    assert found == [
        {**moments, **gauge},
        {"message": "s", "type": "sum", "temporality": "cumulative", "monotonic": True, "value": 7},
        {"message": "h", "type": "histogram", "temporality": "delta", **figures},
        {"message": "e", "type": "exponentialHistogram", "temporality": "delta", "count": 2, "buckets": buckets},
        {"message": "q", "type": "summary", "count": 2, "sum": 3, "quantiles": [{"quantile": 0.5, "value": 1.5}]},
    ]


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/otlp/v1", "/otlp"])
def test_bare_path_takes_traces_in_protobuf_and_any_signal_in_json(entrance: Entrance, path: str) -> None:
    assert post_protobuf(entrance, path, traces({"name": "one"})).status == 200
    assert post_json(entrance, path, logs({"body": {"string_value": "two"}})).status == 200
    assert [event["message"] for event in entrance.events()] == ["one", "two"]
    assert set(Dataset.objects.values_list("name", flat=True)) == {"acme-logs", "traces", "logs"}


def test_no_dataset_is_created_beyond_the_limit(entrance: Entrance, settings: Any) -> None:
    settings.EVENTLANE_MAX_CREATED_DATASETS = 2  # one is there
    record = logs({"body": {"string_value": "x"}})
    assert post_json(entrance, "/v1/logs", record, x_dataset="first").status == 200
    refused = post_json(entrance, "/v1/logs", record, x_dataset="second")
    assert refused.status == 200 and refused.json()["partialSuccess"]["rejectedLogRecords"] == "1"
    assert b"second" in refused.body, refused
    assert not Dataset.objects.filter(name="second").exists()
    assert post_json(entrance, "/v1/logs", record, x_dataset="first").status == 200


@pytest.mark.parametrize("signal", REQUESTS)
def test_empty_bodies_are_valid(entrance: Entrance, signal: str) -> None:
    for body, kind in ((b"", PROTOBUF), (b"{}", JSON), (gzip.compress(b""), PROTOBUF)):
        encoding = {"content_encoding": "gzip"} if body[:1] == b"\x1f" else {}
        answer = entrance.post(f"/v1/{signal}", body, content_type=kind, **encoding)
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
    assert entrance.events() == []


def test_namespace_is_that_of_the_header_else_the_resource_else_the_dataset(entrance: Entrance) -> None:
    project, record = entrance.house.project, {"body": {"string_value": "x"}}
    environment = {"attributes": [attribute("deployment.environment.name", string_value="pro\nd" + "x" * 300)]}
    post_json(entrance, "/v1/logs", logs(record), x_namespace="own", x_dataset="acme-logs")
    post_json(entrance, "/v1/logs", logs(record), x_namespace="undefined")
    post_json(entrance, "/v1/logs", logs(record, resource=environment))
    post_json(entrance, "/v1/logs", logs(record, resource={}))
    Dataset.objects.create(project=project, name="quiet", default_namespace="calm")
    post_json(entrance, "/v1/logs", logs(record, resource={}), x_dataset="quiet")
    assert [batch.namespace for batch in entrance.batches()] == ["own", "eu", "pro d" + "x" * 195, "default", "calm"]


def test_events_api_keeps_its_paths(entrance: Entrance) -> None:
    Dataset.objects.create(project=entrance.house.project, name="logs")
    assert entrance.post("/v1/logs", b'[{"n":1}]', x_namespace="web").status == 202
    assert (
        entrance.post("/v1/logs", gzip.compress(b'{"n":2}'), x_namespace="web", content_encoding="gzip").status == 202
    )
    assert entrance.post("/v1/logs/web", b'{"resourceLogs":[]}').status == 202
    assert entrance.events() == [{"n": 1}, {"n": 2}, {"resourceLogs": []}]
    bad = (400, b'{"message": "Bad Request"}')
    for path, body in (
        ("/v1", b"[]"),
        ("/v1/logs", b"[{}]"),
        ("/v1/metrics", b"[]"),
        ("/v1/logs", b""),
        ("/v1", b"{"),
        ("/v1", b'{"\xff":1}'),
    ):
        answer = entrance.post(path, body)
        assert (answer.status, answer.body) == bad
        assert answer.headers["x-error-reason"]
    large = entrance.post("/v1/logs", b"[" + b" " * 6 * 1024 * 1024 + b"]", x_namespace="web")
    assert (large.status, large.body) == bad
    refused = entrance.post("/v1/logs", b"{}", x_api_key="evl_wrong")
    assert (refused.status, refused.body) == (401, b'{"message": "Unauthorised"}')
    assert entrance.send("GET", "/v1/logs").body == b'{"message": "Method Not Allowed"}'


def test_probes_and_preflights_are_answered(entrance: Entrance) -> None:
    assert entrance.send("HEAD", "/otlp/v1/logs").status == 200
    preflight = entrance.send("OPTIONS", "/otlp/v1/logs", access_control_request_headers="authorization")
    assert (preflight.status, preflight.headers["access-control-allow-headers"]) == (204, "authorization")
    assert entrance.send("GET", "/otlp/v1/logs").status == 405


@both
def test_event_that_is_too_large_is_rejected_and_the_others_are_stored(entrance: Entrance, post: Post) -> None:
    large = {"body": {"string_value": "x" * 33_000}}
    answer = post(entrance, "/v1/logs", logs({"body": {"string_value": "small"}}, large, large))
    reason = "larger than 32768 bytes"
    if post is post_protobuf:
        partial = ExportLogsServiceResponse.FromString(answer.body).partial_success
        assert (answer.status, partial.rejected_log_records, partial.error_message) == (200, 2, reason)
    else:
        assert answer.json() == {"partialSuccess": {"rejectedLogRecords": "2", "errorMessage": reason}}
    assert [event["message"] for event in entrance.events()] == ["small"]


def nested(depth: int) -> bytes:
    """Return a body whose only record is a list in a list in a list, deeper than protobuf itself would write it."""
    numbers = [1, 5] * depth  # of array_value in AnyValue and of its values
    body = AnyValue(int_value=1).SerializeToString()
    for number in [*numbers, 5, 2, 2, 1]:  # of body, log_records, scope_logs, resource_logs
        body = _field(number, body)
    return body


JSON_LOGS = b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[%b]}]}]}'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (PROTOBUF, b"\xff\xff"),
        (PROTOBUF, nested(60)),
        (PROTOBUF, b"\x0a\x05\x12"),
        (PROTOBUF, b"\x0a"),
        (PROTOBUF, b"\x0b\x00"),
        (PROTOBUF, b"\x0d\x00"),
        (PROTOBUF, b"\xff" * 20),
        (JSON, b'{"resourceLogs":7}'),
        (JSON, JSON_LOGS % b'{"timeUnixNano":"soon"}'),
        (JSON, JSON_LOGS % b'{"timeUnixNano":"999999999999999999999999"}'),
        (JSON, JSON_LOGS % (b'{"body":' + b'{"arrayValue":{"values":[' * 400 + b"{}" + b"]}}" * 400 + b"}")),
        (JSON, JSON_LOGS[:-3]),
        (JSON, b'{"resource":[]}'),
        (JSON, b"\xff"),
        (JSON, b'{"\xff":1}'),
        (JSON, JSON_LOGS % b'{"body":{"stringValue":"\xff"}}'),
    ],
)
def test_what_is_not_otlp_is_refused_whole(entrance: Entrance, kind: str, body: bytes) -> None:
    answer = entrance.post("/otlp/v1/logs", body, content_type=kind)
    assert (answer.status, answer.headers["content-type"]) == (400, kind)
    assert answer.json()["code"] == 3 if kind == JSON else answer.body.startswith(b"\x08\x03\x12")
    assert entrance.events() == []


def test_key_is_checked_as_everywhere(entrance: Entrance) -> None:
    message = logs({})
    assert (
        post_protobuf(entrance, "/v1/logs", message, x_api_key="", authorization=f"Bearer {entrance.key}").status == 200
    )
    for path, post in (("/v1/logs", post_protobuf), ("/otlp/v1/logs", post_json)):
        answer = post(entrance, path, message, x_api_key="evl_wrong")
        assert answer.status == 401
        assert b"the API key is missing" in answer.body


@pytest.mark.parametrize("limit", [{"max_events": 3}, {"max_bytes": 1000}])
def test_small_bodies_do_not_become_large_ones(entrance: Entrance, limit, monkeypatch, settings) -> None:
    settings.EVENTLANE_MAX_DIALECT_BYTES = limit.get("max_bytes", 1_000_000)
    monkeypatch.setattr(storage, "limits", replace(storage.limits, max_events=limit.get("max_events", 1000)))
    answer = post_json(entrance, "/v1/logs", logs(*[{}] * 40))
    assert answer.status == (400 if "max_events" in limit else 413)
    assert entrance.events() == []


@pytest.mark.parametrize("part", [b"\x0a\x00", b"\x0a\x02\x12\x00", b"\x08\x00"])
def test_body_of_empty_messages_is_refused_before_they_are_made(entrance: Entrance, part: bytes, monkeypatch) -> None:
    monkeypatch.setattr(wire, "MOST_FIELDS", 10_000)
    answer = entrance.post("/v1/logs", part * 20_000, content_type=PROTOBUF)
    assert (answer.status, b"more than 10000 fields" in answer.body) == (400, True)


@pytest.mark.parametrize("part", [b"{}", b'{"scopeLogs":[{}]}'])
def test_body_of_too_many_values_is_refused_before_they_are_made(entrance: Entrance, part: bytes, settings) -> None:
    settings.EVENTLANE_MAX_DIALECT_VALUES = 1500
    for count, status in ((100, 200), (2000, 413)):
        body = b'{"resourceLogs":[%b],",":"[[[[,"}' % b",".join([part] * count)
        assert entrance.post("/otlp/v1/logs", body, content_type=JSON).status == status


def test_record_of_too_many_values_is_refused(entrance: Entrance, settings) -> None:
    settings.EVENTLANE_MAX_DIALECT_VALUES = 1500
    values = {"values": [{}] * 1000}
    span = {
        "events": [{}] * 1000,
        "attributes": [attribute("a", array_value=values), attribute("b", kvlist_value=values)],
    }
    for count, status in ((1, 200), (2, 400)):
        for name, all in span.items():
            one = (
                {name: all[:count]}
                if name == "attributes"
                else {name: all[: count * 1000], "links": [{}] * (count - 1) * 1000}
            )
            assert post_protobuf(entrance, "/v1/traces", traces(one)).status == status


@both
def test_item_that_is_far_too_large_is_rejected_and_the_others_are_stored(entrance: Entrance, post: Post) -> None:
    span = {"name": "x", "events": [{"name": "y" * 1000}] * 1200}
    answer = post(entrance, "/v1/traces", traces({"name": "a"}, span, {"name": "b"}))
    assert (answer.status, b"takes more than 1048576 bytes" in answer.body) == (200, True)
    assert [event["message"] for event in entrance.events()] == ["a", "b"]


@both
def test_disk_that_fails_is_worth_another_try(
    entrance: Entrance, failing_journal: Callable[[], None], post: Post
) -> None:
    failing_journal()
    answer = post(entrance, "/v1/logs", logs({"body": {"string_value": "x"}}))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
