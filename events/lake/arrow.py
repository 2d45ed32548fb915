"""Pass journal batches to DuckDB as Arrow tables, with work per batch but none per event."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from events.journal.format import Batch
from events.lake.guard import guarded

CHUNK_ROWS = 61_440  # DuckDB scans chunks in parallel; half of its row group


def event_table(batches: Sequence[Batch]) -> pa.Table:
    """Return the events of batches as columns id, received_us, key_id, namespace and service (guarded), and event."""
    counts = np.array([batch.count for batch in batches], dtype=np.int64)
    table = pa.RecordBatch.from_pydict(
        {
            "id": _ids(batches, counts),
            "received_us": pa.array(np.repeat([batch.received_us for batch in batches], counts)),
            "key_id": _repeated([batch.key_id for batch in batches], counts),
            "namespace": _repeated([guarded(batch.namespace) for batch in batches], counts),
            "service": _repeated([guarded(batch.service) for batch in batches], counts),
            "event": _texts(batches),
        }
    )
    return pa.Table.from_batches([table.slice(start, CHUNK_ROWS) for start in range(0, len(table), CHUNK_ROWS)])


def _ids(batches: Sequence[Batch], counts: np.ndarray) -> pa.Array:
    """Return ids: event k of a batch has `first id + k`. The low half never overflows, since its last 22 bits are 0."""
    first = np.frombuffer(b"".join([batch.first_id for batch in batches]), dtype=">u8").reshape(-1, 2)
    ids = np.repeat(first, counts, axis=0)
    total = int(counts.sum())
    index = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    ids[:, 1] += index.astype(np.uint64)
    storage = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), total, [None, pa.py_buffer(ids)])
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def _repeated(values: list[str], counts: np.ndarray) -> pa.Array:
    """Return each value as often as its count says, stored once each."""
    codes: dict[str, int] = {}
    indices = np.array([codes.setdefault(value, len(codes)) for value in values], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(np.repeat(indices, counts)), pa.array(list(codes), pa.string()))


def _texts(batches: Sequence[Batch]) -> pa.Array:
    lengths = np.frombuffer(b"".join([batch.lengths for batch in batches]), dtype="<u4")
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(lengths, out=offsets[1:])
    joined = b"".join([batch.events for batch in batches])
    return pa.LargeStringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(joined))
