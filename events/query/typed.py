"""Members of a query as people type them: `p95(duration) as slow`, `count desc`, lists with commas."""

import re

from events.query.model import Calculation

_CALCULATION = re.compile(r"(?P<op>\w+)(?:\((?P<path>.*)\))?(?: as (?P<alias>.+))?", re.DOTALL)
_ELEMENT = re.compile(r'(?:[^,()"]|\([^()]*\)|"[^"]*"|[()"])+')


def read_calculation(text: str) -> dict[str, str] | None:
    """Return `op`, `op(path)` or `op(path) as alias` as a query has it; None if it is written otherwise."""
    match = _CALCULATION.fullmatch(text)
    return match and {name: value for name, value in match.groupdict().items() if value is not None}


def show_calculation(one: Calculation) -> str:
    """Return a calculation as `read_calculation` reads it."""
    plain = one.op if one.path is None else f"{one.op}({one.path})"
    return plain if plain == one.name else f"{plain} as {one.name}"


def read_order(text: str) -> dict[str, str]:
    """Return `name` or `name desc` as a query has it."""
    return {"by": text.removesuffix(" desc"), "order": "desc" if text.endswith(" desc") else "asc"}


def elements(text: str) -> list[str]:
    """Return what commas separate, but for those in parentheses and in quotation marks."""
    return [found for one in _ELEMENT.findall(text) if (found := one.strip())]
