"""What a view says of its routes for /v0/openapi.json, where the code alone doesn't tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventlane.api.serializers import Representation, RequestBody


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter. `schema` is its JSON schema."""

    name: str
    description: str
    schema: Mapping[str, Any]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """What one action of a view takes and gives, apart from what all routes have in common.

    `reply` is the view's own serializer unless given; an action named `list` gives a page of it. `errors` are
    further codes by status: {400: ("duplicate_project_name",)}.
    """

    status: int = 200
    body: type[RequestBody] | None = None
    reply: type[Representation] | None = None
    errors: Mapping[int, tuple[str, ...]] | None = None
    parameters: tuple[Parameter, ...] = ()
