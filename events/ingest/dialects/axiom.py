"""Axiom's ingest API. On paths that the Events API has, too, a dataset named `datasets` or `ingest` keeps them."""

import time
from datetime import UTC, datetime
from math import ceil
from urllib.parse import unquote

from eventlane.door.reply import Reply
from events.ingest import keys
from events.ingest.dialects import Entry, Incoming, Malformed, NoDialect
from events.ingest.dialects.members import texts_of
from events.ingest.dialects.replies import json_reply
from events.ingest.keys import header_of
from events.ingest.lookup import known_dataset
from events.ingest.throttle import NotNow
from projects.directory import DirectoryUnavailable

MAKES_DATASETS = False
secret_of = keys.secret_of


def parse(incoming: Incoming, body: bytes) -> None:
    """Add the events of an array or of lines. Raises NoDialect."""
    first = "ingest" if incoming.path["name"] else "datasets"
    if _has_dataset(incoming, first):
        raise NoDialect
    if "csv" in incoming.request.header(b"content-type"):
        raise Malformed("CSV is not supported; send JSON")
    dataset = unquote((incoming.path["name"] or incoming.path["dataset"]).decode("latin-1"))
    namespace = header_of(incoming.request, b"x-namespace")
    decoded = incoming.inflate(body)
    incoming.notes.append(len(decoded))
    for text in texts_of(decoded):
        incoming.add(Entry(dataset, namespace, text))


def _has_dataset(incoming: Incoming, name: str) -> bool:
    """Return whether the project has a dataset; one that isn't remembered doesn't count while PostgreSQL is away."""
    try:
        return incoming.key is not None and known_dataset(incoming.key, name) is not None
    except DirectoryUnavailable:
        return False


def reply(incoming: Incoming) -> Reply:
    """Count the events that are stored, and say why others aren't."""
    refused, now = incoming.refused(), datetime.now(UTC).isoformat()
    if refused and all(entry.has_no_dataset for entry in incoming.entries):
        return fail(incoming, 404, refused[0].refusal)
    stored = len(incoming.entries) - len(refused)
    content = {
        "ingested": stored,
        "failed": len(refused),
        "failures": [{"timestamp": now, "error": entry.refusal} for entry in refused],
        "processedBytes": sum(incoming.notes),
        "blocksCreated": 0,
        "walLength": stored,
    }
    return json_reply(200, content)


def limit_headers(error: NotNow) -> dict[str, str]:
    """Return what the clients look for in a 429: that nothing is left, and when there is something again."""
    if error.status != 429:
        return {}
    again = ceil(time.time()) + int(error.headers["Retry-After"])
    limits = {"Scope": "user", "Limit": str(error.per_second), "Remaining": "0", "Reset": str(again)}
    return {f"X-RateLimit-{name}": value for name, value in limits.items()}


def fail(incoming: Incoming, status: int, reason: str) -> Reply:
    """Say why nothing is stored."""
    return json_reply(status, {"message": "Unauthorised" if status == 401 else reason})
