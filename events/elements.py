"""Split a JSON stream, either an array or one value per line (NDJSON), into its elements, without changing their bytes.

Memory holds one chunk and one element, whatever the size of the input. An element that would spoil its neighbours in
an array, or that is larger than a body may be, is returned with a problem. The server judges the rest.
"""

import os
import re
import select
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

import msgspec

CHUNK_BYTES = 256 * 1024
IDLE_SECONDS = 1.0
BLANK = b" \t\r\n"
BOM = b"\xef\xbb\xbf"
NOT_JSON = "not valid JSON"

_value = msgspec.json.Decoder(msgspec.Raw)
_array = msgspec.json.Decoder(list[msgspec.Raw])


class InvalidInput(ValueError):
    """From here on, the input is neither NDJSON nor JSON arrays."""


class Element(NamedTuple):
    """One value of the input, or a piece of one that is too large for memory."""

    number: int  # of its line, or of the element in its array, from 1
    text: bytes
    problem: str = ""  # why it can't be sent
    more: bool = False  # a piece; the next element is another piece of it


def read_chunks(descriptor: int) -> Iterator[bytes]:
    """Yield an open file's bytes as they arrive, and b"" after a second without any: a live pipe pauses."""
    while True:
        if not select.select([descriptor], [], [], IDLE_SECONDS)[0]:
            yield b""
        elif chunk := os.read(descriptor, CHUNK_BYTES):
            yield chunk
        else:
            return


def split(chunks: Iterable[bytes], max_bytes: int) -> tuple[str, Iterator[Element | None]]:
    """Return the kind of elements, `line` or `element`, and the elements. None among them is a pause of the input.

    The first byte that isn't blank decides: `[` starts an array, anything else is NDJSON.
    """
    chunks = iter(chunks)
    start = b""
    for chunk in chunks:
        start += chunk
        if start.removeprefix(BOM).strip(BLANK) and len(start) >= len(BOM):
            break
    start = start.removeprefix(BOM)
    if start.lstrip(BLANK).startswith(b"["):
        return "element", iter(_Arrays(chain([start], chunks), max_bytes))
    return "line", _lines(chain([start] if start else [], chunks), max_bytes)


def too_large(max_bytes: int) -> str:
    """Return the problem of an element of more than `max_bytes`."""
    return f"larger than {max_bytes} bytes"


def _problem(text: bytes, max_bytes: int) -> str:
    if len(text) > max_bytes:
        return too_large(max_bytes)
    try:
        _value.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return NOT_JSON
    return ""


def _lines(chunks: Iterable[bytes], max_bytes: int) -> Iterator[Element | None]:
    """Yield the lines that aren't blank."""
    number, rest, in_pieces = 1, b"", False
    for chunk in chain(chunks, [b"\n"]):  # the last line may have no line end
        if not chunk:
            yield None
            continue
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            text = line.strip(BLANK)
            if in_pieces:
                yield Element(number, text, too_large(max_bytes))
            elif text:
                yield Element(number, text, _problem(text, max_bytes))
            number, in_pieces = number + 1, False
        if len(rest) > max_bytes:
            yield Element(number, rest, too_large(max_bytes), more=True)
            rest, in_pieces = b"", True


