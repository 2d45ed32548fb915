"""Kinds of specs that other apps add when they start: deployed, listed and read like pipelines' own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipelines.models import Resource
from pipelines.resources.shapes import Shape


@dataclass(frozen=True, slots=True)
class Link:
    """Where a resource's page in the console leads. The note says what to know before going there."""

    title: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class AddedKind:
    """A kind of spec: what its data must look like, what its page in docs/specs says, and where its resources lead."""

    data: Shape
    example: str
    meanings: Mapping[str, str]
    link: Callable[[Resource], Link]


ADDED: dict[str, AddedKind] = {}


def add_kind(kind: Resource.Type, added: AddedKind) -> None:
    """Let specs of this kind be deployed."""
    ADDED[kind.value] = added
