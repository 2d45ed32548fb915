"""The body and the answer of POST /v0/query as JSON schemas, for /v0/openapi.json; docs/query.md explains them."""

from typing import Any

Schema = dict[str, Any]

PATH: Schema = {
    "type": "string",
    "minLength": 1,
    "maxLength": 1000,
    "description": "`level`, `http.status`, `/a/pointer`.",
}
TIME: Schema = {"type": ["string", "number", "null"], "examples": ["2026-11-27T10:00:00Z", "15m", "now", 1764238927]}
SCALAR: Schema = {"type": ["string", "number", "boolean"]}
COMPARISON: Schema = {
    "type": "object",
    "required": ["path", "op"],
    "properties": {
        "path": PATH,
        "op": {"type": "string", "examples": ["=", "!=", ">", "in", "contains", "matches", "exists"]},
        "value": {"type": ["string", "number", "boolean", "array", "null"], "items": SCALAR},
    },
    "additionalProperties": False,
}
FILTER: Schema = {
    "description": "A comparison, or filters put together: `and` and `or` take a list of filters, `not` takes one.",
    "anyOf": [
        COMPARISON,
        {"type": "object", "required": ["and"], "properties": {"and": {"type": "array", "items": {"type": "object"}}}},
        {"type": "object", "required": ["or"], "properties": {"or": {"type": "array", "items": {"type": "object"}}}},
        {"type": "object", "required": ["not"], "properties": {"not": {"type": "object"}}},
    ],
}


def _listed(items: Schema, most: int, description: str) -> Schema:
    return {"type": ["array", "null"], "items": items, "maxItems": most, "description": description}


CALCULATION: Schema = {
    "type": "object",
    "required": ["op"],
    "properties": {
        "op": {"type": "string", "examples": ["count", "p95", "sum", "count_distinct", "rate"]},
        "path": PATH,
        "alias": {"type": ["string", "null"], "minLength": 1, "maxLength": 200},
    },
    "additionalProperties": False,
}
ORDER: Schema = {
    "type": "object",
    "required": ["by"],
    "properties": {"by": {"type": "string"}, "order": {"type": ["string", "null"], "enum": ["asc", "desc", None]}},
    "additionalProperties": False,
}
QUERY: Schema = {
    "type": "object",
    "required": ["datasets"],
    "properties": {
        "datasets": {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1, "maxItems": 20},
        "from": TIME | {"description": "Start of the time frame. Default: one hour ago."},
        "to": TIME | {"description": "End of the time frame, exclusive. Default: now."},
        "time": {
            "type": ["string", "null"],
            "enum": ["event", "received", None],
            "description": "Which of an event's times to use.",
        },
        "q": {"type": ["string", "null"], "description": "A search line.", "examples": ["level:error timeout"]},
        "filters": _listed(FILTER, 100, "All must hold."),
        "calculations": _listed(CALCULATION, 50, "Without any, the events themselves are returned."),
        "group_by": _listed({"anyOf": [PATH, {"type": "object", "properties": {"path": PATH}}]}, 5, "Paths."),
        "having": _listed(FILTER, 100, "Filters of groups; a path is the name of a calculation."),
        "order_by": _listed(ORDER, 10, "Default: the first calculation, descending. For events: newest first."),
        "limit": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 1000,
            "description": "Default: 10 groups, 100 events.",
        },
        "others": {"type": ["boolean", "null"], "description": "Sum up the groups beyond the limit. Default: true."},
        "granularity": {
            "type": ["string", "null"],
            "examples": ["auto", "1m", "1d"],
            "description": "Length of a bucket.",
        },
        "time_zone": {"type": ["string", "null"], "examples": ["Europe/Berlin"], "description": "Where days begin."},
        "before": {"type": ["string", "null"], "description": "The cursor of an earlier answer, for older events."},
    },
    "additionalProperties": False,
}
FRAME: Schema = {
    "type": ["object", "null"],
    "properties": {
        "from": TIME | {"description": "Start of the time frame. Default: the query's own."},
        "to": TIME | {"description": "End of the time frame, exclusive. Default: the query's own."},
    },
    "additionalProperties": {"type": "null"},
}
NUMBER: Schema = {"type": "integer", "minimum": 0}
STATISTICS: Schema = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("events_scanned", "bytes_scanned", "files_scanned", "files_skipped", "elapsed_ms"), NUMBER),
        "complete_until": {"type": "string", "format": "date-time"},
        "partial": {"type": "boolean"},
        "warnings": {"type": "array", "items": {"type": "string"}},
    },
}
ANSWER: Schema = {
    "type": "object",
    "required": ["columns", "rows", "others", "events", "before", "statistics"],
    "properties": {
        "columns": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["name", "kind"],
                "properties": {
                    "name": {"type": "string"},
                    "kind": {"type": "string", "enum": ["group", "calculation"]},
                },
            },
        },
        "rows": {"type": "array", "items": {"type": "array"}, "description": "Values in the order of the columns."},
        "others": {"type": ["array", "null"], "description": "A row of all groups beyond the limit, if there are any."},
        "series": {
            "type": "object",
            "required": ["granularity_seconds", "times", "values"],
            "properties": {
                "granularity_seconds": {"type": "integer"},
                "times": {"type": "array", "items": {"type": "string", "format": "date-time"}},
                "values": {"type": "array", "description": "By row, calculation and bucket."},
            },
        },
        "events": {
            "type": "array",
            "items": {"type": "object"},
            "description": "Each with its `dataset`.",
        },
        "before": {"type": ["string", "null"], "description": "Send it to get older events. Null if there are none."},
        "statistics": STATISTICS,
    },
}
