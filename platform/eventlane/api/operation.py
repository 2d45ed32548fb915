"""What a view adds to /v0/openapi.json where the code alone isn't enough."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventlane.api.serializers import Representation, RequestBody
from eventlane.wire.errors import JSON


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter. `schema` is its JSON schema."""

    name: str
    description: str
    schema: Mapping[str, Any]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """What one action of a view takes and returns, apart from what all routes share.

    `body` and `reply` may be JSON schemas. `reply` defaults to the view's own serializer; an action named `list`
    returns a page of it, one with `many` an array. `errors` are additional codes by status:
    {400: ("duplicate_project_name",)}. `nouns` name the objects in the path if the path's own words don't.
    `page_members` are JSON schemas of additional members of a page. A reply that isn't JSON is text or a
    file; if `reply_types` has several, the body chooses.
    """

    status: int = 200
    body: type[RequestBody] | Mapping[str, Any] | None = None
    reply: type[Representation] | Mapping[str, Any] | None = None
    errors: Mapping[int, tuple[str, ...]] | None = None
    parameters: tuple[Parameter, ...] = ()
    many: bool = False
    nouns: tuple[str, ...] = ()
    body_type: str = JSON
    reply_types: tuple[str, ...] = (JSON,)
    page_members: Mapping[str, Any] | None = None
