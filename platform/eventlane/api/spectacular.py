"""The head of /v0/openapi.json: drf-spectacular's settings. The rest is in schema.py."""

SPECTACULAR_SETTINGS = {
    "TITLE": "Eventlane",
    "VERSION": "0",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": (
        "Two APIs of one platform. The **Events API** (`/v1`) takes events, with a key in `x-api-key` that has the "
        "right to ingest. The **platform API** (`/v0`) reads and changes everything else, with a key in "
        "`Authorization: Bearer` that has the right to read, to write, or both.\n\n"
        "Objects are JSON; a member without a value is absent, and a `null` sent counts as absent. Times are RFC 3339 "
        "in UTC. What belongs to another organization is unknown. Collections come in pages: a page holds `elements`, "
        "and in `previous` and `next` the query parameters of its neighbours, where there are any. Elements that come "
        "or go meanwhile neither repeat nor hide others. A query parameter that is empty counts as absent, and of one "
        "that is given twice the last counts."
    ),
    "LICENSE": {"name": "Apache-2.0"},
    "SCHEMA_PATH_PREFIX": "/v[0-9]",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["eventlane.api.schema.complete", "events.api.schema.add_events_api"],
    "SORT_OPERATIONS": False,
}
