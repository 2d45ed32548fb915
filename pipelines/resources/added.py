"""Kinds of specs that other apps add when they start: deployed, listed and read like pipelines' own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipelines.models import Resource
from pipelines.resources.shapes import Shape


@dataclass(frozen=True, slots=True)
class Link:
    """Where a resource's page in the console leads. The note says what to know before going there."""

    title: str
    url: str
    note: str = ""


class Reference(NamedTuple):
    """What a spec names: a spec of another kind in the same set, or an `identity`; and where in its data."""

    kind: str
    name: str | None  # None: it isn't a text, which is reported already
    pointer: str


def _nothing(data: Any) -> Iterable[Reference]:
    return ()


def _ignore(resources: Sequence[Resource]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class AddedKind:
    """A kind of spec: what its data must look like, what its page in docs/specs says, and where its resources lead.

    `page_link` is the link on a resource's own page, if that takes a query, which lists do without.
    `limit` is the setting that says how many a project may have. `references` tells what data names. `deployed` gets
    new and changed resources, in the transaction that deploys or saves them.
    """

    data: Shape
    example: str
    meanings: Mapping[str, str]
    link: Callable[[Resource], Link | None]
    limit: str = ""
    references: Callable[[Any], Iterable[Reference]] = _nothing
    deployed: Callable[[Sequence[Resource]], None] = _ignore
    page_link: Callable[[Resource], Link | None] | None = None


ADDED: dict[str, AddedKind] = {}


def add_kind(kind: Resource.Type, added: AddedKind) -> None:
    """Let specs of this kind be deployed."""
    ADDED[kind.value] = added
