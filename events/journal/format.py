"""The journal's file format, version 3.

    file    ┌──────────┬────────┬──────┬───────┬───────┬───────┬─ ─ ─
            │ EVLJRNL3 │ marker │ size │ crc32 │ frame │ frame │
            └──────────┴────────┴──────┴───────┴───────┴───────┴─ ─ ─
              8 bytes    8        u64    u32     crc32 covers the header before it

    frame   ┌────────┬────────┬───────┬─────────┐    one request's accepted events
            │ marker │ length │ crc32 │ payload │    length and crc32 are those of the payload
            └────────┴────────┴───────┴─────────┘
              8        u32      u32     length

    payload ┌──────────┬─────────────┬───────┬────────────┬─────┬─────┬───────────┬─────────┬─────────┬────────┬──────┐
            │ first id │ received µs │ count │ dataset id │ n   │ s   │ namespace │ service │ lengths │ events │ key  │
            └──────────┴─────────────┴───────┴────────────┴─────┴─────┴───────────┴─────────┴─────────┴────────┴──────┘
              16         i64           u32     27           u16   u16   n           s         count×u32          rest

If the highest bit of s is set, a token of 16 bytes stands between service and lengths. All copies of a batch have the
same, so that only one of them counts; see events/journal/copies.py.

Integers are little-endian; the id is a big-endian UUIDv7 (RFC 9562) whose low 22 bits are 0: event k of the
frame has the id `first id + k`. Events are the bytes as sent, concatenated. The key is the id of the API key that
they were sent with.

The marker lets a reader find the next frame after a damaged one. It is random for each file, so that no event can
contain a forged frame. If the header is damaged, the frames reveal the marker: each repeats it.

The size is 0 while the file is written. When the writer closes it, it writes the file's size there. A file that lost
its tail is thus recognized, even if it was cut between two frames. If the writer died, the size stays 0. The file
then ends with its last whole frame. Part of a frame after that was never acknowledged; whether there were more frames
can't be known.

Version 2 had neither tokens nor keys. Version 1 had neither size nor checksum in its header, either. Both can be read,
too.
"""

import os
import re
import struct
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import NamedTuple
from uuid import UUID

MAGIC, MAGIC_2, MAGIC_1 = b"EVLJRNL3", b"EVLJRNL2", b"EVLJRNL1"
ANY_MAGIC = b"EVLJRNL"
MARKER_BYTES = 8
HEADER = struct.Struct("<8s8sQ")
CHECKSUM = struct.Struct("<I")
HEADER_BYTES = HEADER.size + CHECKSUM.size
HEADER_1_BYTES = len(MAGIC_1) + MARKER_BYTES
FRAME = struct.Struct("<8sII")
PAYLOAD = struct.Struct("<16sqI27sHH")
TOKEN_BYTES, HAS_TOKEN = 16, 0x8000
KEY_BYTES = 27  # of the key's id, if there is one
INDEX_BITS = 22  # more than the events that fit into a body of 6 MiB at 3 bytes each
ID_HEAD_BYTES = 6  # of an id, before its version digit
# What every payload starts with: an id (from its version on) that ends in the zeros of its index, received time,
# count, dataset id. JSON never contains a zero byte, so events don't look like this.
PAYLOAD_HEAD = re.compile(rb"[\x70-\x7f].[\x80-\xbf].{4}[\x00\x40\x80\xc0]\x00\x00.{8}.{4}[0-9A-Za-z]{27}", re.DOTALL)


class Copy(NamedTuple):
    """What a batch with a token is to its copies. The first of them is the least."""

    first_id: bytes
    received_us: int
    token: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """The accepted events of one request."""

    first_id: bytes
    received_us: int
    dataset_id: str
    namespace: str
    service: str
    lengths: bytes  # count × u32, little-endian
    events: bytes  # the JSON texts as sent, joined
    key_id: str = ""  # empty in files of older versions
    token: bytes = b""  # of TOKEN_BYTES, if its sender may send it again

    @property
    def count(self) -> int:
        """The number of events."""
        return len(self.lengths) // 4

    @property
    def copy(self) -> Copy | None:
        """What it is to its copies, if there may be any."""
        return Copy(self.first_id, self.received_us, self.token) if self.token else None

    def texts(self, first: int = 0, step: int = 1) -> Iterator[bytes]:
        """Yield each event's JSON text, or from event `first` on only that of every `step`th."""
        lengths = struct.unpack(f"<{self.count}I", self.lengths)
        places = zip(accumulate(lengths, initial=0), lengths, strict=False)
        for start, length in islice(places, first, None, step):
            yield self.events[start : start + length]

    def event_id(self, index: int) -> UUID:
        """Return the id of event `index`."""
        return UUID(int=int.from_bytes(self.first_id, "big") + index)


class NewerVersion(ValueError):
    """The file has a version that this program can't read."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first bytes of a file."""

    marker: bytes
    end: int  # offset of the first frame
    size: int = 0  # of the file, once its writer has closed it


def encode_header(marker: bytes, size: int = 0) -> bytes:
    """Return the first bytes of a file."""
    header = HEADER.pack(MAGIC, marker, size)
    return header + CHECKSUM.pack(zlib.crc32(header))


