"""Published clients against a running server, and against servers that refuse everything.

`python -m tests.clients` writes the table of docs/clients.md from the same runs.
"""

import json
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser import browser  # noqa: F401  (fixture)
from tests.clients.catalog import DEBIAN_CLIENTS, NPM_CLIENTS, PYTHON_CLIENTS, RUM, Client, documented_table, table_of
from tests.clients.packages import programs_in
from tests.clients.running import TEXTS, Outcome
from tests.clients.session import Session
from tests.server import Server

pytestmark = pytest.mark.drill

DETAILS = {"amount": 12.5, "customer": {"name": "Zoë"}, "items": [1, 2]}
NO_VAN = {"type": "Error", "message": "no van"}
SHOP, NOBODY = "shop", None  # the column `service`
OTLP = {"service": "shop", "scope": {"name": "shop"}}
SPAN = {"kind": "internal", "status": "unset"}
PINO = [
    {"level": "info", **DETAILS, "msg": "cart-created"},
    {"level": "warn", "msg": "cart-paid"},
    {"level": "error", "err": NO_VAN, "msg": "cart-sent"},
]
WINSTON = [
    {"level": "info", "message": "cart-created", **DETAILS},
    {"level": "warn", "message": "cart-paid"},
    {"level": "error", "message": "cart-sent"},
]
OPENTELEMETRY = [
    {"level": "warn", "severityText": "WARN", "severityNumber": 13, "message": "cart-paid", **OTLP}
    | {"attributes": {"customer": {"name": "Zoë"}, "raw": "AQL/"}},
    {"message": "cart-created", **SPAN, "error": "no van", "attributes": {"amount": 12.5, "items": [1, 2]}, **OTLP},
    *2
    * [
        {"message": "cart-sent", "unit": "s", "type": "histogram", "temporality": "cumulative", **OTLP}
        | {"count": 1, "sum": 0.5, "min": 0.5, "max": 0.5, "attributes": {"kind": "gift"}}
    ],  # it exports once more when it ends
]

# What is stored of each client's events, without what is different each time.
STORED: dict[str, tuple[str | None, list[dict[str, Any]]]] = {
    "react-rum": (
        SHOP,
        [
            {"level": "info", "message": "cart-created", **DETAILS},
            {"level": "warning", "message": "cart-paid"},
            {"level": "error", "message": "Error: cart-sent", "data": {"error": {}}}
            | {"error": {"name": "Error", "message": "cart-sent"}},
            {"level": "info", "message": "Page View", "hostname": "127.0.0.1", "path": "/cart"},
        ],
    ),
    "edge-logger": (
        SHOP,
        [
            {"level": "info", "message": "cart-created", **DETAILS},
            {"level": "warning", "message": "cart-paid"},
            {"level": "fatal", "message": "cart-sent"},
        ],
    ),
    "winston-transport": (SHOP, WINSTON),
    "winston-http": (SHOP, WINSTON),
    "pino-transport": (SHOP, PINO),
    "pino-http-send": (
        NOBODY,
        [event | {"level": level} for event, level in zip(PINO, (30, 40, 50), strict=True)],
    ),
    "node-opentelemetry": (
        SHOP,
        [
            {"message": "cart-created", **SPAN, "attributes": {"amount": 12.5, "items": [1, 2]}, **OTLP},
            {"message": "cart-paid", **SPAN, "level": "error", "status": "error", "error": "no van", **OTLP},
            {"message": "cart-sent", **SPAN, **OTLP},
        ],
    ),
    "opentelemetry-json": (SHOP, OPENTELEMETRY),
    "opentelemetry-proto": (SHOP, OPENTELEMETRY),
    "pino-loki": (
        SHOP,
        [
            {"level": "info", "service": "shop", "labels": {"level": "info", "service": "shop", "amount": 12.5}},
            {"level": "warning", "service": "shop", "labels": {"level": "warning", "service": "shop"}}
            | {"metadata": {"order": 7}},
            {"level": "error", "service": "shop", "labels": {"level": "error", "service": "shop"}},
        ],
    ),
    "axiom-js": (
        NOBODY,
        [
            {"message": "cart-created", **DETAILS},
            {"message": "cart-paid", "_time": "2026-01-02T03:04:05.678Z"},
            {"message": "cart-sent", "error": "no van"},
        ],
    ),
    "libhoney-js": (
        NOBODY,
        [
            {"samplerate": 1, "message": "cart-created", **DETAILS},
            {"samplerate": 1, "message": "cart-paid"},
            {"samplerate": 1, "message": "cart-sent", "error": "no van"},
        ],
    ),
}
TIMES = {"timestamp", "time", "startTime", "duration"}
IDS = {"traceId", "spanId", "requestId", "sessionId", "pageLoadId", "namespace", "run"}
CHANGING = TIMES | IDS | {"stack", "events", "buckets", "resource"}


