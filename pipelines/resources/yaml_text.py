"""Specs as YAML, read and written so that a spec stays exactly the same.

Plain scalars are read like in YAML 1.2 and the published command line tool: `on`, `12:30` and `2026-01-31` are texts.
Such texts are written with quotes, since other programs read them differently.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import yaml
from django.conf import settings

from eventlane.json_pointer import members
from eventlane.one_line import one_line

# What YAML 1.2's core schema makes of a plain scalar: tag, pattern, and possible first characters.
CORE = {
    "null": (re.compile(r"~|null|Null|NULL|"), ["~", "n", "N", ""]),
    "bool": (re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF")),
    "int": (re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"), list("-+0123456789")),
    "float": (
        re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
        list("-+.0123456789"),
    ),
    "merge": (re.compile("<<"), ["<"]),
}
MERGE = "tag:yaml.org,2002:merge"
UNUSUAL_BREAK = re.compile("[\r\x85\u2028\u2029]")  # read as \n or dropped unless escaped
COUNTLESS = 1 << 40  # counted no further: exact numbers would grow with the depth
UNLIMITED = 1 << 30  # columns: long lines aren't folded


class InvalidYaml(ValueError):
    """A text isn't YAML, or contains what JSON can't express."""


@dataclass
class Allowance:
    """How many more values and keys may be read, with aliases and merges expanded: few lines can mean billions."""

    left: int


def allowance() -> Allowance:
    """Return the allowance of one deployment."""
    return Allowance(settings.EVENTLANE_MAX_DEPLOYED_VALUES)


class _Loader(yaml.SafeLoader):
    """Reads scalars like YAML 1.2. Refuses duplicate keys and values that contain themselves."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}
    allowance: Allowance

    def compose_document(self) -> yaml.Node:
        """Read a document, and count its values before aliases and merges are expanded."""
        node: Any = super().compose_document()
        self.allowance.left -= _weight(node, {})
        if self.allowance.left < 0:
            most = f"{settings.EVENTLANE_MAX_DEPLOYED_VALUES} values (EVENTLANE_MAX_DEPLOYED_VALUES)"
            problem = f"up to here there are more than {most}, with aliases expanded"
            raise yaml.composer.ComposerError(None, None, problem, node.end_mark)
        found: yaml.Node = node
        return found

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Build everything at once, so that PyYAML notices a value that contains itself."""
        return super().construct_object(node, deep=True)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        """Build an object."""
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            if key.value in keys:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} occurs twice", key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and never aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        """Write repeated values in full."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent arrays."""
        super().increase_indent(flow, False)


def _weight(node: yaml.Node, known: dict[yaml.Node, int]) -> int:
    """Return how many nodes a node expands to, visiting each once. One that contains itself is refused later."""
    if node not in known:
        known[node] = 1
        parts: Iterable[yaml.Node] = ()
        if isinstance(node, yaml.MappingNode):
            parts = chain.from_iterable(node.value)
        elif isinstance(node, yaml.SequenceNode):
            parts = node.value
        known[node] = min(1 + sum(_weight(part, known) for part in parts), COUNTLESS)
    return known[node]


def _read_integer(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    text = node.value
    number = int(text, {"0o": 8, "0x": 16}.get(text[:2], 10)) if len(text) < 400 else float(text)
    return number if abs(number) < 2**64 else float(number)  # like JSON readers do


def _read_float(loader: _Loader, node: yaml.ScalarNode) -> float:
    return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _write_text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if UNUSUAL_BREAK.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


for _name, (_pattern, _first) in CORE.items():
    _tag = f"tag:yaml.org,2002:{_name}"
    _whole = re.compile(rf"(?:{_pattern.pattern})\Z")
    _Loader.add_implicit_resolver(_tag, _whole, _first)
    _Dumper.add_implicit_resolver(_tag, _whole, _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _read_integer)
_Loader.add_constructor("tag:yaml.org,2002:float", _read_float)
_Dumper.add_representer(str, _write_text)


def read_yaml(text: str, allowed: Allowance | None = None) -> Iterator[Any]:
    """Yield the value of each document; raise InvalidYaml at the first that is invalid or exceeds the allowance."""
    try:
        yield from _values(text, allowed or allowance())
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise InvalidYaml(f"{place}{error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InvalidYaml(f"line {line}: the character {text[error.position]!a} must be escaped") from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise InvalidYaml(one_line(error)) from None
    except RecursionError:
        raise InvalidYaml("it is nested too deeply") from None


def _values(text: str, allowed: Allowance) -> Iterator[Any]:
    loader = _Loader(text)
    loader.allowance = allowed
    try:
        while loader.check_data():
            yield loader.get_data()
    finally:
        loader.dispose()


def places_of(text: str, pointers: Iterable[str]) -> list[int]:
    """Return the lines, from 1, on which the pointers' values begin in a text with one document.

    If there is nothing at a pointer, it is the line of what should contain it. Raises InvalidYaml.
    """
    loader = _Loader(text)
    loader.allowance = allowance()
    try:
        root = loader.get_single_node()
    except yaml.YAMLError as error:
        raise InvalidYaml(one_line(error)) from None
    finally:
        loader.dispose()
    return [_line_of(root, pointer) for pointer in pointers]


def _line_of(node: Any, pointer: str) -> int:
    line = 1
    for member in members(pointer):
        found = _below(node, member)
        if found is None:
            break
        mark, node = found
        line = mark.line + 1
    return line


def _below(node: Any, member: str) -> "tuple[yaml.Mark, yaml.Node] | None":
    """Return where a member or an element begins, with its name, and its node."""
    if isinstance(node, yaml.MappingNode):
        return next(((key.start_mark, value) for key, value in node.value if key.value == member), None)
    if isinstance(node, yaml.SequenceNode) and member.isdecimal() and int(member) < len(node.value):
        element = node.value[int(member)]
        return element.start_mark, element
    return None


def write_yaml(value: Any, *, compact: bool = False) -> str:
    """Return a value as a document, with objects in their order; if compact, with the innermost on one line."""
    style = None if compact else False
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=UNLIMITED, default_flow_style=style
    )
    return text
