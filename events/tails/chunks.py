"""Make of what lines find what their tails are sent: each event's frame once, however many lines find it."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from uuid import UUID

from events.lake.connection import Lake
from events.lake.query import SELECTED, EventRow, event_row
from events.tails.frames import Frame
from events.tails.prepared import PreparedStatements
from events.tails.staging import STAGED
from events.tails.tail import NOTHING, Chunk, Line, Missing

LITTLE = 256 * 1024  # bytes of frames that are fetched whether wanted or not, with a statement that is planned already
SIZES = f"SELECT list(rowid ORDER BY id), list(strlen(frame) ORDER BY id) FROM {STAGED}"
PIECES = "list(rowid), list(strlen(frame)), encode(string_agg(frame, ''))"
ASKED_FOR = f"{STAGED} WHERE rowid IN (SELECT unnest(?::BIGINT[]))"

Rows = Sequence[int]  # numbers of rows of STAGED, in the order of the events' ids


class Chunks:
    """The chunks of lines of new events: up to so many bytes for each, the rest is dropped."""

    def __init__(
        self, lake: Lake, statements: PreparedStatements, rooms: Mapping[Line, int], fresh: Collection[Line]
    ) -> None:
        self._lake, self._statements = lake, statements
        self._rooms, self._fresh = rooms, fresh

    def of(self, found: Mapping[Line, Collection[int]]) -> dict[Line, Chunk]:
        """Return the chunk of each line that finds rows; those of `fresh` lines have frames."""
        if not any(found.values()):
            return dict.fromkeys(found, NOTHING)
        [(rows, sizes)] = self._statements.rows(SIZES)
        places = {row: place for place, row in enumerate(rows)}
        ordered = {line: sorted(of_line, key=places.__getitem__) for line, of_line in found.items()}
        of_sql = {line: rows for line, rows in ordered.items() if line.look.is_made_by_sql}
        others = {line: rows for line, rows in ordered.items() if not line.look.is_made_by_sql}
        return dict(self._made_by_sql(of_sql, dict(zip(rows, sizes, strict=True)))) | dict(self._made_here(others))

    def _made_by_sql(self, found: Mapping[Line, Rows], sizes: Mapping[int, int]) -> Iterator[tuple[Line, Chunk]]:
        kept = {line: rows[: _fitting(map(sizes.__getitem__, rows), self._rooms[line])] for line, rows in found.items()}
        pieces = self._pieces(set().union(*kept.values()), sum(sizes.values()))
        origins = self._origins(set().union(*(rows for line, rows in kept.items() if line in self._fresh)))
        for line, rows in kept.items():
            frames = [Frame(*origins[row], bytes(pieces[row])) for row in rows] if line in self._fresh else ()
            data = b"".join([pieces[row] for row in rows])
            yield line, Chunk(len(rows), data, Missing(len(found[line]) - len(rows)), frames=frames)

    def _pieces(self, rows: Collection[int], size_of_all: int) -> dict[int, memoryview]:
        """Return the frames of rows, which are pieces of one text: so many objects would take their time."""
        if not rows:
            return {}
        if size_of_all <= LITTLE:
            [(ordered, sizes, data)] = self._statements.rows(f"SELECT {PIECES} FROM {STAGED}")
        else:
            [(ordered, sizes, data)] = self._lake.execute(f"SELECT {PIECES} FROM {ASKED_FOR}", [list(rows)])
        view, ends = memoryview(data), accumulate(sizes)
        return {row: view[end - size : end] for row, size, end in zip(ordered, sizes, ends, strict=True)}

    def _origins(self, rows: Collection[int]) -> dict[int, tuple[UUID, int]]:
        """Return the id and the received time of rows."""
        sql = f"SELECT rowid, id, epoch_us(received_time) FROM {ASKED_FOR}"
        return {row: (id, us) for row, id, us in self._lake.execute(sql, [list(rows)])} if rows else {}

    def _made_here(self, found: Mapping[Line, Rows]) -> Iterator[tuple[Line, Chunk]]:
        """Yield the chunks of lines in a look that only Python can give them."""
        first = {line: rows[: line.look.most_events] for line, rows in found.items()}
        events = self._events(set().union(*first.values()))
        for line, rows in first.items():
            frames = [line.look.frame(events[row]) for row in rows]
            kept = frames[: _fitting((len(frame.data) for frame in frames), self._rooms[line])]
            data = b"".join(frame.data for frame in kept)
            yield line, Chunk(len(kept), data, Missing(len(found[line]) - len(kept)), frames=kept)

    def _events(self, rows: Collection[int]) -> dict[int, EventRow]:
        sql = f"SELECT rowid, {SELECTED} FROM {ASKED_FOR}"
        return {row: event_row(tuple(values)) for row, *values in self._lake.execute(sql, [list(rows)])} if rows else {}


def _fitting(sizes: Iterable[int], room: int) -> int:
    """Return how many of the first there is room for."""
    return bisect_right(list(accumulate(sizes)), room)
