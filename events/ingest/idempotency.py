"""The header `Idempotency-Key`: a name for a request, under which it is stored once however often it is sent."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b

from eventlane.door.request import Request
from events.ingest.keys import BadRequest
from events.ingest.lookup import KnownDataset
from events.journal import Batch
from events.journal.format import TOKEN_BYTES
from projects.directory import KnownKey

MAX_LENGTH = 255
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
    value = request.headers.get(b"idempotency-key")
    if value is None:
        return b""
    name = value.strip()
    if not name:
        raise BadRequest("the header Idempotency-Key is empty")
    if len(name) > MAX_LENGTH:
        raise BadRequest(f"the header Idempotency-Key is longer than {MAX_LENGTH} characters")
    if not PRINTABLE.fullmatch(name):
        raise BadRequest("the header Idempotency-Key may hold printable ASCII only")
    return name
