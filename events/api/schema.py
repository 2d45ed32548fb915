"""The Events API in /v0/openapi.json, written by hand: it isn't a DRF view (docs/api/events.md)."""

from typing import Any

from django.conf import settings

from eventlane.wire.errors import JSON
from events.ingest.idempotency import MAX_LENGTH

Schema = dict[str, Any]
TAG = "Sending events"
LABEL = {
    "type": "string",
    "pattern": r"^[^\u0000-\u001f\u007f-\u009f]*$",
    "maxLength": settings.EVENTLANE_MAX_NAMESPACE_LENGTH,
}
HEADER = {"pattern": r"^[^\u0000-\u001f\u007f]*$"}
BODY = (
    "The body is an array of at most {events} JSON objects, each of less than {event} bytes, or a single object, or"
    " objects in lines; at most {body} bytes once decompressed (Content-Encoding gzip, deflate, zstd or br). If some"
    " elements can't be stored, the others are, and the reply is a 400 that lists the bad ones: up to {shown} bytes,"
    " and how many more there are."
)
VARIABLES = {
    "dataset": {"type": "string", "description": "The name of a dataset in the project of the key.", "example": "logs"},
    "namespace": {"type": "string", "description": "The source of the events within the dataset.", "example": "web"},
    "service": {"type": "string", "description": "The program that sent the events.", "example": "checkout"},
}
HEADERS = {
    "x-namespace": "The namespace, if the path has none. The default is the dataset's default namespace.",
    "x-service": "The program that sent the events, if neither the path nor the event says so.",
}
IDEMPOTENCY_KEY = {
    "name": "idempotency-key",
    "in": "header",
    "required": False,
    "description": "A name for this request, like a UUID. Sent again with the same API key to the same dataset within"
    f" {settings.EVENTLANE_IDEMPOTENCY_HOURS} hours, its events aren't stored a second time.",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH, "pattern": r"^[\u0021-\u007e]+$"},
}
EVENT_ID_FIELD = {
    "name": "x-event-id-field",
    "in": "header",
    "required": False,
    "description": "Where events have an id of their own: keys with dots between them, or a JSON pointer. An event with"
    " the same id isn't stored a second time, in whatever request it comes.",
    "schema": IDEMPOTENCY_KEY["schema"],
}
ROUTES = {
    "/v1/{dataset}/{namespace}": ("dataset", "namespace"),
    "/v1/{dataset}": ("dataset",),
    "/v1/{dataset}/{service}/{namespace}": ("dataset", "service", "namespace"),
}


def add_events_api(result: Schema, **context: Any) -> Schema:
    """Append the routes of the Events API. A postprocessing hook of drf-spectacular."""
    for path, variables in ROUTES.items():
        result["paths"][path] = {"post": _send(path, variables)}
    return result


def _send(path: str, variables: tuple[str, ...]) -> Schema:
    return {
        "operationId": "send_events_by_" + "_".join(variables),
        "summary": "Store events. A 202 means that they are on disk.",
        "description": BODY.format(
            events=settings.EVENTLANE_MAX_REQUEST_EVENTS,
            event=settings.EVENTLANE_MAX_EVENT_BYTES,
            body=settings.EVENTLANE_MAX_BODY_BYTES,
            shown=settings.EVENTLANE_MAX_INVALID_BYTES,
        ),
        "tags": [TAG],
        "security": [{"x-api-key": []}],
        "parameters": [*map(_variable, variables), *_headers(variables), IDEMPOTENCY_KEY, EVENT_ID_FIELD],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {"oneOf": [{"type": "array", "items": {"type": "object"}}, {"type": "object"}]}}
            },
        },
        "responses": _answers(),
    }


def _variable(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": LABEL | {"minLength": 1} | VARIABLES[name]}


def _headers(variables: tuple[str, ...]) -> list[Schema]:
    missing = [f"x-{name}" for name in ("namespace", "service") if name not in variables]
    return [
        {"name": name, "in": "header", "required": False, "description": HEADERS[name], "schema": LABEL | HEADER}
        for name in missing
    ]


def _answers() -> Schema:
    reason = {"description": "The reason.", "schema": {"type": "string"}, "required": False}
    seconds = {"description": "When to send again.", "schema": {"type": "integer"}, "required": False}
    text = {"schema": {"type": "string"}, "required": False}
    return {
        "200": _answer("As 202, for a key that asks for 200, or for a client of OpenTelemetry.", {"type": "object"}),
        "202": _answer("Every event is on disk.", _message("Request Accepted")),
        "400": _answer("The request, or some of its events, can't be stored.", _bad_request())
        | {"headers": {"X-Error-Reason": reason}},
        "401": _answer("The key is missing, invalid, or lacks the right to ingest.", _message("Unauthorised")),
        "429": _answer("The key or its project sends more a second than it may.", _message("Too Many Requests"))
        | {"headers": {"X-Error-Reason": reason, "Retry-After": seconds, "RateLimit": text, "RateLimit-Policy": text}},
        "500": _answer("The events were not stored; send them again.", _message("Internal Error")),
        "503": _answer("There is no room for the events now; send them again.", _message("Service Unavailable"))
        | {"headers": {"X-Error-Reason": reason, "Retry-After": seconds}},
    }


def _bad_request() -> Schema:
    return {
        "type": "object",
        "required": ["message"],
        "properties": {
            "message": {"const": "Bad Request"},
            "invalid": {"type": "array", "description": "The elements that were not stored, as they were sent."},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["index", "reason"],
                    "properties": {"index": {"type": "integer", "minimum": 0}, "reason": {"type": "string"}},
                },
            },
            "more_invalid": {
                "type": "integer",
                "minimum": 1,
                "description": "How many more there are that aren't listed.",
            },
        },
    }


def _message(text: str) -> Schema:
    return {"type": "object", "required": ["message"], "properties": {"message": {"const": text}}}


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {JSON: {"schema": schema}}}
