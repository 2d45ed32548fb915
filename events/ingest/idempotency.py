"""The header `Idempotency-Key`: a name for a request, under which it is stored once however often it is sent."""

import re
from hashlib import blake2b

from eventlane.door.request import Request
from events.ingest.keys import BadRequest
from events.ingest.lookup import KnownDataset
from events.journal.format import TOKEN_BYTES
from projects.directory import KnownKey

MAX_LENGTH = 255
PRINTABLE = re.compile(rb"[\x20-\x7e]+")


def token_of(request: Request, key: KnownKey, dataset: KnownDataset) -> bytes:
    """Return what a batch has in common with its copies, or empty bytes without the header; raise BadRequest."""
    value = request.headers.get(b"idempotency-key")
    if value is None:
        return b""
    names = (key.id.encode(), dataset.id.encode(), _checked(value.strip()))
    return blake2b(b"\0".join(names), digest_size=TOKEN_BYTES).digest()


def _checked(name: bytes) -> bytes:
    if not name:
        raise BadRequest("the header Idempotency-Key is empty")
    if len(name) > MAX_LENGTH:
        raise BadRequest(f"the header Idempotency-Key is longer than {MAX_LENGTH} characters")
    if not PRINTABLE.fullmatch(name):
        raise BadRequest("the header Idempotency-Key may hold printable ASCII only")
    return name
