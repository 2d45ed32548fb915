"""Where a message ends in a stream of syslog (RFC 6587): after its length, or at a line break."""

import re

_length = re.compile(rb"\A([1-9][0-9]{0,9}) (?=<)")
_digits = re.compile(rb"[0-9]{1,10} ?\Z")  # what may become a length
_ends = re.compile(rb"[\n\0]")


class Frames:
    """Splits a stream into messages. What a message has beyond `most` bytes is left out."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = b""
        self._skipped = 0  # bytes that are still to come of a message with a length, beyond what we keep
        self._cut = False  # whether we are in a line of which we have all that we keep

    def take(self, data: bytes) -> list[bytes]:
        """Return the messages that are complete now."""
        self._rest += data
        found = []
        while (message := self._next()) is not None:
            if message:
                found.append(message)
        return found

    def end(self) -> list[bytes]:
        """Return what came of a last message."""
        rest, self._rest = _length.sub(b"", self._rest, count=1).strip(), b""
        return [rest] if rest and not self._cut and not self._skipped else []

    def _next(self) -> bytes | None:
        """Return the next message, empty if there is none to keep; None until more has come."""
        if self._skipped:
            self._drop(min(self._skipped, len(self._rest)))
        if not self._rest or self._skipped:
            return None
        if not self._cut and (length := _length.match(self._rest)):
            return self._counted(length.end(), int(length[1]))
        if not self._cut and _digits.match(self._rest):
            return None
        return self._line()

    def _drop(self, count: int) -> None:
        self._rest, self._skipped = self._rest[count:], self._skipped - count

    def _counted(self, begin: int, length: int) -> bytes | None:
        kept = min(length, self._most)
        if len(self._rest) < begin + kept:
            return None
        message, self._rest = self._rest[begin : begin + kept], self._rest[begin + kept :]
        self._skipped = length - kept
        return message.strip()

    def _line(self) -> bytes | None:
        end = _ends.search(self._rest)
        if end is None and len(self._rest) < self._most:
            return None
        message = self._rest[: min(end.start() if end else self._most, self._most)]
        message, self._cut = b"" if self._cut else message, end is None
        self._rest = self._rest[end.end() :] if end else b""
        return message.strip()
