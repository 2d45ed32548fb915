"""The search line: what it means, and where it is wrong."""

import pytest

from events.query.model import All, Any, Compare, Filter, Holds, Not, Op
from events.query.search import InvalidSearch, parse_search


def equal(path: str, value: str | int | float) -> Compare:
    return Compare(path, Op.EQUALS, (value,))


ERROR = equal("level", "error")

MEANINGS: dict[str, Filter] = {
    "": All(()),
    "  ": All(()),
    "*": All(()),
    "level:error": ERROR,
    "level=error": ERROR,
    " level:error  timeout ": All((ERROR, Holds("timeout"))),
    "level:error AND timeout": All((ERROR, Holds("timeout"))),
    "level:error OR timeout": Any((ERROR, Holds("timeout"))),
    "a b OR c d": Any((All((Holds("a"), Holds("b"))), All((Holds("c"), Holds("d"))))),
    "a (b OR c)": All((Holds("a"), Any((Holds("b"), Holds("c"))))),
    "-level:error": Not(ERROR),
    "NOT level:error": Not(ERROR),
    "NOT (a b)": Not(All((Holds("a"), Holds("b")))),
    "-(a OR b)": Not(Any((Holds("a"), Holds("b")))),
    "--a": Holds("a"),
    "or and not": All((Holds("or"), Holds("and"), Holds("not"))),
    '"OR"': Holds("OR"),
    "service:(api OR web)": Any((equal("service", "api"), equal("service", "web"))),
    "tags:(a -b)": All((equal("tags", "a"), Not(equal("tags", "b")))),
    "n:(1 OR -5)": Any((equal("n", 1), equal("n", -5))),
    "-region:eu-west-1": Not(equal("region", "eu-west-1")),
    "status:404": equal("status", 404),
    "status:4.5": equal("status", 4.5),
    "status:-1": equal("status", -1),
    "zip:01234": equal("zip", "01234"),
    'status:"404"': equal("status", "404"),
    'message:"two words"': equal("message", "two words"),
    r'message:"a \"quote\" and a \\ and \n"': equal("message", 'a "quote" and a \\ and \\n'),
    "http.status>=500": Compare("http.status", Op.AT_LEAST, (500,)),
    "http.status:>=500": Compare("http.status", Op.AT_LEAST, (500,)),
    "n<5": Compare("n", Op.LESS, (5,)),
    "n<=5": Compare("n", Op.AT_MOST, (5,)),
    "n:>5": Compare("n", Op.GREATER, (5,)),
    "n > 5": All((Holds("n"), Holds(">"), Holds("5"))),
    'version>"1.10"': Compare("version", Op.GREATER, ("1.10",)),
    "n!=5": Not(equal("n", 5)),
    "n!=(5 OR 6)": Not(Any((equal("n", 5), equal("n", 6)))),
    '"connection reset"': Holds("connection reset"),
    "trace_id:*": Compare("trace_id", Op.EXISTS),
    "-trace_id:*": Not(Compare("trace_id", Op.EXISTS)),
    "path:pre*": Compare("path", Op.STARTS_WITH, ("pre",)),
    "path:*post": Compare("path", Op.ENDS_WITH, ("post",)),
    "path:*mid*": Compare("path", Op.CONTAINS, ("mid",)),
    "path:a*b.c": Compare("path", Op.MATCHES, (r"(?s)^a.*b\.c$",)),
    'path:"a*"': equal("path", "a*"),
    "path:/^a b+/": Compare("path", Op.MATCHES, ("^a b+",)),
    r"path:/a\/b/": Compare("path", Op.MATCHES, ("a/b",)),
    "url:/api/users": equal("url", "/api/users"),
    "/time(d)? out/": Holds("time(d)? out", is_expression=True),
    "/api/users": Holds("/api/users"),
    "conn*": Holds("conn"),
    "conn*reset": Holds("(?is)conn.*reset", is_expression=True),
    '"odd key":5': equal("odd key", 5),
    '"a:b">5': Compare("a:b", Op.GREATER, (5,)),
    "/a/b:5": equal("/a/b", 5),
    "time:12:30": equal("time", "12:30"),
    "http://x.org/a=b": equal("http", "//x.org/a=b"),
    "level:error service:(api OR web) -region:eu-west-1 http.status>=500": All(
        (
            ERROR,
            Any((equal("service", "api"), equal("service", "web"))),
            Not(equal("region", "eu-west-1")),
            Compare("http.status", Op.AT_LEAST, (500,)),
        )
    ),
}


@pytest.mark.parametrize("line", MEANINGS)
def test_line_means(line: str) -> None:
    assert parse_search(line) == MEANINGS[line]


@pytest.mark.parametrize(
    ("line", "position", "expected"),
    [
        ("level:", 7, "a value for level"),
        ("level: error", 7, "a value for level"),
        ("a (b", 5, "a ) for the ( at character 3"),
        ("a b)", 4, "a word, a path with a value, or the end"),
        ("()", 2, "a word or a path with a value"),
        ("a OR", 5, "a word or a path with a value"),
        ("OR a", 1, "a word or a path with a value"),
        ("a AND", 6, "a word or a path with a value"),
        ("NOT", 4, "a word or a path with a value"),
        ("a -", 4, "what must not be there, without a space after the -"),
        ("a - b", 4, "what must not be there, without a space after the -"),
        ('message:"two words', 19, 'a " for the " at character 9'),
        ('"a"b', 4, "a space"),
        ('a:"b"c', 6, "a space"),
        ("main()", 5, "a space"),
        ("n>", 3, "a value after >"),
        ("n:>(1)", 4, "a value after :>"),
        ("path:/a(/", 6, "a regular expression"),
        (r"path:/\pL{1,300}/", 6, "a regular expression (pattern too large - compile failed)"),
        ('"":5', 1, "a path before the comparison: this one is empty"),
        ("(" * 11 + "a" + ")" * 11, 12, "no more than 10 parentheses within each other"),
        ("a " * 101, 201, "no more than 100 terms"),
        ("a" * 32_769, 32_769, "the end: a line has up to 32,768 characters"),
    ],
)
def test_error_says_where_and_what_was_expected(line: str, position: int, expected: str) -> None:
    with pytest.raises(InvalidSearch) as raised:
        parse_search(line)
    assert raised.value.position == position
    assert raised.value.expected.startswith(expected)
    assert str(position) in str(raised.value)
