"""Nested keys as a tree: the structure that DuckDB reads JSON into, and the SQL that reaches into what it has read."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

Tree = dict[str, Any]  # by key: a tree, or the type of what is there; "0" alone stands for the first of an array


def plant(tree: Tree, keys: Sequence[str], kind: str) -> None:
    """Add what stands along the keys."""
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
    tree[keys[-1]] = kind


def structure(tree: Tree) -> str:
    """Return the structure for json_transform."""
    return json.dumps(_structure(tree))


def reach(sql: str, tree: Tree, keys: Sequence[str]) -> str:
    """Return the SQL of what stands along the keys in the struct `sql`."""
    for key in keys:
        sql = f"{sql}[1]" if key == "0" else f"struct_extract_at({sql}, {list(tree).index(key) + 1})"
        tree = tree[key]
    return sql


def pointer(keys: Iterable[str]) -> str:
    """Return the JSON pointer along the keys."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def quoted(text: str) -> str:
    """Return one of our own texts for SQL."""
    return f"'{text}'"


def _structure(tree: Any) -> Any:
    if isinstance(tree, str):
        return tree
    if "0" in tree:
        return [_structure(tree["0"])]
    return {key: _structure(inner) for key, inner in tree.items()}
