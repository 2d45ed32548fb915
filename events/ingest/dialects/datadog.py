"""Datadog's logs API: an array of logs."""

from eventlane.door.reply import Reply
from eventlane.door.request import Request
from events.ingest import keys
from events.ingest.dialects import Entry, Incoming
from events.ingest.dialects.members import texts_of
from events.ingest.dialects.replies import json_reply
from events.ingest.keys import header_of

MAKES_DATASETS = False
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    413: "Payload Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
}


def secret_of(request: Request) -> str:
    """Return the key in `DD-API-KEY`, or where it may stand elsewhere."""
    return header_of(request, b"dd-api-key") or keys.secret_of(request)


def parse(incoming: Incoming, body: bytes) -> None:
    """Add the logs as they were sent."""
    for text in texts_of(incoming.inflate(body)):
        incoming.add(Entry(incoming.dataset(), incoming.namespace(), text))


def reply(incoming: Incoming) -> Reply:
    """Reply with an empty object, or say how many logs are refused; the others are stored."""
    refused = incoming.refused()
    if not refused:
        return json_reply(202, {})
    return fail(incoming, 400, f"{len(refused)} of {len(incoming.entries)} logs are not stored: {refused[0].refusal}")


def fail(incoming: Incoming, status: int, reason: str) -> Reply:
    """Say why nothing is stored."""
    error = {"status": str(status), "title": TITLES.get(status, "Service Unavailable"), "detail": reason}
    return json_reply(status, {"errors": [error]})