def decode_header(data: bytes) -> Header | None:
    """Decode the first HEADER_BYTES of a file, or fewer if it is shorter; return None if they are damaged.

    Raises NewerVersion. Version 1 had no checksum; there, the first frame must repeat the marker.
    """
    if data.startswith(MAGIC_1) and len(data) >= HEADER_1_BYTES:
        marker, repeated = data[len(MAGIC_1) : HEADER_1_BYTES], data[HEADER_1_BYTES : HEADER_1_BYTES + MARKER_BYTES]
        return Header(marker, HEADER_1_BYTES) if marker.startswith(repeated) else None
    if len(data) < HEADER_BYTES or CHECKSUM.pack(zlib.crc32(data[: HEADER.size])) != data[HEADER.size : HEADER_BYTES]:
        return None
    magic, marker, size = HEADER.unpack_from(data)
    if magic in (MAGIC, MAGIC_2):
        return Header(marker, HEADER_BYTES, size)
    if magic.startswith(ANY_MAGIC):
        raise NewerVersion(f"it begins with {magic!r}, which a newer Eventlane wrote")
    return None


def find_marker(data: bytes) -> bytes | None:
    """Return the marker that most whole frames of a file have, or None without a whole frame."""
    starts = (match.start() - ID_HEAD_BYTES - FRAME.size for match in PAYLOAD_HEAD.finditer(data))
    found = Counter(
        marker
        for start in starts
        if start >= 0 and _frame_end(data, marker := data[start : start + MARKER_BYTES], start) is not None
    )
    return found.most_common(1)[0][0] if found else None


def first_id(now_ns: int) -> bytes:
    """Return the id of a batch's first event: milliseconds, 12 bits of the rest, 40 random bits, index 0."""
    milliseconds, rest = divmod(now_ns, 1_000_000)
    high = milliseconds << 16 | 7 << 12 | rest * 4096 // 1_000_000
    low = 0b10 << 62 | int.from_bytes(os.urandom(5), "big") << INDEX_BITS
    return (high << 64 | low).to_bytes(16, "big")


def new_batch(
    dataset_id: str,
    namespace: str,
    service: str,
    texts: list[bytes],
    lengths: list[int],
    key_id: str = "",
    token: bytes = b"",
) -> Batch:
    """Return a batch of events received now; `lengths` are the lengths of the texts in bytes."""
    now_ns = time.time_ns()
    return Batch(
        first_id=first_id(now_ns),
        received_us=now_ns // 1000,
        dataset_id=dataset_id,
        namespace=namespace,
        service=service,
        lengths=struct.pack(f"<{len(lengths)}I", *lengths),
        events=b"".join(texts),
        key_id=key_id,
        token=token,
    )


def encode_payload(batch: Batch) -> bytes:
    """Return the payload of a frame."""
    namespace, service = batch.namespace.encode(), batch.service.encode()
    return b"".join(
        (
            PAYLOAD.pack(
                batch.first_id,
                batch.received_us,
                batch.count,
                batch.dataset_id.encode(),
                len(namespace),
                len(service) | (HAS_TOKEN if batch.token else 0),
            ),
            namespace,
            service,
            batch.token,
            batch.lengths,
            batch.events,
            batch.key_id.encode(),
        )
    )


def encode_frame(marker: bytes, payload: bytes) -> bytes:
    """Return a frame with this payload, for the file with this marker."""
    return FRAME.pack(marker, len(payload), zlib.crc32(payload)) + payload


def decode_payload(payload: bytes) -> Batch:
    """Decode a payload whose checksum was right."""
    identifier, received_us, count, dataset_id, namespace_length, service_length = PAYLOAD.unpack_from(payload)
    namespace_end = PAYLOAD.size + namespace_length
    service_end = namespace_end + (service_length & ~HAS_TOKEN)
    token_end = service_end + (TOKEN_BYTES if service_length & HAS_TOKEN else 0)
    lengths_end = token_end + 4 * count
    lengths = payload[token_end:lengths_end]
    events_end = lengths_end + sum(struct.unpack(f"<{count}I", lengths))
    return Batch(
        first_id=identifier,
        received_us=received_us,
        dataset_id=dataset_id.decode(),
        namespace=payload[PAYLOAD.size : namespace_end].decode(),
        service=payload[namespace_end:service_end].decode(),
        lengths=lengths,
        events=payload[lengths_end:events_end],
        key_id=payload[events_end:].decode(),
        token=payload[service_end:token_end],
    )


@dataclass(slots=True)
class Reading:
    """What a part of a journal file contained."""

    batches: list[Batch] = field(default_factory=list)
    end: int = 0  # offset after the last whole frame: where the next reading starts
    damaged: list[tuple[int, bytes]] = field(default_factory=list)  # (offset, bytes) between whole frames
    torn_bytes: int = 0  # bytes after `end`: a frame being written, or cut off by a crash


def decode_frames(data: bytes, marker: bytes, offset: int) -> Reading:
    """Read all whole frames of `data`, which is at `offset` in its file.

    A bad frame followed by a good one is damage and is reported. A bad frame with nothing after it is the end.
    """
    reading = Reading()
    position = 0
    while position < len(data):
        end = _frame_end(data, marker, position)
        if end is None:
            following = _next_frame(data, marker, position + 1)
            if following is None:
                break
            reading.damaged.append((offset + position, data[position:following]))
            position = following
            continue
        reading.batches.append(decode_payload(data[position + FRAME.size : end]))
        position = end
    reading.end = offset + position
    reading.torn_bytes = len(data) - position
    return reading


def _frame_end(data: bytes, marker: bytes, position: int) -> int | None:
    """Return where the frame at `position` ends, or None if there is no whole frame."""
    if position + FRAME.size > len(data):
        return None
    found, length, checksum = FRAME.unpack_from(data, position)
    end = position + FRAME.size + length
    if found != marker or length < PAYLOAD.size or end > len(data):
        return None
    return end if zlib.crc32(data[position + FRAME.size : end]) == checksum else None


def _next_frame(data: bytes, marker: bytes, position: int) -> int | None:
    """Return where the next whole frame starts, at `position` or later, or None."""
    while (position := data.find(marker, position)) >= 0:
        if _frame_end(data, marker, position) is not None:
            return position
        position += 1
    return None