def without_what_changes(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: without_what_changes(one) for name, one in value.items() if name not in CHANGING}


def in_any_order(events: list[dict[str, Any]]) -> list[str]:
    """Clients send without waiting for the answer to what they sent before."""
    return sorted(json.dumps(event, sort_keys=True) for event in events)


@pytest.fixture(scope="module")
def session(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session(server, programs_in(tmp_path_factory.mktemp("clients")))


@pytest.fixture(scope="module")
def outcomes(session: Session, browser: Browser) -> dict[Client, Outcome]:  # noqa: F811
    """What every client did."""
    return {RUM: session.run_page(RUM, browser), **session.run(NPM_CLIENTS + PYTHON_CLIENTS)}


@pytest.fixture(scope="module")
def stored(session: Session, outcomes: dict[Client, Outcome]) -> dict[Client, list[dict[str, Any]]]:
    """What is stored of each client's events, with their columns."""
    return session.stored(outcomes)


@pytest.mark.parametrize("client", (RUM, *NPM_CLIENTS), ids=lambda client: client.name)
def test_client_sees_success_and_its_events_are_stored(
    outcomes: dict[Client, Outcome], stored: dict[Client, list[dict[str, Any]]], client: Client
) -> None:
    service, events = STORED[client.name]
    rows = stored[client]
    found = [without_what_changes(row["event"]) for row in rows]
    if client.name == "pino-loki":
        lines = [json.loads(event.pop("message")) for event in found]
        assert {line["msg"] for line in lines} == {"cart-created", "cart-paid", "cart-sent"}
    if client.name == "react-rum":
        [view] = [event for event in found if event["message"] == "Page View"]
        assert view.pop("data")["timezone"]
    assert (outcomes[client].complaints, in_any_order(found)) == ([], in_any_order(events))
    assert {row["service"] for row in rows} == {service}


@pytest.mark.parametrize("client", PYTHON_CLIENTS, ids=lambda client: client.name)
def test_client_in_python_sees_success(
    outcomes: dict[Client, Outcome], stored: dict[Client, list[dict[str, Any]]], client: Client
) -> None:
    events = [row["event"] for row in stored[client]]  # tests/events/ingest/test_clients.py looks at more of them
    messages = [event.get("message") or event.get("event") or event.get("msg") for event in events]
    assert (outcomes[client].complaints, sorted(messages)) == ([], TEXTS)


@pytest.fixture(scope="module")
def daemons(session: Session) -> dict[Client, Outcome]:
    """What Debian's log daemons did."""
    return session.run_daemons(DEBIAN_CLIENTS)


def test_lines_of_log_daemons_are_stored(session: Session, daemons: dict[Client, Outcome]) -> None:
    for client, rows in session.stored(daemons, ["logs"]).items():
        events = [row["event"] for row in rows]
        assert [event.get("message") or event["MESSAGE"] for event in events] == TEXTS
        assert {(row["service"], row["event_time"]) for row in rows} == {("shop", "2026-01-02T03:04:05.678000Z")}
        assert {event.get("level") or event["PRIORITY"] for event in events} == {"notice"}
        assert {event.get("host") or event["HOST"] for event in events} == {"web-1"}, client.name


def test_table_of_clients_says_what_they_do_when_refused(
    outcomes: dict[Client, Outcome], daemons: dict[Client, Outcome]
) -> None:
    table = table_of(outcomes | daemons)
    assert documented_table() == table, f"`python -m tests.clients` writes it anew:\n{table}"
