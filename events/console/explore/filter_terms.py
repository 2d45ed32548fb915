"""Filters of a query as a search line, where one asks for exactly the same."""

from events.console.explore.terms import PLAIN_PATH, open_to_more, quoted, with_term
from events.query.model import ORDERINGS, All, Any, Compare, Filter, Not, Op, Value
from events.query.search import InvalidSearch, parse_search


def with_filters(q: str, filters: Filter) -> str | None:
    """Return a search line that finds what `q` finds and the filters accept; None if none can say that."""
    wanted = [_plain(one) for one in (filters.parts if isinstance(filters, All) else (filters,))]
    texts = [_text(one) for one in wanted]
    try:
        if any(parse_search(text) != one for text, one in zip(texts, wanted, strict=True)):
            return None
        line = open_to_more(q)
        for text in texts:
            line = with_term(line, text)
        parse_search(line)  # it may have too many terms
    except InvalidSearch:
        return None
    return line


def _plain(found: Filter) -> Filter:
    """Return the same filter in the words of a search line: alternatives for `in`, booleans as text."""
    match found:
        case Compare(path, Op.IN, values):
            return _one(Any(tuple(_plain(Compare(path, Op.EQUALS, (value,))) for value in values)))
        case Compare(path, Op.EQUALS, (bool() as value,)):
            return Compare(path, Op.EQUALS, (str(value).lower(),))
        case All(parts):
            return _one(All(tuple(map(_plain, parts))))
        case Any(parts):
            return _one(Any(tuple(map(_plain, parts))))
        case Not(part):
            return Not(_plain(part))
    return found


def _one(found: All | Any) -> Filter:
    return found.parts[0] if len(found.parts) == 1 else found


def _text(found: Filter) -> str:
    """Return what may be the line of a filter; whoever asks parses it to see."""
    match found:
        case All(parts):
            return f"({' '.join(map(_text, parts))})"
        case Any(parts):
            return f"({' OR '.join(map(_text, parts))})"
        case Not(part):
            return f"-{_text(part)}"
        case Compare(path, op, values):
            return (path if PLAIN_PATH.fullmatch(path) else quoted(path)) + _comparison(op, values)
    return ""  # no filter looks for words


def _comparison(op: Op, values: tuple[Value, ...]) -> str:
    value = "".join(map(str, values))  # one, or none
    typed = quoted(value) if any(isinstance(one, str) for one in values) else value
    match op:
        case Op.EXISTS:
            return ":*"
        case Op.CONTAINS:
            return f":*{value}*"
        case Op.STARTS_WITH:
            return f":{value}*"
        case Op.ENDS_WITH:
            return f":*{value}"
        case Op.MATCHES:
            escaped = value.replace("/", r"\/")
            return f":/{escaped}/"
        case _ if op in ORDERINGS:
            return f"{op.value}{typed}"
        case Op.EQUALS:
            return f":{typed}"
    return ""
