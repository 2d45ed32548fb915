r"""The search line: what people type into a search box. docs/query.md explains it with examples.

    any     := all { "OR" all }
    all     := { "AND" } not { not }
    not     := ( "-" | "NOT" ) not | "(" any ")" | term
    term    := path ( ":" | "=" ) value | path [ ":" ] ( ">" | ">=" | "<" | "<=" | "!=" ) value
             | word | phrase | /regex/
    value   := word | phrase | /regex/ | "(" any of values ")"

A recursive descent, so that an error can say where it is and what was expected there.
"""

import re
from collections.abc import Callable

import re2

from events.query.model import All, Any, Compare, Filter, Holds, Not, Op, Value
from events.query.numbers import number_in
from events.query.paths import check_path

MAX_TERMS, MAX_DEPTH = 100, 10
MAX_LENGTH = 32_768
EXPRESSION_BYTES = 1024 * 1024  # of an expression as RE2 has it: at most 40 ms, in which no other thread can run
_SPACE = re.compile(r"\s*")
_PATH = re.compile(r"[^\s:=<>!()\"]+")
_WORD = re.compile(r"[^\s()\"]+")
_COMPARISON = re.compile(r":?(>=|<=|!=|>|<)|:|=")
_EXPRESSION = re.compile(r"/((?:[^/\\]|\\.)+)/(?=[\s)]|$)", re.DOTALL)
_NEWER_GROUP = re.compile(r"(?<!\\)(\\\\)*\(\?<")  # the RE2 of DuckDB is older than ours
_ANY = {"%": ".*", "_": "."}
_NEGATIVE_NUMBER = re.compile(r"-[0-9]")

Make = Callable[[Op, Value], Filter]


class InvalidSearch(ValueError):
    """A search line can't be understood. `position` counts its characters from 1."""

    def __init__(self, position: int, expected: str) -> None:
        super().__init__(f"at character {position}: expected {expected}")
        self.position, self.expected = position, expected


def parse_search(text: str) -> Filter:
    """Return what a search line asks for; raise InvalidSearch. An empty line holds always."""
    if len(text) > MAX_LENGTH:
        raise InvalidSearch(MAX_LENGTH + 1, f"the end: a line has up to {MAX_LENGTH:,} characters")
    parser = _Parser(text)
    if parser.at_end():
        return All(())
    found = parser.alternatives(parser.term, 0)
    if not parser.at_end():
        raise parser.error("a word, a path with a value, or the end")
    return found


def split_search(text: str) -> list[str]:
    """Return the terms of a line that must all hold, as they are written; raise InvalidSearch.

    With spaces between them they ask the same. A line with an OR outside of parentheses is one term.
    """
    parse_search(text)
    parser, found = _Parser(text), []
    while not parser.at_end():
        if parser.take_keyword("OR"):
            return [text.strip()]
        parser.take_keyword("AND")
        parser.at_end()
        start = parser.at
        parser.negated(parser.term, 0)
        found.append(text[start : parser.at])
    return found


