"""Replaces secrets in output by ***, however the output is split into pieces.

For each secret value of at least SHORTEST bytes, this masks the value and each of its lines, as they are and as
encoders and shells write them. See `forms_of`. A secret that was changed in any other way (reversed, hashed,
encrypted, encoded twice, letter by letter) isn't masked: masking prevents mishaps, and doesn't stop a task that wants
to reveal a secret.
"""

import base64
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html.entities import codepoint2name
from typing import Any

import re2

MASK = b"***"
SHORTEST = 4  # masking shorter ones would hide half of all output, and reveal what they are
LONGEST = 4096  # characters; a longer secret is masked in parts of this length
PATTERN_BYTES = 1 << 30  # limit for RE2: more than any number of secrets needs
START = -1
NOTHING = rb"[^\x00-\xff]"  # a pattern that matches nowhere

Token = tuple[bytes, ...]  # the ways to write one character; with b"", it may be missing
Form = tuple[Token, ...]

WRAP: Token = (b"", b"\n", b"\r\n", b"\\n")  # what wraps encoded text; the last one is for a JSON text
CONTROLS = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "E"}
LETTERS: dict[str, Token] = {
    "+": (b"+", b"-", b"%2B", b"%2b"),
    "/": (b"/", b"_", b"%2F", b"%2f", b"\\/"),
    "=": (b"=", b"%3D", b"%3d"),
}


class Masker:
    """Masks one stream: pass it pieces, then finish."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._pattern, self._beginnings = _tables(frozenset(secrets))
        self._held = b""  # possibly the start of a secret
        self._covered = 0  # this many bytes of it belong to a secret that is already masked

    def feed(self, piece: bytes) -> bytes:
        """Return what can be shown now; the rest follows with later pieces."""
        text = self._held + piece
        return self._release(text, self._spans(text), self._beginnings.held_from(text))

    def finish(self) -> bytes:
        """Return what was held back."""
        return self._release(self._held, self._spans(self._held), len(self._held))

    def _spans(self, text: bytes) -> list[tuple[int, int]]:
        """Return the positions of secrets, in order, with overlaps merged."""
        merged = [(0, self._covered)] if self._covered else []
        for start, end in self._occurrences(text):
            if merged and start < merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], end))
            else:
                merged.append((start, end))
        return merged

    def _occurrences(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Yield where secrets start, each with the longest that starts there; they may overlap."""
        found = self._pattern.search(text)
        while found:
            yield found.span()
            found = self._pattern.search(text, found.start() + 1)

    def _release(self, text: bytes, spans: list[tuple[int, int]], end: int) -> bytes:
        """Return `text` up to `end`, masked. Keep the rest, and how much of it is already covered by a mask."""
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


class Beginnings:
    """Maps every byte of every form to possible preceding bytes. Reading backwards finds unfinished forms."""

    def __init__(self, forms: Iterable[Form]) -> None:
        self._bytes = bytearray()
        self._before: list[tuple[int, ...]] = []
        for form in forms:
            self._add(form)
        self._first: set[int] = set()  # last bytes of unfinished forms with one byte
        self._pairs: dict[tuple[int, int], list[int]] = defaultdict(list)  # longer ones, by their last two bytes
        for place in {place for before in self._before for place in before} - {START}:
            for before in self._before[place]:
                if before == START:
                    self._first.add(self._bytes[place])
                else:
                    self._pairs[self._bytes[before], self._bytes[place]].append(before)

    def _add(self, form: Form) -> None:
        ends: tuple[int, ...] = (START,)
        for token in form:
            reached = [end for end in ends if b"" in token]
            for way in filter(None, token):
                before = ends
                for byte in way:
                    self._bytes.append(byte)
                    self._before.append(before)
                    before = (len(self._before) - 1,)
                reached += before
            ends = tuple(reached)

    def held_from(self, text: bytes) -> int:
        """Return where the longest end of `text` starts that could be an unfinished form, or the length of `text`."""
        if not text:
            return 0
        held = len(text) - (text[-1] in self._first)
        at = len(text) - 2
        places: Iterable[int] = self._pairs.get((text[at], text[-1]), ()) if at >= 0 else ()
        while places:
            before = {earlier for place in places for earlier in self._before[place]}
            held = at if START in before else held
            at -= 1
            places = [place for place in before - {START} if self._bytes[place] == text[at]] if at >= 0 else ()
        return held


