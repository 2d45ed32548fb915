"""Filters as users write them: KEY=VALUE, or "KEY"=VALUE for a key that is empty or contains a `=`."""

from json import JSONDecoder

EXAMPLE = 'KEY=VALUE, like level=error or "a=b"=c'
PATTERN = r'^("([^"\\]|\\["\\/bfnrt])*"|[^="][^=]*)='  # for the API description


def read_filter(text: str) -> tuple[str, str]:
    """Return key and value; raise ValueError if there is no key. A key in quotation marks is a JSON string."""
    if text.startswith('"'):
        key, end = JSONDecoder(strict=False).raw_decode(text)
        equals, value = text[end : end + 1], text[end + 1 :]
    else:
        key, equals, value = text.partition("=")
        equals = key and equals
    if equals != "=":
        raise ValueError(f"{text!r} is not {EXAMPLE}")
    return key, value
