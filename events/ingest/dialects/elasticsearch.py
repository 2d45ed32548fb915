"""Elasticsearch's bulk API: pairs of lines, an action and a document. The index is the dataset."""

import re
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import msgspec

from eventlane.door.reply import Reply
from eventlane.door.request import Request
from events.ingest import keys
from events.ingest.dialects import Entry, Incoming, Malformed
from events.ingest.dialects.replies import json_reply, text_reply
from events.ingest.keys import authorization_of, header_of

MAKES_DATASETS = False
VERSION = "8.17.0"  # whose bulk API this is: clients ask before they send
PRODUCT = {"X-elastic-product": "Elasticsearch"}  # without it, the official clients refuse to go on
MAX_ACTION_BYTES = 64 * 1024
TAKEN = ("index", "create")
ERROR_TYPES = {
    400: "illegal_argument_exception",
    401: "security_exception",
    404: "index_not_found_exception",
    413: "content_too_long_exception",
}

_line = re.compile(rb"[^\n]+")


class Target(msgspec.Struct):
    """Where a document goes."""

    index: str = msgspec.field(name="_index", default="")
    id: str = msgspec.field(name="_id", default="")


_decode_action = msgspec.json.Decoder(dict[str, Target]).decode


def secret_of(request: Request) -> str:
    """Return the key, which may also come as `Authorization: ApiKey`."""
    return keys.secret_of(request) or authorization_of(request, "apikey")


def parse(incoming: Incoming, body: bytes) -> None:
    """Add the documents. Documents can only be added: other actions are refused, each for itself."""
    namespace = header_of(incoming.request, b"x-namespace")
    path_index = unquote((incoming.path["index"] or b"").decode("latin-1"))
    lines = _lines(incoming.inflate(body))
    for number, line in lines:
        action, target = _action(number, line)
        index = target.index or path_index
        text = b"" if action == "delete" else next(lines, (0, b""))[1]
        if not text and action != "delete":
            raise Malformed(f"the action of line {number} has no document")
        refusal = "" if action in TAKEN else f"events can't be changed: there is no action {action[:40]!a} here"
        incoming.add(Entry(index, namespace, text, refusal=refusal))
        incoming.notes.append((action, index, target.id or secrets.token_urlsafe(15)))


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that aren't blank, counted from 1."""
    return ((number, text) for number, line in enumerate(_line.finditer(body), 1) if (text := line[0].strip()))


def _action(number: int, line: bytes) -> tuple[str, Target]:
    if len(line) > MAX_ACTION_BYTES:
        raise Malformed(f"the action of line {number} takes more than {MAX_ACTION_BYTES} bytes")
    try:
        [(action, target)] = _decode_action(line).items()
    except (ValueError, RecursionError):
        raise Malformed(f'line {number} is no action like {{"create":{{}}}}') from None
    return action, target


def reply(incoming: Incoming) -> Reply:
    """Say what became of each document."""
    items = [_item(entry, *note) for entry, note in zip(incoming.entries, incoming.notes, strict=True)]
    return json_reply(200, {"took": 0, "errors": bool(incoming.refused()), "items": items}, **PRODUCT)


def _item(entry: Entry, action: str, index: str, id: str) -> dict[str, Any]:
    head = {"_index": index, "_id": id}
    if not entry.refusal:
        return {action: {**head, "_version": 1, "result": "created", "status": 201}}
    status = 404 if entry.has_no_dataset else 400
    return {action: {**head, "status": status, "error": {"type": ERROR_TYPES[status], "reason": entry.refusal}}}


def fail(incoming: Incoming, status: int, reason: str) -> Reply:
    """Say that nothing was stored, in Elasticsearch's form of an error.

    But in plain text if the client is to try again: rsyslog looks at no status, and takes an error in JSON for final.
    """
    if status in (429, 503):
        return text_reply(status, reason)
    error = {"type": ERROR_TYPES.get(status, "exception"), "reason": reason}
    return json_reply(status, {"error": {"root_cause": [error], **error}, "status": status}, **PRODUCT)


def probe(request: Request) -> Reply:
    """Answer a client that looks at `/` before it sends anything."""
    content = {
        "name": "eventlane",
        "cluster_name": "eventlane",
        "version": {"number": VERSION, "build_flavor": "default"},
        "tagline": "You Know, for Search",
    }
    reply = json_reply(200, content, **PRODUCT)
    return Reply(200, reply.headers) if request.method == "HEAD" else reply