@lru_cache(maxsize=4)  # a long key takes a second: once, not for each step
def _tables(secrets: frozenset[str]) -> tuple[Any, Beginnings]:
    forms = {form for secret in secrets for form in forms_of(secret)}
    return _compiled(forms), Beginnings(forms)


def _compiled(forms: Iterable[Form]) -> Any:
    """Return a pattern of all forms that finds the first and longest in linear time."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.longest_match = True
    options.never_capture = True
    options.max_mem = PATTERN_BYTES
    alternatives = [b"".join(map(_alternatives, form)) for form in sorted(forms)]
    return re2.compile(b"|".join(alternatives or [NOTHING]), options)


def _alternatives(token: Token) -> bytes:
    ways = b"|".join(b"".join(b"\\x%02x" % byte for byte in way) for way in token if way)
    return b"(?:%b)%b" % (ways, b"?" if b"" in token else b"")


def forms_of(secret: str) -> Iterator[Form]:
    """Yield every form in which a secret is masked: text, hex, and base64 at each position in a group."""
    lines = {secret.strip(), *(line.strip() for line in secret.splitlines())}
    for part in _slices({secret} | lines):
        yield tuple(map(_ways_to_write, part))
    for part in _slices(lines):
        data = part.encode()
        yield _wrapped([(b"%02x" % byte, b"%02X" % byte) for byte in data])
        for offset in range(3):
            yield from _in_base64(data, offset)


def _slices(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts of at least SHORTEST bytes; long ones in parts of LONGEST characters, the last two overlapping."""
    for text in texts:
        if len(text.encode()) >= SHORTEST:
            yield from (text[begin : begin + LONGEST] for begin in range(0, len(text) - LONGEST, LONGEST))
            yield text[-LONGEST:]


def _ways_to_write(character: str) -> Token:
    """Return a character as it is, and as URLs, JSON, HTML and shells write it. Plain letters have only one form."""
    if character.isascii() and character.isalnum():
        return (character.encode(),)
    return tuple({way.encode() for way in (character, *_in_url(character), *_escaped(character), *_in_html(character))})


def _in_url(character: str) -> Iterator[str]:
    for digits in ("%%%02X", "%%%02x"):
        yield "".join(digits % byte for byte in character.encode())
    if character == " ":
        yield "+"


def _escaped(character: str) -> Iterator[str]:
    """Yield it with backslashes: in JSON and other programs' literals, and in a shell's `$'…'` and `'…'`."""
    units = json.dumps(character)[1:-1].split("\\u")[1:] or [f"{ord(character):04x}"]
    for case in (str.lower, str.upper):
        yield "".join(f"\\u{case(unit)}" for unit in units)
        yield "".join(f"\\x{case(f'{byte:02x}')}" for byte in character.encode())
    yield "".join(f"\\{byte:03o}" for byte in character.encode())
    if character in CONTROLS:
        yield f"\\{CONTROLS[character]}"
    elif character.isascii():
        yield f"\\{character}"
    if character == "\n":
        yield "\r\n"
    if character == "'":
        yield from ("'\\''", "'\"'\"'")


def _in_html(character: str) -> Iterator[str]:
    code = ord(character)
    yield from (f"&#{code};", f"&#{code:03};", f"&#x{code:x};", f"&#x{code:X};", f"&#x{code:02x};", f"&#x{code:02X};")
    if name := "apos" if character == "'" else codepoint2name.get(code):
        yield f"&{name};"


def _in_base64(data: bytes, offset: int) -> Iterator[Form]:
    """Yield the letters that represent `data` if it starts `offset` bytes into a group of three.

    The last letter represents only `data` if the encoded text ends there; otherwise it may differ.
    """
    begin = (0, 2, 3)[offset]
    letters = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
    own = 8 * (offset + len(data)) // 6
    if own - begin < SHORTEST:
        return
    tokens = [LETTERS.get(letter, (letter.encode(),)) for letter in letters]
    end = [*tokens[own:], *[LETTERS["="]] * (-len(letters) % 4)]
    yield (*_wrapped(tokens[begin:own]), *((b"", *(wrap + way for wrap in WRAP for way in token)) for token in end))


def _wrapped(tokens: list[Token]) -> Form:
    """Return a form of tokens that may be separated by line ends."""
    return tuple(token for pair in zip([WRAP] * len(tokens), tokens, strict=True) for token in pair)[1:]
