"""What is stored once however often it is sent: a request under its `Idempotency-Key`, an event under its own id."""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b

import msgspec

from eventlane.door.request import Request
from eventlane.json_pointer import members
from events.ingest.keys import BadRequest
from events.ingest.lookup import KnownDataset
from events.journal import Batch
from events.journal.format import TOKEN_BYTES, first_id
from projects.directory import KnownKey

MAX_LENGTH = 255
ID_STEP_NS = 250  # between events of a request, so that their ids are in their order
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
PRINTABLE = re.compile(rb"[\x20-\x7e]+")


def token_of(request: Request, key: KnownKey, dataset: KnownDataset) -> bytes:
    """Return what a batch has in common with its copies, or empty bytes without the header; raise BadRequest."""
    name = _name_of(request)
    return _token(name, key.id, dataset.id) if name else b""


def with_tokens(request: Request, batches: Iterable[Batch]) -> Iterator[Batch]:
    """Give tokens to the batches of a request for one place, which the same body always makes; raise BadRequest."""
    name = _name_of(request)
    for number, batch in enumerate(batches):
        place = (batch.key_id, batch.dataset_id, batch.namespace, batch.service, str(number))
        yield replace(batch, token=_token(name, *place)) if name else batch


def _token(name: bytes, *place: str) -> bytes:
    return blake2b(b"\0".join((name, *(part.encode() for part in place))), digest_size=TOKEN_BYTES).digest()


def _name_of(request: Request) -> bytes:
    return _header(request, b"idempotency-key", "Idempotency-Key")


def id_path_of(request: Request) -> list[str]:
    """Return the keys that lead to the id of an event, or none without the header x-event-id-field; raise BadRequest.

    Its value is a JSON pointer, or keys with dots between them.
    """
    path = _header(request, b"x-event-id-field", "x-event-id-field").decode()
    return members(path) if path.startswith("/") else path.split(".") if path else []


def by_event(batch: Batch, path: list[str]) -> Iterator[Batch]:
    """Yield a batch with a token for each event that has an id at the path, and one for all others."""
    others: list[bytes] = []
    for number, text in enumerate(batch.texts()):
        event_id = _value_at(text, path)
        if event_id:
            token = _token(b"", batch.key_id, batch.dataset_id, event_id)  # no request has an empty name
            now_us, rest_ns = divmod(batch.received_us * 1000 + number * ID_STEP_NS, 1000)
            yield _with_texts(
                replace(batch, first_id=first_id(now_us * 1000 + rest_ns), received_us=now_us), [text], token
            )
        else:
            others.append(text)
    if others:
        yield _with_texts(batch, others, batch.token)


def _with_texts(batch: Batch, texts: list[bytes], token: bytes) -> Batch:
    lengths = struct.pack(f"<{len(texts)}I", *map(len, texts))
    return replace(batch, lengths=lengths, events=b"".join(texts), token=token)


def _value_at(text: bytes, path: list[str]) -> str:
    """Return the JSON of a string or a number in an event, or an empty text for anything else."""
    try:
        for key in path:
            text = bytes(_decode_object(text)[key])
        value = text.decode()
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError):
        return ""
    return value if value[:1] in '"-0123456789' and value != '""' else ""


def _header(request: Request, name: bytes, shown: str) -> bytes:
    header = request.headers.get(name)
    if header is None:
        return b""
    value = header.strip()
    if not value:
        raise BadRequest(f"the header {shown} is empty")
    if len(value) > MAX_LENGTH:
        raise BadRequest(f"the header {shown} is longer than {MAX_LENGTH} characters")
    if not PRINTABLE.fullmatch(value):
        raise BadRequest(f"the header {shown} may hold printable ASCII only")
    return value
