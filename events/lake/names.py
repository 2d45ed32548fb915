"""The names under which loggers write what the columns hold, in their order of precedence; see docs/fields.md.

A name with a dot stands for the key itself, else for keys in objects. A number among them is an index into an array.
"""

from collections.abc import Iterator
from dataclasses import dataclass

RECORD = "resourceLogs.0.scopeLogs.0.logRecords.0"  # the first of what a collector writes in one line

EVENT_TIME = (
    *("timestamp", "@timestamp", "time", "ts", "@t", "Timestamp", "datetime", "date", "eventTime", "event_time"),
    *("asctime", "timeUnixNano", "observedTimeUnixNano", "_time", "ISODATE", "dt", "__REALTIME_TIMESTAMP"),
    *("record.time.timestamp", "instant", "timeMillis", "time_iso8601", "time_local", "msec"),
    *("requestReceivedTimestamp", "stageTimestamp", "EdgeStartTimestamp", "EventTimestampMs"),
    *("logEvents.0.timestamp", f"{RECORD}.timeUnixNano"),
    f"{RECORD}.observedTimeUnixNano",
)

LEVEL = (
    *("level", "log.level", "severity", "severityText", "severity_text", "levelname", "lvl", "log_level", "loglevel"),
    *("Level", "LEVEL", "@l", "severityNumber", "severity_number", "levelno", "PRIORITY", "status"),
    *("level_name", "record.level.name", f"{RECORD}.severityText"),
    f"{RECORD}.severityNumber",
)
SCALES = {
    "severity": "severity_level",
    "severityNumber": "otel_level",
    "severity_number": "otel_level",
    f"{RECORD}.severityNumber": "otel_level",
    "levelno": "python_level",
    "PRIORITY": "syslog_level",
}  # the macro that reads it; of all others it is `level_of`

MESSAGE = (
    *("message", "msg", "body", "textPayload", "MESSAGE", "Message", "@m", "RenderedMessage", "@mt"),
    *("MessageTemplate", "short_message", "log", "record.message", "text", "jsonPayload.message", "fields.message"),
    *("body.stringValue", "errorMessage", "logEvents.0.message"),
    *(f"{RECORD}.body.stringValue", "event"),
)

SERVICE = (
    *("service", "service.name", "resource.service.name", "serviceName", "service_name", "app", "application"),
    *("appname", "SYSLOG_IDENTIFIER", "PROGRAM", "_SYSTEMD_UNIT", "syslog.appname"),
    *("resource.attributes.service.name", "attributes.service.name", "projectName", "ScriptName"),
)

ERROR = (
    *("error", "error.message", "err", "err.message", "exception.message", "exception", "exc_info", "@x"),
    *("Exception", "error.type", "errorMessage", "thrown.message", "exception.exception_message"),
    *("context.exception.message", "record.exception.value", "attributes.exception.message", "stack_trace"),
)

DURATION = (
    *("duration", "duration_ms", "durationMs", "responseTime", "response_time_ms", "elapsed_ms", "elapsedMs"),
    *("latency_ms", "event.duration", "record.metrics.durationMs", "request_time"),
)
MILLISECONDS = {"event.duration": "1e-6", "request_time": "1e3"}  # in one unit of it; of all others it is 1
AS_TEXT = {"request_time"}  # nginx writes the number as text; elsewhere text is no duration

TRACE_ID = (
    *("traceId", "trace_id", "trace.id", "trace.trace_id", "otelTraceID", "dd.trace_id", "@tr", "TraceId"),
    *("xray_trace_id", "logging.googleapis.com/trace", "trace", f"{RECORD}.traceId"),
)

SPAN_ID = (
    *("spanId", "span_id", "span.id", "otelSpanID", "dd.span_id", "@sp", "SpanId"),
    *("logging.googleapis.com/spanId", f"{RECORD}.spanId"),
)

REQUEST_ID = (
    *("requestId", "request_id", "req.id", "reqId", "aws_request_id", "awsRequestId", "function_request_id"),
    *("record.requestId", "x_request_id", "http.request.id", "RequestId", "auditID", "RayID"),
)

NAMES = {
    "event_time": EVENT_TIME,
    "level": LEVEL,
    "message": MESSAGE,
    "service": SERVICE,
    "error": ERROR,
    "duration": DURATION,
    "trace_id": TRACE_ID,
    "span_id": SPAN_ID,
    "request_id": REQUEST_ID,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an event a value may stand: a key, then keys and indexes within what stands there."""

    name: str
    key: str
    inner: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys, from the event on."""
        return (self.key, *self.inner)


def places(name: str) -> Iterator[Place]:
    """Yield the places that a name stands for: `a.b.c` is that key, c in a.b, then b.c in a, then c in b in a.

    One with an index is cut at each dot, and nowhere else.
    """
    parts = name.split(".")
    for key, *inner in [parts] if "0" in parts else _splits(parts):
        yield Place(name, key, tuple(inner))


def _splits(parts: list[str]) -> Iterator[list[str]]:
    yield [".".join(parts)]
    for count in range(len(parts) - 1, 0, -1):
        yield from ([".".join(parts[:count]), *rest] for rest in _splits(parts[count:]))


PLACES = {column: [place for name in names for place in places(name)] for column, names in NAMES.items()}
KEYS = frozenset(place.key for found in PLACES.values() for place in found) | {
    "ddsource"
}  # that of Datadog, see columns.py
TWO_FACED = {place.key for found in PLACES.values() for place in found if place.inner} & {
    place.key for found in PLACES.values() for place in found if not place.inner
}  # keys under which there may be a value, or an object with it
