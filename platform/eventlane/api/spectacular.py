"""The head of /v0/openapi.json, as drf-spectacular's settings. schema.py builds the rest."""

SPECTACULAR_SETTINGS = {
    "TITLE": "Eventlane",
    "VERSION": "0",
    "OAS_VERSION": "3.1.0",
    "DESCRIPTION": (
        "Two APIs of one platform. The **Events API** (`/v1`) receives events. It needs a key with the right to "
        "ingest, in `x-api-key`. The **platform API** (`/v0`) reads and changes everything else. It needs a key with "
        "the right to read or write, in `Authorization: Bearer`.\n\n"
        "Bodies are JSON. Members without a value are absent, and a `null` counts as absent. Times are RFC 3339 in "
        "UTC. Objects of other organizations are reported as unknown. Collections come in pages: a page has "
        "`elements`; `previous` and `next` hold the query parameters of its neighbours, if there are any. Elements "
        "that are added or deleted meanwhile don't cause others to be repeated or skipped. An empty query parameter "
        "counts as absent. If one is sent twice, the last value counts."
    ),
    "LICENSE": {"name": "Apache-2.0"},
    "SCHEMA_PATH_PREFIX": "/v[0-9]",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["eventlane.api.schema.complete", "events.api.schema.add_events_api"],
    "SORT_OPERATIONS": False,
}
