"""Events as common loggers write them, and what the columns must hold: sealed and unsealed alike.

Each has the columns that its logger knows of; all others must be empty, and the service that of the route.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.events.lake.conftest import Node

NOON = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
MILLIS = NOON + timedelta(milliseconds=123)
MICROS = NOON + timedelta(microseconds=123_456)
EPOCH = 1_795_780_800
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
EMPTY = {
    "level": None,
    "message": None,
    "service": "route",
    "error": None,
    "duration": None,
    "trace_id": None,
    "span_id": None,
    "request_id": None,
}

LOGGERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "pino": (
        {"level": 30, "time": EPOCH * 1000 + 123, "pid": 7, "hostname": "h", "msg": "request completed"}
        | {"req": {"id": 42, "method": "GET", "url": "/"}, "res": {"statusCode": 200}, "responseTime": 12},
        {"event_time": MILLIS, "level": "info", "message": "request completed", "duration": 12.0, "request_id": "42"},
    ),
    "pino, an error": (
        {"level": 50, "time": EPOCH * 1000 + 123, "pid": 7, "hostname": "h", "msg": "boom"}
        | {"err": {"type": "Error", "message": "boom", "stack": "Error: boom\n    at main.js:1"}},
        {"event_time": MILLIS, "level": "error", "message": "boom", "error": "boom"},
    ),
    "bunyan": (
        {"name": "shop", "hostname": "h", "pid": 7, "level": 40, "msg": "slow", "time": "2026-11-27T12:00:00.123Z"}
        | {"v": 0, "err": {"message": "too late", "name": "TimeoutError", "stack": "TimeoutError: too late"}},
        {"event_time": MILLIS, "level": "warn", "message": "slow", "error": "too late"},
    ),
    "winston": (
        {"level": "verbose", "message": "hello", "service": "shop", "timestamp": "2026-11-27T12:00:00.123Z"},
        {"event_time": MILLIS, "level": "trace", "message": "hello", "service": "shop"},
    ),
    "zap": (
        {"level": "dpanic", "ts": EPOCH + 0.123, "caller": "shop/main.go:7", "msg": "failed", "error": "boom"},
        {"event_time": MILLIS, "level": "fatal", "message": "failed", "error": "boom"},
    ),
    "slog": (
        {"time": "2026-11-27T13:00:00.123456789+01:00", "level": "WARN+2", "msg": "hello", "user": {"id": 1}},
        {"event_time": MICROS, "level": "warn", "message": "hello"},
    ),
    "logrus": (
        {"error": "boom", "level": "warning", "msg": "failed", "time": "2026-11-27T12:00:00Z"},
        {"event_time": NOON, "level": "warn", "message": "failed", "error": "boom"},
    ),
    "zerolog": (
        {"level": "panic", "error": "boom", "time": EPOCH, "message": "failed", "trace_id": TRACE, "span_id": SPAN},
        {
            "event_time": NOON,
            "level": "fatal",
            "message": "failed",
            "error": "boom",
            "trace_id": TRACE,
            "span_id": SPAN,
        },
    ),
    "Serilog, CLEF": (
        {"@t": "2026-11-27T12:00:00.1234567Z", "@mt": "Hello {User}", "@l": "Warning", "User": "u"}
        | {"@x": "System.Exception: boom", "@tr": TRACE, "@sp": SPAN, "RequestId": "0HM:1"},
        {"event_time": MICROS, "level": "warn", "message": "Hello {User}", "error": "System.Exception: boom"}
        | {"trace_id": TRACE, "span_id": SPAN, "request_id": "0HM:1"},
    ),
    "Serilog, CLEF, rendered": (
        {"@t": "2026-11-27T12:00:00.1234567Z", "@m": "Hello u", "@i": "7a8b9c0d", "User": "u"},
        {"event_time": MICROS, "message": "Hello u"},
    ),
    "Serilog": (
        {"Timestamp": "2026-11-27T14:00:00.1234567+02:00", "Level": "Error", "MessageTemplate": "Hello {User}"}
        | {"RenderedMessage": "Hello u", "Exception": "System.Exception: boom", "Properties": {"User": "u"}},
        {"event_time": MICROS, "level": "error", "message": "Hello u", "error": "System.Exception: boom"},
    ),
    "NLog": (
        {"time": "2026-11-27T12:00:00.1234560Z", "level": "INFO", "message": "hello", "logger": "Shop.Cart"}
        | {"exception": {"type": "System.Exception", "message": "boom"}},
        {"event_time": MICROS, "level": "info", "message": "hello", "error": "boom"},
    ),
    "log4j2, JsonTemplateLayout with ECS": (
        {"@timestamp": "2026-11-27T12:00:00.123Z", "ecs.version": "1.2.0", "log.level": "ERROR", "message": "hello"}
        | {"process.thread.name": "main", "log.logger": "shop.Cart", "error.type": "java.lang.Exception"}
        | {"error.message": "boom", "error.stack_trace": "java.lang.Exception: boom\n\tat Cart"},
        {"event_time": MILLIS, "level": "error", "message": "hello", "error": "boom"},
    ),
    "log4j2, JsonTemplateLayout like JsonLayout": (
        {"instant": {"epochSecond": EPOCH, "nanoOfSecond": 123_456_000}, "thread": "main", "level": "FATAL"}
        | {"loggerName": "shop.Cart", "message": "hello", "thrown": {"message": "boom", "name": "Exception"}},
        {"event_time": MICROS, "level": "fatal", "message": "hello", "error": "boom"},
    ),
    "log4j2, JsonTemplateLayout like Logstash": (
        {"@version": 1, "@timestamp": "2026-11-27T12:00:00.123Z", "level": "WARN", "message": "hello"}
        | {"exception": {"exception_class": "Exception", "exception_message": "boom", "stacktrace": "…"}},
        {"event_time": MILLIS, "level": "warn", "message": "hello", "error": "boom"},
    ),
    "logback, LogstashEncoder": (
        {"@timestamp": "2026-11-27T13:00:00.123+01:00", "@version": "1", "message": "hello", "level": "ERROR"}
        | {"logger_name": "shop.Cart", "thread_name": "main", "level_value": 40000, "traceId": TRACE, "spanId": SPAN}
        | {"stack_trace": "java.lang.Exception: boom\n\tat Cart"},
        {"event_time": MILLIS, "level": "error", "message": "hello", "trace_id": TRACE, "span_id": SPAN}
        | {"error": "java.lang.Exception: boom\n\tat Cart"},
    ),
    "ECS": (
        {"@timestamp": "2026-11-27T12:00:00.123Z", "log": {"level": "error", "logger": "cart"}, "message": "hello"}
        | {"service": {"name": "shop", "version": "1"}, "error": {"message": "boom", "stack_trace": "…"}}
        | {"trace": {"id": TRACE}, "span": {"id": SPAN}, "http": {"request": {"id": "r-1"}}}
        | {"event": {"duration": 12_500_000, "dataset": "cart"}},
        {"event_time": MILLIS, "level": "error", "message": "hello", "service": "shop", "error": "boom"}
        | {"trace_id": TRACE, "span_id": SPAN, "request_id": "r-1", "duration": 12.5},
    ),
    "python-json-logger": (
        {"asctime": "2026-11-27 12:00:00,123", "levelname": "ERROR", "name": "shop", "message": "hello"}
        | {"exc_info": "Traceback (most recent call last):\nValueError: boom"},
        {"event_time": MILLIS, "level": "error", "message": "hello"}
        | {"error": "Traceback (most recent call last):\nValueError: boom"},
    ),
    "python-json-logger with numbers": (
        {"created": EPOCH, "levelno": 30, "msg": "hello", "timestamp": "2026-11-27T12:00:00.123456+00:00"}
        | {"otelTraceID": TRACE, "otelSpanID": SPAN},
        {"event_time": MICROS, "level": "warn", "message": "hello", "trace_id": TRACE, "span_id": SPAN},
    ),
    "structlog": (
        {"event": "hello", "level": "critical", "logger": "shop", "timestamp": "2026-11-27T12:00:00.123456Z"}
        | {"exc_info": True},
        {"event_time": MICROS, "level": "fatal", "message": "hello"},
    ),
    "loguru": (
        {
            "text": "2026-11-27 12:00:00.123 | ERROR | __main__:<module>:1 - hello\n",
            "record": {"elapsed": {"repr": "0:00:00.01", "seconds": 0.01}, "extra": {}, "function": "<module>"}
            | {"exception": {"type": "ValueError", "value": "boom", "traceback": True}, "message": "hello"}
            | {"level": {"icon": "❌", "name": "ERROR", "no": 40}, "line": 1, "name": "__main__"}
            | {"time": {"repr": "2026-11-27 12:00:00.123456+00:00", "timestamp": EPOCH + 0.123456}},
        },
        {"event_time": MICROS, "level": "error", "message": "hello", "error": "boom"},
    ),
    "Rails, lograge": (
        {"method": "GET", "path": "/", "format": "html", "controller": "Home", "action": "index", "status": 200}
        | {"duration": 58.33, "view": 40.43, "db": 15.26, "@timestamp": "2026-11-27T12:00:00.123Z", "@version": "1"}
        | {"message": "[200] GET / (Home#index)", "request_id": "r-1"},
        {"event_time": MILLIS, "message": "[200] GET / (Home#index)", "duration": 58.33, "request_id": "r-1"},
    ),
    "Monolog": (
        {"message": "hello", "context": {"exception": {"class": "E", "message": "boom", "code": 0}}, "level": 400}
        | {"level_name": "ERROR", "channel": "app", "datetime": "2026-11-27T12:00:00.123456+00:00", "extra": {}},
        {"event_time": MICROS, "level": "error", "message": "hello", "error": "boom"},
    ),
    "journald": (
        {"__REALTIME_TIMESTAMP": f"{EPOCH}123456", "PRIORITY": "3", "MESSAGE": "hello", "_PID": "7", "_UID": "0"}
        | {"SYSLOG_IDENTIFIER": "sshd", "_SYSTEMD_UNIT": "ssh.service", "_HOSTNAME": "h", "__CURSOR": "s=1"},
        {"event_time": MICROS, "level": "error", "message": "hello", "service": "sshd"},
    ),
    "syslog-ng": (
        {"PROGRAM": "sshd", "PRIORITY": "notice", "PID": "7", "MESSAGE": "hello", "HOST": "h", "FACILITY": "auth"}
        | {"ISODATE": "2026-11-27T13:00:00+01:00", "DATE": "Nov 27 13:00:00"},
        {"event_time": NOON, "level": "info", "message": "hello", "service": "sshd"},
    ),
    "fluent-bit": (
        {"date": EPOCH + 0.123456, "log": "hello", "stream": "stdout", "kubernetes": {"pod_name": "shop-1"}},
        {"event_time": MICROS, "message": "hello"},
    ),
    "Docker, json-file": (
        {"log": '{"level":"error","msg":"inner"}\n', "stream": "stderr", "time": "2026-11-27T12:00:00.123456789Z"},
        {"event_time": MICROS, "message": '{"level":"error","msg":"inner"}\n'},
    ),
    "GCP, LogEntry": (
        {"insertId": "1", "logName": "projects/p/logs/stdout", "severity": "NOTICE", "textPayload": "hello"}
        | {"timestamp": "2026-11-27T12:00:00.123456789Z", "resource": {"type": "k8s_container", "labels": {}}}
        | {"trace": f"projects/p/traces/{TRACE}", "spanId": SPAN},
        {"event_time": MICROS, "level": "info", "message": "hello", "trace_id": TRACE, "span_id": SPAN},
    ),
    "GCP, LogEntry with JSON": (
        {"insertId": "1", "severity": "EMERGENCY", "jsonPayload": {"message": "hello", "code": 7}}
        | {"timestamp": "2026-11-27T12:00:00.123456Z", "receiveTimestamp": "2026-11-27T12:00:01Z"},
        {"event_time": MICROS, "level": "fatal", "message": "hello"},
    ),
    "GCP, structured logging": (
        {"severity": "WARNING", "message": "hello", "timestamp": {"seconds": EPOCH, "nanos": 123_456_000}}
        | {"logging.googleapis.com/trace": f"projects/p/traces/{TRACE}", "logging.googleapis.com/spanId": SPAN},
        {"event_time": MICROS, "level": "warn", "message": "hello", "trace_id": TRACE, "span_id": SPAN},
    ),
    "AWS Lambda, function": (
        {"timestamp": "2026-11-27T12:00:00.123Z", "level": "ERROR", "requestId": "r-1", "errorType": "Error"}
        | {"errorMessage": "boom", "stackTrace": ["Error: boom", "    at handler"]},
        {"event_time": MILLIS, "level": "error", "message": "boom", "error": "boom", "request_id": "r-1"},
    ),
    "AWS Lambda, platform": (
        {"time": "2026-11-27T12:00:00.123Z", "type": "platform.report"}
        | {"record": {"requestId": "r-1", "status": "success", "metrics": {"durationMs": 12.3, "memorySizeMB": 128}}},
        {"event_time": MILLIS, "duration": 12.3, "request_id": "r-1"},
    ),
    "AWS Lambda, Powertools": (
        {"level": "INFO", "location": "handler:7", "message": "hello", "timestamp": "2026-11-27 13:00:00,123+0100"}
        | {"service": "shop", "function_request_id": "r-1", "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793"},
        {"event_time": MILLIS, "level": "info", "message": "hello", "service": "shop", "request_id": "r-1"}
        | {"trace_id": "1-5759e988-bd862e3fe1be46a994272793"},
    ),
    "CloudWatch": (
        {"id": "31953106606966983378809025079804211143289615424298221568", "timestamp": EPOCH * 1000 + 123}
        | {"message": '{"level":"error","message":"inner"}'},
        {"event_time": MILLIS, "message": '{"level":"error","message":"inner"}'},
    ),
    "CloudWatch, subscription": (
        {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "shop", "logStream": "s", "subscriptionFilters": []}
        | {"logEvents": [{"id": "1", "timestamp": EPOCH * 1000 + 123, "message": "hello"}, {"message": "two"}]},
        {"event_time": MILLIS, "message": "hello"},
    ),
    "Cloudflare Logpush, requests": (
        {"ClientIP": "192.0.2.1", "ClientRequestHost": "example.com", "ClientRequestMethod": "GET", "RayID": "a1b2"}
        | {"EdgeStartTimestamp": EPOCH * 10**9 + 123_456_789, "EdgeEndTimestamp": "2026-11-27T12:00:01Z"}
        | {"EdgeResponseStatus": 200},
        {"event_time": MICROS, "request_id": "a1b2"},
    ),
    "Cloudflare Logpush, workers": (
        {"EventTimestampMs": EPOCH * 1000 + 123, "EventType": "fetch", "Outcome": "ok", "ScriptName": "shop"}
        | {"Logs": [{"Level": "log", "Message": ["hello"]}], "Exceptions": []},
        {"event_time": MILLIS, "service": "shop"},
    ),
    "GELF": (
        {"version": "1.1", "host": "h", "short_message": "hello", "full_message": "hello\nworld", "level": 4}
        | {"timestamp": EPOCH + 0.123, "_user_id": 9001},
        {"event_time": MILLIS, "level": "warn", "message": "hello"},
    ),
    "OpenTelemetry, a record": (
        {"timeUnixNano": f"{EPOCH}123456789", "observedTimeUnixNano": f"{EPOCH}200000000", "severityNumber": 17}
        | {"severityText": "ERROR", "body": {"stringValue": "hello"}, "traceId": TRACE, "spanId": SPAN}
        | {"attributes": [{"key": "k", "value": {"stringValue": "v"}}]},
        {"event_time": MICROS, "level": "error", "message": "hello", "trace_id": TRACE, "span_id": SPAN},
    ),
    "OpenTelemetry, by an SDK": (
        {"body": "hello", "severity_number": 13, "timestamp": "2026-11-27T12:00:00.123456Z", "trace_id": TRACE}
        | {"attributes": {"exception.type": "E", "exception.message": "boom"}}
        | {"resource": {"attributes": {"service.name": "shop"}, "schema_url": ""}},
        {"event_time": MICROS, "level": "warn", "message": "hello", "trace_id": TRACE, "error": "boom"}
        | {"service": "shop"},
    ),
    "OpenTelemetry Collector, file exporter": (
        {
            "resourceLogs": [
                {
                    "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                    "scopeLogs": [
                        {
                            "scope": {"name": "cart"},
                            "logRecords": [
                                {"timeUnixNano": f"{EPOCH}123456789", "severityNumber": 9, "severityText": "Info"}
                                | {"body": {"stringValue": "hello"}, "traceId": TRACE, "spanId": SPAN},
                                {"timeUnixNano": f"{EPOCH}200000000", "body": {"stringValue": "two"}},
                            ],
                        }
                    ],
                }
            ]
        },
        {"event_time": MICROS, "level": "info", "message": "hello", "trace_id": TRACE, "span_id": SPAN},
    ),
    "Kubernetes audit": (
        {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "a-1", "verb": "get"}
        | {"stage": "ResponseComplete", "requestURI": "/api/v1/pods", "user": {"username": "admin"}}
        | {"requestReceivedTimestamp": "2026-11-27T12:00:00.123456Z", "stageTimestamp": "2026-11-27T12:00:01Z"},
        {"event_time": MICROS, "level": "metadata", "request_id": "a-1"},
    ),
    "nginx": (
        {"time_iso8601": "2026-11-27T12:00:00+00:00", "remote_addr": "192.0.2.1", "request": "GET / HTTP/1.1"}
        | {"status": "200", "request_time": "0.125", "request_id": "r-1", "http_user_agent": "curl/8"},
        {"event_time": NOON, "duration": 125.0, "request_id": "r-1"},
    ),
    "nginx with the common log's time": (
        {"time_local": "27/Nov/2026:13:00:00 +0100", "request": "GET / HTTP/1.1", "status": 200},
        {"event_time": NOON},
    ),
    "Vercel": (
        {"id": "1", "deploymentId": "d", "source": "lambda", "host": "shop.vercel.app", "projectName": "shop"}
        | {"timestamp": EPOCH * 1000 + 123, "level": "info", "message": "hello", "requestId": "r-1"}
        | {"traceId": TRACE, "spanId": SPAN, "statusCode": 200, "proxy": {"statusCode": 200, "path": "/"}},
        {"event_time": MILLIS, "level": "info", "message": "hello", "service": "shop", "request_id": "r-1"}
        | {"trace_id": TRACE, "span_id": SPAN},
    ),
    "Datadog": (
        {"ddsource": "java", "ddtags": "env:prod", "hostname": "h", "service": "shop", "status": "warn"}
        | {"message": "hello", "dd": {"trace_id": "77", "span_id": "88"}, "timestamp": EPOCH * 1000 + 123},
        {"event_time": MILLIS, "level": "warn", "message": "hello", "service": "shop", "trace_id": "77"}
        | {"span_id": "88"},
    ),
    "Rust tracing": (
        {"timestamp": "2026-11-27T12:00:00.123456Z", "level": "INFO", "fields": {"message": "hello", "n": 1}}
        | {"target": "shop::cart"},
        {"event_time": MICROS, "level": "info", "message": "hello"},
    ),
}


def check(node: Node) -> None:
    for (name, (sent, expected)), row in zip(LOGGERS.items(), node.rows(), strict=True):
        wanted = EMPTY | expected
        assert {column: getattr(row, column) for column in wanted} == wanted, name
        assert row.event == json.dumps(sent)


def test_loggers_are_understood(node: Node) -> None:
    node.write(*[json.dumps(sent) for sent, _ in LOGGERS.values()], service="route")
    check(node)
    node.seal()
    check(node)


def test_loggers_are_understood_in_other_company(node: Node) -> None:
    """What else is in a batch decides which names its events are searched for, not what is found."""
    samples = [sent for sent, _ in LOGGERS.values()]
    for first in range(0, len(samples), 8):
        for sent in samples[first : first + 8]:
            node.write(json.dumps(sent), service="route")
        node.seal()
    check(node)
