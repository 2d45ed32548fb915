"""Secrets in output become ***, however the output is cut into pieces on its way.

Hidden are, of every secret value of SHORTEST bytes or more: the value, each of its lines, and both as they look
quoted for a URL, inside a JSON text, and in base64 wherever they begin within the encoded text. Not hidden is what a
program made of a secret in any other way (reversed, hashed, encrypted, letter by letter): masking is for mishaps, and
no protection against a task that wants to give a secret away.
"""

import base64
import json
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = b"***"
SHORTEST = 4  # masking shorter ones would hide half of all output, and tell what they are


class Masker:
    """Masks one stream: feed it pieces, then finish it."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._forms = sorted({form for secret in secrets for form in forms_of(secret)}, key=len, reverse=True)
        self._held = b""  # what may be the beginning of a secret
        self._covered = 0  # so many bytes of it belong to a secret whose mask is out already

    def feed(self, piece: bytes) -> bytes:
        """Return what can be shown now; the rest comes with later pieces."""
        if not self._forms:
            return piece
        text = self._held + piece
        spans = self._spans(text)
        end = min((_held_from(text, form) for form in self._forms), default=len(text))
        return self._release(text, spans, end)

    def finish(self) -> bytes:
        """Return what was held back."""
        return self._release(self._held, self._spans(self._held), len(self._held))

    def _spans(self, text: bytes) -> list[tuple[int, int]]:
        """Return where secrets are, merged where they overlap, in order."""
        found = [(0, self._covered)] if self._covered else []
        for form in self._forms:
            found += ((start, start + len(form)) for start in _occurrences(text, form))
        merged: list[tuple[int, int]] = []
        for start, end in sorted(found):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        return merged

    def _release(self, text: bytes, spans: list[tuple[int, int]], end: int) -> bytes:
        """Return `text` up to `end`, masked; keep the rest, and how much of it a mask already stands for."""
        shown, position, covered = [], 0, max(0, self._covered - end)
        for start, stop in spans:
            if start >= end:
                break
            shown.append(text[position:start])
            if not (start == 0 and self._covered):
                shown.append(MASK)
            position, covered = min(stop, end), max(0, stop - end)
        shown.append(text[position:end])
        self._held, self._covered = text[end:], covered
        return b"".join(shown)


def forms_of(secret: str) -> Iterator[bytes]:
    """Yield every form in which a secret is masked."""
    for part in {secret, secret.strip(), *(line.strip() for line in secret.splitlines())}:
        if len(part.encode()) < SHORTEST:
            continue
        yield part.encode()
        yield from (quoted(part).encode() for quoted in (quote, quote_plus, _quote_all, _in_json))
        yield from (base64.b64encode(part.encode()), base64.urlsafe_b64encode(part.encode()))
        for offset in range(3):
            yield from _in_base64(part.encode(), offset)


def _quote_all(text: str) -> str:
    return quote(text, safe="")


def _in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _in_base64(data: bytes, offset: int) -> Iterator[bytes]:
    """Yield the letters that stand for `data` alone when it begins `offset` bytes into a group of three."""
    begin = (0, 2, 3)[offset]
    bits = 8 * (offset + len(data))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        letters = encode(b"\0" * offset + data)[begin : bits // 6]
        if len(letters) >= SHORTEST:
            yield letters


def _occurrences(text: bytes, form: bytes) -> Iterator[int]:
    """Yield where a form begins; occurrences may overlap."""
    start = text.find(form)
    while start >= 0:
        yield start
        start = text.find(form, start + 1)


def _held_from(text: bytes, form: bytes) -> int:
    """Return where the longest end of `text` begins that `form` could go on from, else the length of `text`."""
    start = max(0, len(text) - len(form) + 1)
    while (start := text.find(form[:1], start)) >= 0:
        if form.startswith(text[start:]):
            return start
        start += 1
    return len(text)
