"""PostHog's capture API: a batch, or one event. The key is in the body."""

import msgspec

from eventlane.door.reply import Reply
from events.ingest.dialects import Entry, Incoming, Malformed
from events.ingest.dialects.members import texts_of
from events.ingest.dialects.replies import json_reply

MAKES_DATASETS = False


class Body(msgspec.Struct):
    """What the body says beside its events. Older clients call the key `token`."""

    api_key: str = ""
    token: str = ""
    batch: msgspec.Raw = msgspec.Raw(b"")


_decode = msgspec.json.Decoder(Body).decode


def secret_in(incoming: Incoming, body: bytes) -> str:
    """Return the key in the body. Raises BadBody and Malformed."""
    decoded = incoming.inflate_values(body)
    try:
        content = _decode(decoded)
    except msgspec.DecodeError as error:
        raise Malformed(f"the body is not an object with api_key and batch: {error}") from None
    incoming.notes += [bytes(content.batch), decoded]
    return content.api_key or content.token


def _without_key(body: bytes) -> bytes:
    """Return the text of a single event without the key: whoever may read events mustn't find it there."""
    members = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    return msgspec.json.encode({name: value for name, value in members.items() if name not in ("api_key", "token")})


def parse(incoming: Incoming, body: bytes) -> None:
    """Add the events of the batch as they were sent."""
    batch, decoded = incoming.notes
    for text in texts_of(batch or _without_key(decoded)):
        incoming.add(Entry(incoming.dataset(), incoming.namespace(), text))


def reply(incoming: Incoming) -> Reply:
    """Reply with exactly 200: the client sends again after anything else, refused events as well."""
    refused = incoming.refused()
    if refused and len(refused) == len(incoming.entries):
        return fail(incoming, 400, refused[0].refusal)
    return json_reply(200, {"status": "Ok", "refused": len(refused)} if refused else {"status": "Ok"})


def fail(incoming: Incoming, status: int, reason: str) -> Reply:
    """Say why nothing is stored."""
    return json_reply(status, {"detail": reason})
