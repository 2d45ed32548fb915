"""GELF over HTTP: one object a request, as Graylog's input takes it."""

from eventlane.door.reply import Reply
from events.ingest import keys
from events.ingest.dialects import Entry, Incoming
from events.ingest.dialects.members import texts_of
from events.ingest.dialects.replies import json_reply, text_reply

MAKES_DATASETS = False
secret_of = keys.secret_of


def parse(incoming: Incoming, body: bytes) -> None:
    """Add the message as it was sent, or several of them."""
    for text in texts_of(incoming.inflate(body)):
        incoming.add(Entry(incoming.dataset(), incoming.namespace(), text))


def reply(incoming: Incoming) -> Reply:
    """Reply with nothing, or say why a message is refused."""
    refused = incoming.refused()
    return fail(incoming, 400, refused[0].refusal) if refused else text_reply(202)


def fail(incoming: Incoming, status: int, reason: str) -> Reply:
    """Say why nothing is stored."""
    return json_reply(status, {"message": reason})
