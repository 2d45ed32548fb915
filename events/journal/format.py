"""The journal's file format, version 1.

    file    ┌──────────┬────────┬───────┬───────┬─ ─ ─
            │ EVLJRNL1 │ marker │ frame │ frame │
            └──────────┴────────┴───────┴───────┴─ ─ ─
              8 bytes    8 bytes, random per file

    frame   ┌────────┬────────┬───────┬─────────┐    one request's accepted events
            │ marker │ length │ crc32 │ payload │    length and crc32 are the payload's
            └────────┴────────┴───────┴─────────┘
              8        u32      u32     length

    payload ┌──────────┬─────────────┬───────┬────────────┬──────┬──────┬───────────┬─────────┬─────────┬────────┐
            │ first id │ received µs │ count │ dataset id │ n    │ s    │ namespace │ service │ lengths │ events │
            └──────────┴─────────────┴───────┴────────────┴──────┴──────┴───────────┴─────────┴─────────┴────────┘
              16         i64           u32     27           u16    u16    n           s         count×u32

Integers are little-endian; the id is a big-endian UUIDv7 (RFC 9562) whose low 22 bits are 0: event k of the
frame has the id `first id + k`. Events are the bytes as sent, one after the other with nothing between them.

The marker lets a reader find the next frame behind a damaged one. It is random, so that no event can hold
a forged frame. A file ends where its last whole frame ends; what follows was never acknowledged.
"""

import os
import struct
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

MAGIC = b"EVLJRNL1"
MARKER_BYTES = 8
HEADER_BYTES = len(MAGIC) + MARKER_BYTES
FRAME = struct.Struct("<8sII")
PAYLOAD = struct.Struct("<16sqI27sHH")
INDEX_BITS = 22  # more events than fit a body of 6 MiB at 3 bytes each


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

    @property
    def count(self) -> int:
        """How many events it holds."""
        return len(self.lengths) // 4

    def texts(self) -> Iterable[bytes]:
        """Yield each event's JSON text."""
        start = 0
        for (length,) in struct.iter_unpack("<I", self.lengths):
            yield self.events[start : start + length]
            start += length

    def event_id(self, index: int) -> UUID:
        """Return the id of event `index`."""
        return UUID(int=int.from_bytes(self.first_id, "big") + index)


def new_file_header() -> bytes:
    """Return the first bytes of a new file, its marker included."""
    return MAGIC + os.urandom(MARKER_BYTES)


def first_id(now_ns: int) -> bytes:
    """Return the id of a batch's first event: milliseconds, 12 bits of the rest, 40 random bits, index 0."""
    milliseconds, rest = divmod(now_ns, 1_000_000)
    high = milliseconds << 16 | 7 << 12 | rest * 4096 // 1_000_000
    low = 0b10 << 62 | int.from_bytes(os.urandom(5), "big") << INDEX_BITS
    return (high << 64 | low).to_bytes(16, "big")


def new_batch(dataset_id: str, namespace: str, service: str, texts: list[bytes], lengths: list[int]) -> Batch:
    """Return the batch of events received now; `lengths` are the texts' in bytes."""
    now_ns = time.time_ns()
    return Batch(
        first_id=first_id(now_ns),
        received_us=now_ns // 1000,
        dataset_id=dataset_id,
        namespace=namespace,
        service=service,
        lengths=struct.pack(f"<{len(lengths)}I", *lengths),
        events=b"".join(texts),
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
                len(service),
            ),
            namespace,
            service,
            batch.lengths,
            batch.events,
        )
    )


def encode_frame(marker: bytes, payload: bytes) -> bytes:
    """Return the frame of a payload for the file with this marker."""
    return FRAME.pack(marker, len(payload), zlib.crc32(payload)) + payload


def decode_payload(payload: bytes) -> Batch:
    """Read a payload whose checksum was right."""
    identifier, received_us, count, dataset_id, namespace_length, service_length = PAYLOAD.unpack_from(payload)
    namespace_end = PAYLOAD.size + namespace_length
    service_end = namespace_end + service_length
    lengths_end = service_end + 4 * count
    return Batch(
        first_id=identifier,
        received_us=received_us,
        dataset_id=dataset_id.decode(),
        namespace=payload[PAYLOAD.size : namespace_end].decode(),
        service=payload[namespace_end:service_end].decode(),
        lengths=payload[service_end:lengths_end],
        events=payload[lengths_end:],
    )


@dataclass(slots=True)
class Reading:
    """What a stretch of a journal file held."""

    batches: list[Batch] = field(default_factory=list)
    end: int = 0  # offset behind the last whole frame: where the next reading starts
    damaged: list[tuple[int, bytes]] = field(default_factory=list)  # (offset, bytes) between whole frames
    torn_bytes: int = 0  # bytes behind `end`: a frame being written, or cut off by a crash


def decode_frames(data: bytes, marker: bytes, offset: int) -> Reading:
    """Read every whole frame of `data`, which stands at `offset` in its file.

    A bad frame with a good one behind it is damage and is reported; a bad frame with nothing behind it is
    the end.
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
    """Return where the frame at `position` ends; None when no whole frame stands there."""
    if position + FRAME.size > len(data):
        return None
    found, length, checksum = FRAME.unpack_from(data, position)
    end = position + FRAME.size + length
    if found != marker or end > len(data) or zlib.crc32(data[position + FRAME.size : end]) != checksum:
        return None
    return end


def _next_frame(data: bytes, marker: bytes, position: int) -> int | None:
    """Return where the next whole frame starts at or behind `position`; None when there is none."""
    while (position := data.find(marker, position)) >= 0:
        if _frame_end(data, marker, position) is not None:
            return position
        position += 1
    return None
