"""Specs in a folder of YAML files, in the format of the published command line tool (docs/api/v0.md, section 5).

All .yaml and .yml files below the folder are read in the order of their names; each document is a spec. Hidden files
and those that match a line of the folder's .evcli-ignore are skipped. As in a .gitignore, a line is a pattern
(* ? [abc]) for a name, or with a slash in it for a path relative to the folder. A slash at the end means folders only,
a ! at the start re-includes what earlier lines excluded, and # starts a comment. Unlike there, * also matches slashes.

Somebody who can commit to a deployed folder must not be able to read the machine's other files: anything outside the
folder is refused, with links followed.
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
    """Files of a folder can't be read; `reasons` lists all of them."""

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__("\n".join(reasons))


@dataclass(frozen=True, slots=True)
class Document:
    """One spec and its place: the file's path in the folder, and the document's number in the file, from 1."""

    spec: Any
    file: Path
    number: int


def read_folder(folder: Path) -> list[Document]:
    """Return the documents of a folder, with sources read into their steps' code; raise UnreadableFolder."""
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
    """Return the files that a deployment of the folder reads, in order; raise UnreadableFolder if it isn't a folder."""
    try:
        return list(_walk(folder, folder, _patterns(folder)))
    except (OSError, ValueError) as error:
        raise UnreadableFolder([f"{folder}: {_reason(error)}"]) from None


def write_folder(folder: Path, specs: Iterable[Mapping[str, Any]]) -> list[Path]:
    """Write each spec to a file type/name.yaml and return the paths. Reading them returns the same specs."""
    written = []
    for spec in specs:
        file = folder / spec["type"] / f"{spec['name']}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(spec_text(spec), encoding="utf-8", newline="\n")
        written.append(file)
    return written


def spec_text(spec: Mapping[str, Any], *, compact: bool = False) -> str:
    """Return a stored spec as YAML, with members in the order that people use; see write_yaml."""
    problems: list[Problem] = []
    ordered = spec_shape(spec, "", problems)
    return write_yaml(
        dict(spec) if problems else ordered, compact=compact
    )  # an older version may have accepted what this one doesn't


def _walk(root: Path, folder: Path, patterns: list[str]) -> Iterator[Path]:
    for entry in sorted(folder.iterdir(), key=lambda path: path.name):
        is_folder = entry.is_dir() and not entry.is_symlink()  # a link could lead in a circle
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
    """Return the steps of a task, or none for anything else."""
    data = spec.get("data") if isinstance(spec, dict) and spec.get("type") == Resource.Type.TASK else None
    steps = data.get("steps") if isinstance(data, dict) else None
    return steps if isinstance(steps, list) and all(isinstance(step, dict) for step in steps) else []


def _read_source(step: dict[str, Any], root: Path, folder: Path) -> None:
    """Put the file that a step names into its code. An exported step already has its code and keeps it."""
    if isinstance(step.get("source"), str) and step.get("code") is None:
        step["code"] = _read_inside(root, folder / step["source"]).decode()


def _read_inside(root: Path, file: Path) -> bytes:
    """Return a file's content; raise ValueError if it is outside `root`, following links, or not a regular file."""
    real = Path(os.path.realpath(file))
    if not real.is_relative_to(os.path.realpath(root)):
        raise ValueError("it is outside the deployed folder")
    if real.exists() and not (real.is_file() or real.is_dir()):
        raise ValueError("it is not a regular file")  # reading a pipe would block
    return real.read_bytes()


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
