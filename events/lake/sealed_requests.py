"""The tokens of batches that are sealed, each committed together with its events (see events/journal/copies.py)."""

from collections.abc import Collection

import pyarrow as pa

from eventlane.times import from_microseconds
from events.journal import Copy
from events.journal.copies import Copies, remembered
from events.lake.connection import Lake

SEALED_REQUESTS = "sealed_requests"
FIND = f"""
    SELECT token, id, epoch_us(received_time) FROM lake.main.{SEALED_REQUESTS}
    WHERE token IN (SELECT token FROM asked) AND received_time > ?"""
NOTE = f"INSERT INTO lake.main.{SEALED_REQUESTS} SELECT token, id, make_timestamptz(received_us) FROM noted"


def sealed_copies(lake: Lake, copies: Collection[Copy]) -> Copies:
    """Return what is sealed in the transaction's snapshot with the tokens of these."""
    if not copies or not lake.attached or not lake.has_table(SEALED_REQUESTS):
        return Copies()
    asked = pa.table({"token": _uuids(list({copy.token for copy in copies}))})
    since = from_microseconds(min(copy.received_us for copy in copies)) - remembered()
    rows = lake.execute(FIND, [since], asked=asked)
    return Copies(Copy(first_id.bytes, received_us, token.bytes) for token, first_id, received_us in rows)


def note_sealed_copies(lake: Lake, copies: Collection[Copy]) -> None:
    """Note that these are sealed in this transaction."""
    if copies:
        rows = {
            "token": _uuids([copy.token for copy in copies]),
            "id": _uuids([copy.first_id for copy in copies]),
            "received_us": pa.array([copy.received_us for copy in copies], pa.int64()),
        }
        lake.execute(NOTE, noted=pa.table(rows))


def _uuids(values: list[bytes]) -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values, pa.binary(16)))