class _Arrays:
    """The elements of one array or of several in a row.

        buffer  ┌─────────────────┬──────────────────┬───────────────┐
                │ already yielded │ element so far   │ not looked at │
                └─────────────────┴──────────────────┴───────────────┘
                                  start              position

    Whole chunks are taken at once while they are valid JSON (`_take_valid`, 10 times as fast). Otherwise, the chunk is
    scanned for strings and brackets, so that a malformed element ends where its neighbour starts.
    """

    QUICK_ATTEMPTS = 16
    STRING_REST = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+(")?', re.DOTALL)
    OUTER = re.compile(rb'["\[\]{},]')
    INNER = re.compile(rb'["\[\]{}]')

    def __init__(self, chunks: Iterable[bytes], max_bytes: int) -> None:
        self.chunks, self.max_bytes = chunks, max_bytes
        self.buffer, self.start, self.position = b"", 0, 0
        self.number, self.depth = 0, 0
        self.in_array = self.in_string = self.in_pieces = self.after_comma = False

    def __iter__(self) -> Iterator[Element | None]:
        for chunk in self.chunks:
            if not chunk:
                yield None
                continue
            self.buffer = self.buffer[self.start :] + chunk
            self.position -= self.start
            self.start = 0
            yield from self._whole_elements()
            if self.in_array and self.position - self.start > self.max_bytes:
                yield self._piece()
        yield from self._last_element()

    def _whole_elements(self) -> Iterator[Element]:
        quick = True  # once per chunk: a failed attempt costs as much as parsing the chunk
        while self.in_array or self._find_array():
            if quick and self.position == self.start and not self.in_pieces:
                quick = False
                yield from self._take_valid()
            end = self._find_end()
            if not end:
                return
            text = self.buffer[self.start : self.position - 1].strip(BLANK)
            self.start = self.position
            if text or self.in_pieces or self.after_comma or end == b",":
                yield self._element(text)
            self.in_array, self.after_comma = end == b",", end == b","

    def _find_array(self) -> bool:
        """Skip the next `[`; return whether there was one."""
        rest = self.buffer[self.start :].lstrip(BLANK)
        self.start = self.position = len(self.buffer) - len(rest)
        if rest and not rest.startswith(b"["):
            raise InvalidInput(f"there is something other than an array after element {self.number}")
        if rest:
            self.start = self.position = self.start + 1
            self.in_array = True
        return bool(rest)

    def _take_valid(self) -> Iterator[Element]:
        """Yield the elements up to a `},` that ends one: everything before it is an array's content."""
        end = len(self.buffer)
        for _ in range(self.QUICK_ATTEMPTS):
            end = self.buffer.rfind(b"},", self.start, end)
            if end < 0:
                return
            try:
                values = _array.decode(b"[%b]" % self.buffer[self.start : end + 1])
            except (msgspec.DecodeError, RecursionError):
                continue  # it ends an inner object, or something before it is malformed
            self.start = self.position = end + 2
            self.after_comma = True
            for value in values:
                yield self._element(bytes(value), valid=True)
            return

    def _find_end(self) -> bytes:
        """Move past the next `,` or `]` that ends an element and return it, or b"" if the buffer has none."""
        while not self.in_string or self._step_over_string():
            token = (self.INNER if self.depth else self.OUTER).search(self.buffer, self.position)
            self.position = token.end() if token else len(self.buffer)
            if not token:
                return b""
            found = token[0]
            if found == b"," or (found == b"]" and not self.depth):
                return found
            if found == b'"':
                self.in_string = True
            elif found in b"[{":
                self.depth += 1
            elif self.depth:
                self.depth -= 1
        return b""

    def _step_over_string(self) -> bool:
        """Move to the end of the string; return whether the buffer contained it."""
        rest = self.STRING_REST.match(self.buffer, self.position)
        assert rest  # it matches an empty text, too
        self.position = rest.end()
        self.in_string = not rest[1]
        return not self.in_string

    def _element(self, text: bytes, valid: bool = False) -> Element:
        self.number += not self.in_pieces
        if self.in_pieces or len(text) > self.max_bytes:
            problem = too_large(self.max_bytes)
        else:
            problem = "" if valid else _problem(text, self.max_bytes)
        self.in_pieces = False
        return Element(self.number, text, problem)

    def _piece(self) -> Element:
        self.number += not self.in_pieces
        self.in_pieces = True
        text = self.buffer[self.start : self.position]
        self.start = self.position
        return Element(self.number, text, too_large(self.max_bytes), more=True)

    def _last_element(self) -> Iterator[Element]:
        """Yield the last element of an array that was cut off."""
        if not self.in_array:
            return
        text = self.buffer[self.start :].strip(BLANK)
        if text or self.in_pieces:
            yield self._element(text)
        raise InvalidInput(f"the input ends inside an array, after element {self.number}")