class _Parser:
    """Reads one line; `at` is the index of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.terms = 0

    def error(self, expected: str, at: int | None = None) -> InvalidSearch:
        return InvalidSearch((self.at if at is None else at) + 1, expected)

    # Characters

    def at_end(self) -> bool:
        """Skip spaces; tell whether nothing follows."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.at == len(self.text)

    def next_is(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return what stands here, and go behind it."""
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def keyword_is_next(self, keyword: str) -> bool:
        """Tell whether a keyword stands here as a word of its own."""
        end = self.at + len(keyword)
        return self.next_is(keyword) and (end == len(self.text) or self.text[end] in ' \t\r\n()"')

    def take_keyword(self, keyword: str) -> bool:
        """Go behind a keyword if it is next, and tell."""
        self.at_end()
        found = self.keyword_is_next(keyword)
        self.at += len(keyword) * found
        return found

    # Terms side by side, OR, negation, parentheses: of a line, or of the values of one path

    def alternatives(self, term: Callable[[], Filter], depth: int) -> Filter:
        if depth > MAX_DEPTH:
            raise self.error(f"no more than {MAX_DEPTH} parentheses within each other")
        parts = [self.together(term, depth)]
        while self.take_keyword("OR"):
            parts.append(self.together(term, depth))
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def together(self, term: Callable[[], Filter], depth: int) -> Filter:
        parts = [self.negated(term, depth)]
        while not self.at_end() and not self.next_is(")"):
            if self.keyword_is_next("OR"):
                break
            self.take_keyword("AND")
            parts.append(self.negated(term, depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def negated(self, term: Callable[[], Filter], depth: int) -> Filter:
        negations = 0
        while self.take_keyword("NOT") or self.take_minus(term):
            negations += 1
        found = self.in_parentheses(term, depth) if self.next_is("(") else term()
        return Not(found) if negations % 2 else found

    def take_minus(self, term: Callable[[], Filter]) -> bool:
        """Go behind a minus that negates: before a value, one with a digit behind it belongs to the number."""
        is_number = term != self.term and _NEGATIVE_NUMBER.match(self.text, self.at)
        if not self.next_is("-") or is_number:
            return False
        self.at += 1
        if self.at == len(self.text) or self.text[self.at].isspace():
            raise self.error("what must not be there, without a space after the -")
        return True

    def in_parentheses(self, term: Callable[[], Filter], depth: int) -> Filter:
        start = self.at
        self.at += 1
        found = self.alternatives(term, depth + 1)
        if self.at_end():
            raise self.error(f"a ) for the ( at character {start + 1}")
        self.at += 1  # only a ) ends the terms inside
        return found

    # A term

    def count_term(self) -> None:
        self.terms += 1
        if self.terms > MAX_TERMS:
            raise self.error(f"no more than {MAX_TERMS} terms")

    def term(self) -> Filter:
        if self.at_end() or self.keyword_is_next("OR") or self.keyword_is_next("AND"):
            raise self.error("a word or a path with a value")
        self.count_term()
        if expression := self.expression():
            return Holds(expression, is_expression=True)
        start = self.at
        path = self.quoted() if self.next_is('"') else self.bare(_PATH)
        comparison = self.take(_COMPARISON) if path is not None else None
        if path is None or (comparison is None and self.text[start] != '"'):
            self.at = start
            return self.word()
        if comparison is None:
            return self.phrase(path)
        if reason := check_path(path):
            raise self.error(f"a path before the comparison: this one {reason}", start)
        return self.compared(path, comparison)

    def word(self) -> Filter:
        start = self.at
        found = self.bare(_WORD)
        if not found:
            raise self.error("a word or a path with a value", start)
        self.check_end()
        parts = [part for part in found.split("*") if part]
        if len(parts) <= 1:
            return Holds(parts[0]) if parts else All(())
        return Holds("(?is)" + ".*".join(map(_escaped, parts)), is_expression=True)

    def phrase(self, text: str) -> Filter:
        self.check_end()
        return Holds(text) if text else All(())

    def compared(self, path: str, comparison: re.Match[str]) -> Filter:
        """Return the comparison of a path with what follows."""
        operator = comparison[1]
        if operator in (None, "!="):
            equal = self.values(path)
            return Not(equal) if operator else equal
        self.count_term()
        start = self.at
        text = self.quoted() if self.next_is('"') else self.bare(_WORD)
        if not text:
            raise self.error(f"a value after {self.text[comparison.start() : comparison.end()]}", start)
        self.check_end()
        is_quoted = self.text[start] == '"'
        return Compare(path, Op(operator), (text if is_quoted else _typed(text),))

    def values(self, path: str) -> Filter:
        if self.at == len(self.text) or self.text[self.at].isspace() or self.next_is(")"):
            raise self.error(f"a value for {path}")
        if self.next_is("("):
            return self.in_parentheses(lambda: self.value(path), 0)
        return self.value(path)

    def value(self, path: str) -> Filter:
        """Return the comparison with one value: a word, which may have wildcards, a phrase or an expression."""
        self.count_term()
        if expression := self.expression():
            return Compare(path, Op.MATCHES, (expression,))
        if self.next_is('"'):
            text = self.quoted()
            self.check_end()
            return Compare(path, Op.EQUALS, (text,))
        found = self.bare(_WORD)
        if not found:
            raise self.error(f"a value for {path}")
        self.check_end()
        return _with_wildcards(path, found) if "*" in found else Compare(path, Op.EQUALS, (_typed(found),))

    # Tokens

    def bare(self, pattern: re.Pattern[str]) -> str | None:
        match = self.take(pattern)
        return match[0] if match else None

    def check_end(self) -> None:
        """Refuse what follows a value without a space."""
        if self.at < len(self.text) and not self.text[self.at].isspace() and not self.next_is(")"):
            raise self.error("a space")

    def quoted(self) -> str:
        """Return what stands in the quotes that begin here; in them, a backslash stands before a quote or itself."""
        start = self.at
        self.at += 1
        found = []
        while self.at < len(self.text) and not self.next_is('"'):
            if self.next_is('\\"') or self.next_is("\\\\"):
                self.at += 1
            found.append(self.text[self.at])
            self.at += 1
        if self.at == len(self.text):
            raise self.error(f'a " for the " at character {start + 1}')
        self.at += 1
        return "".join(found)

    def expression(self) -> str | None:
        r"""Return the regular expression that stands here between slashes, if one does; `\/` is a slash in it."""
        start = self.at
        match = self.take(_EXPRESSION)
        if match is None:
            return None
        found = match[1].replace("\\/", "/")
        if reason := expression_problem(found):
            raise self.error(f"a regular expression ({reason})", start)
        return found


def expression_problem(text: str) -> str | None:
    """Return what is wrong with a regular expression, if anything is."""
    if _NEWER_GROUP.search(text):
        return "a group's name is written (?P<name>…)"
    options = re2.Options()
    options.log_errors = False
    options.max_mem = EXPRESSION_BYTES
    try:
        re2.compile(text, options)
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0]
        return reason.decode() if isinstance(reason, bytes) else str(reason)
    return None


def expression_of_like(pattern: str) -> str:
    """Return SQL's pattern as an RE2 expression for the whole text."""
    return "(?s)" + "".join(_ANY.get(part, _escaped(part)) for part in re.split("([%_])", pattern))


def _typed(text: str) -> Value:
    """Return a word as a number if it is one."""
    number = number_in(text)
    if number is None:
        return text
    return int(text) if re.fullmatch(r"-?[0-9]+", text) else float(text)


def _with_wildcards(path: str, text: str) -> Filter:
    """Return the comparison with a text in which * stands for anything."""
    if not text.strip("*"):
        return Compare(path, Op.EXISTS)
    first, *middle, last = text.split("*")
    if not any(middle) and not first and not last:
        return Compare(path, Op.EXISTS)
    if not any(middle) and not last:
        return Compare(path, Op.STARTS_WITH, (first,))
    if not any(middle) and not first:
        return Compare(path, Op.ENDS_WITH, (last,))
    if len(middle) == 1 and not first and not last:
        return Compare(path, Op.CONTAINS, (middle[0],))
    return Compare(path, Op.MATCHES, ("(?s)^" + ".*".join(map(_escaped, [first, *middle, last])) + "$",))


def _escaped(text: str) -> str:
    return re2.escape(text)
