"""Specs in a folder of YAML files, as the published command line tool has them (docs/api/v0.md, section 5).

Every .yaml and .yml file below the folder is read in the order of names, every document of it is one spec. What is
hidden, or matched by a line of the folder's .evcli-ignore, is left out. There, as in a .gitignore, a line is a pattern
(* ? [abc]) for a name, or with a slash in it for a path from the folder on; one that ends with a slash is for
folders, one that begins with ! takes back what lines before it left out, and # begins a comment. Unlike there, * also
stands for slashes.

Whoever may commit to a deployed folder must not read the machine's other files: what lies outside of it, links
followed, is refused.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from eventlane.wire.errors import Problem
from pipelines.models import Resource
from pipelines.resources.kinds import spec as spec_shape
from pipelines.resources.yaml_text import Allowance, allowance, read_yaml, write_yaml

IGNORE_FILE = ".evcli-ignore"
SUFFIXES = (".yaml", ".yml")


class UnreadableFolder(Exception):
    """Files of a folder can't be read; `reasons` has all of them."""

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__("\n".join(reasons))


@dataclass(frozen=True, slots=True)
class Document:
    """One spec and where it stands: the file's path in the folder, and the document's number in it, from 1."""

    spec: Any
    file: Path
    number: int


def read_folder(folder: Path) -> list[Document]:
    """Return the documents of a folder, sources read into their steps' code; raise UnreadableFolder."""
    documents: list[Document] = []
    reasons: list[str] = []
    allowed = allowance()
    for file in yaml_files(folder):
        try:
            documents += _read_file(folder, file, reasons, allowed)
        except (OSError, ValueError) as error:
            reasons.append(f"{file.relative_to(folder)}: {_reason(error)}")
    if reasons:
        raise UnreadableFolder(reasons)
    return documents


def yaml_files(folder: Path) -> list[Path]:
    """Return the files that a deployment of the folder reads, in order; raise UnreadableFolder when it isn't one."""
    try:
        return list(_walk(folder, folder, _patterns(folder)))
    except (OSError, ValueError) as error:
        raise UnreadableFolder([f"{folder}: {_reason(error)}"]) from None


def write_folder(folder: Path, specs: Iterable[Mapping[str, Any]]) -> list[Path]:
    """Write a file for each spec, type/name.yaml, and return their paths. Read again they are the same specs."""
    written = []
    for spec in specs:
        file = folder / spec["type"] / f"{spec['name']}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(spec_text(spec), encoding="utf-8", newline="\n")
        written.append(file)
    return written


def spec_text(spec: Mapping[str, Any]) -> str:
    """Return a stored spec as YAML, its members in the order in which people write them."""
    problems: list[Problem] = []
    ordered = spec_shape(spec, "", problems)
    return write_yaml(dict(spec) if problems else ordered)  # an older version may have taken what this one doesn't


def _walk(root: Path, folder: Path, patterns: list[str]) -> Iterator[Path]:
    for entry in sorted(folder.iterdir(), key=lambda path: path.name):
        is_folder = entry.is_dir() and not entry.is_symlink()  # a link could lead round in a circle
        if entry.name.startswith(".") or _is_ignored(entry.relative_to(root).as_posix(), is_folder, patterns):
            continue
        if is_folder:
            yield from _walk(root, entry, patterns)
        elif entry.suffix in SUFFIXES and (entry.is_file() or entry.is_symlink()):
            yield entry


def _patterns(folder: Path) -> list[str]:
    file = folder / IGNORE_FILE
    if not os.path.lexists(file):
        return []
    lines = [line.strip() for line in _read_inside(folder, file).decode().splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def _is_ignored(path: str, is_folder: bool, patterns: list[str]) -> bool:
    ignored = False
    for line in patterns:
        pattern = line.removeprefix("!")
        if pattern.endswith("/") and not is_folder:
            continue
        pattern = pattern.rstrip("/")
        name = path if "/" in pattern else path.rpartition("/")[2]
        if fnmatchcase(name, pattern.lstrip("/")):
            ignored = not line.startswith("!")
    return ignored


def _read_file(folder: Path, file: Path, reasons: list[str], allowed: Allowance) -> list[Document]:
    name = file.relative_to(folder)
    specs = read_yaml(_read_inside(folder, file).decode("utf-8-sig"), allowed)
    documents = [Document(spec, name, number) for number, spec in enumerate(specs, 1)]
    for document in documents:
        for index, step in enumerate(_steps(document.spec)):
            try:
                _read_source(step, folder, file.parent)
            except (OSError, ValueError) as error:
                place = f"document {document.number}, /data/steps/{index}/source"
                reasons.append(f"{name}: {place}: can't read {step['source']!r}: {_reason(error)}")
    return documents


def _steps(spec: Any) -> list[dict[str, Any]]:
    """Return the steps of a task, none of anything else."""
    data = spec.get("data") if isinstance(spec, dict) and spec.get("type") == Resource.Type.TASK else None
    steps = data.get("steps") if isinstance(data, dict) else None
    return steps if isinstance(steps, list) and all(isinstance(step, dict) for step in steps) else []


def _read_source(step: dict[str, Any], root: Path, folder: Path) -> None:
    """Put the file that a step names into its code. An exported step has its code already, and keeps it."""
    if isinstance(step.get("source"), str) and step.get("code") is None:
        step["code"] = _read_inside(root, folder / step["source"]).decode()


def _read_inside(root: Path, file: Path) -> bytes:
    """Return what a file holds; raise ValueError when it lies outside of `root`, links followed, or is no file."""
    real = Path(os.path.realpath(file))
    if not real.is_relative_to(os.path.realpath(root)):
        raise ValueError("it lies outside of the deployed folder")
    if real.exists() and not (real.is_file() or real.is_dir()):
        raise ValueError("it is no file")  # a pipe would be waited for
    return real.read_bytes()


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
