"""Builds the OpenAPI description: what each route takes and returns (docs/api/v0.md, sections 1 to 4).

Serializers, routes and cursors describe themselves; views add an Operation for the rest. The Events API isn't
built on DRF: its app appends its own paths (`events.api.schema`).
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from inspect import cleandoc, getdoc
from typing import Any

from django.conf import settings
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from rest_framework.serializers import ListField, SerializerMethodField

from eventlane.api.operation import Operation
from eventlane.api.permissions import Public
from eventlane.api.serializers import IdField, Representation, RequestBody
from eventlane.api.viewsets import ApiViewSet
from eventlane.names import NAME
from eventlane.wire.errors import JSON

Schema = dict[str, Any]

ID = IdField.openapi | {"example": "23BxCU5Dh90B3XVF4UrkWrnjdCO"}
UUID = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
PROJECT_HEADER = "X-Eventline-Project-Id"
STATUSES = {
    200: "The requested data.",
    201: "Created.",
    204: "Done. There is no body.",
    400: "The request is invalid.",
    401: "The API key is missing or invalid.",
    403: "The key lacks the right.",
    404: "Not found, or it belongs to another organization.",
    413: "The body is too large.",
    500: "Internal error.",
    503: "Temporarily unavailable. Try again in a moment.",
}


class ApiSchema(AutoSchema):
    """Describes one route of an ApiViewSet."""

    view: ApiViewSet  # type: ignore[override]  # it describes no others

    # The route

    def get_operation_id(self) -> str:
        """Return method and path as one name: get_projects_by_name for /projects/{name}."""
        words = [self.method.lower()]
        for part in self._parts():
            variable = part.strip("{}")
            if variable == part:
                words.append(part.removesuffix(".json"))
            elif words[-1] != variable:
                words.append(f"by_{variable}")
        return "_".join(words)

    def get_summary(self) -> str:
        """Return the first sentence of the action's docstring."""
        return self._documentation()[0]

    def get_description(self) -> str:  # type: ignore[override]  # as spectacular calls it
        """Return the rest of the docstring."""
        return self._documentation()[1]

    def get_tags(self) -> list[str]:
        """Return the collection the route belongs to, derived from the view's name."""
        words = re.findall("[A-Z][a-z]+", type(self.view).__name__.removesuffix("ViewSet"))
        return [" ".join(words).capitalize().replace("Api", "API")]

    def get_auth(self) -> list[Schema]:
        """Return the required authentication, if any."""
        return [] if self._is_public() else [{"bearer": []}]

    # What it takes

    def _get_parameters(self) -> list[Schema]:
        return [*self._path_parameters(), *self._header_parameters(), *self._query_parameters()]

    def _path_parameters(self) -> list[Schema]:
        return [
            {"name": name, "in": "path", "required": True, "schema": self._variable(name)}
            for name in re.findall(r"{(\w+)}", self.path)
        ]

    def _variable(self, name: str) -> Schema:
        if name == "id":
            return ID
        if name.endswith("_id"):
            return {"type": "string", "format": "uuid", "pattern": UUID}
        if name == "key":
            return {"type": "string", "minLength": 1, "pattern": r"^[^\u0000]+$"}
        return {"type": "string", "pattern": f"^{NAME.pattern}$"}

    def _header_parameters(self) -> list[Schema]:
        if not self._needs_project():
            return []
        description = "The project to work on."
        return [{"name": PROJECT_HEADER, "in": "header", "required": True, "schema": ID, "description": description}]

    def _query_parameters(self) -> list[Schema]:
        filters = getattr(self.view, "filterset_class", None) if self._is_list() else None
        found = list(_cursor_parameters(["id", *self.view.sorts])) if self._is_list() else []
        for name, one in filters.base_filters.items() if filters else ():
            required = one.extra.get("required", False)
            found.append(_query(name, one.label, one.openapi, required=required))
        for one in self._operation().parameters:
            found.append(_query(one.name, one.description, one.schema, required=one.required))
        return found

    def get_request_serializer(self) -> Any:
        """Return what the action takes: a serializer, or a schema for each content type."""
        body = self._operation().body
        return {self._operation().body_type: dict(body)} if isinstance(body, Mapping) else body

    def _get_request_for_media_type(self, serializer: Any, direction: str = "request") -> tuple[Schema | None, bool]:
        """Describe a body and whether it is required. It is, too, if one of its optional members must be present."""
        schema, needed = super()._get_request_for_media_type(serializer, direction)
        return schema, needed or getattr(serializer, "needs_a_member", False)

    def map_parsers(self) -> list[str]:
        """Return JSON only, although the Content-Type is ignored."""
        return [JSON]

    # What it gives

    def _get_response_bodies(self, direction: str = "response") -> Schema:
        operation = self._operation()
        success: Schema = {"description": STATUSES[operation.status]}
        if operation.status != 204:
            success["content"] = {one: {"schema": self._reply()} for one in operation.reply_types}
        errors = {str(status): _error(status, codes) for status, codes in sorted(self._errors().items())}
        return {str(operation.status): success} | errors

    def _reply(self) -> Schema:
        if JSON not in self._operation().reply_types:
            return {"type": "string"}
        serializer = self._operation().reply or self.view.serializer_class
        if isinstance(serializer, Mapping):
            return dict(serializer)
        if serializer is None:
            return {"type": "object"}
        reference = self.resolve_serializer(serializer, "response").ref
        if self._operation().many:
            return {"type": "array", "items": reference}
        if not self._is_list():
            return reference
        cursor = {"$ref": "#/components/schemas/Cursor"}
        properties = {"elements": {"type": "array", "items": reference}, "previous": cursor, "next": cursor}
        more = self._operation().page_members or {}
        return {"type": "object", "required": ["elements"], "properties": {**properties, **more}}

    def _errors(self) -> dict[int, list[str]]:
        """Return the route's error codes by status (docs/api/v0.md, section 1.2)."""
        codes: dict[int, list[str]] = defaultdict(list)
        codes[500].append("internal_error")
        if not self._is_public():
            codes[401] += ["authentication_required", "unknown_api_key"]
            codes[403] += ["account_disabled", "organization_disabled", "permission_denied"]
            codes[503].append("service_unavailable")
        if self._needs_project():
            codes[400] += ["missing_project_id", "invalid_project_id", "unknown_project"]
        if "{" in self.path:
            codes[404] += ["route_not_found", *self._unknown()]
        if re.search(r"{(\w+_)?id}", self.path):
            codes[400].append("invalid_route_variable")
        if self._query_parameters():
            codes[400].append("invalid_query_parameter")
        if self._operation().body:
            codes[400].append("invalid_request_body")
            codes[413].append("request_too_large")
        for status, more in (self._operation().errors or {}).items():
            codes[status] += more
        return codes

    def _unknown(self) -> list[str]:
        """Return the codes for unknown objects in the path: unknown_dataset, unknown_event."""
        nouns = self._operation().nouns or re.findall(r"(\w+)s/(?:(?:id|name)/)?{", self.path)
        return [f"unknown_{re.sub('ie$', 'y', noun)}" for noun in nouns]

    # Serializers

    def _map_serializer_field(self, field: Any, direction: str, bypass_extensions: bool = False) -> Schema | None:
        """Let the field describe itself first: ours have `openapi`."""
        own = getattr(field, "openapi", None)
        if own is None:
            schema: Schema = super()._map_serializer_field(field, direction, bypass_extensions)
            if isinstance(field, ListField):
                schema = schema | {"minItems": 0 if field.allow_empty else 1}
            return _without(schema, "x-spec-enum-id")
        return dict(own) | ({"description": field.help_text} if field.help_text else {})

    def _insert_field_validators(self, field: Any, schema: Schema) -> None:
        if not hasattr(field, "openapi"):
            super()._insert_field_validators(field, schema)

    def get_serializer_name(self, serializer: Any, direction: str) -> str:
        """Return the noun: Dataset for DatasetRepresentation."""
        return type(serializer).__name__.removesuffix("Representation")

    def _map_basic_serializer(self, serializer: Any, direction: str) -> Schema:
        """Describe null as absent in requests; replies never contain null."""
        schema: Schema = super()._map_basic_serializer(serializer, direction)
        required = set(schema.get("required", ()))
        for name, member in schema["properties"].items():
            if isinstance(serializer, RequestBody) and name not in required:
                _allow_null(member)
            elif isinstance(serializer, Representation) and _forbid_null(member):
                required.discard(name)
            if isinstance(serializer.fields[name], SerializerMethodField):
                member.pop("readOnly", None)
                member.pop("description", None)  # its docstring is for readers of the code
        if isinstance(serializer, RequestBody):
            schema["additionalProperties"] = {"type": "null"}
            if serializer.needs_a_member:
                text = {"type": "string"}
                schema["anyOf"] = [{"required": [name], "properties": {name: text}} for name in schema["properties"]]
        return schema | ({"required": sorted(required)} if required else {})

    # The view

    def _operation(self) -> Operation:
        return self.view.operations.get(self.view.action, Operation())

    def _documentation(self) -> tuple[str, str]:
        first, _, rest = cleandoc(getdoc(getattr(self.view, self.view.action)) or "").partition("\n")
        return first, rest.strip()

    def _parts(self) -> list[str]:
        return self.path.removeprefix("/v0").strip("/").split("/")

    def _is_list(self) -> bool:
        return self.view.action == "list"

    def _is_public(self) -> bool:
        return Public in self.view.permission_classes

    def _needs_project(self) -> bool:
        return type(self.view).select_project is not ApiViewSet.select_project


@cache
def openapi_schema() -> Schema:
    """Return the whole description. Routes don't change while a process runs."""
    return SchemaGenerator().get_schema(request=None, public=True)


def complete(result: Schema, **context: Any) -> Schema:
    """Add what spectacular leaves out: HEAD, and the components that descriptions refer to."""
    status = result["paths"]["/v0/status"]
    public = {name: value for name, value in status["get"].items() if name in ("tags", "summary")}
    answers = {"200": {"description": STATUSES[200]}, "500": {"description": STATUSES[500]}}
    status["head"] = {"operationId": "head_status", **public, "responses": answers}
    for kind, components in COMPONENTS.items():
        result["components"].setdefault(kind, {}).update(components)
    return result


def _cursor_parameters(sorts: list[str]) -> list[Schema]:
    """Return the query parameters of a cursor (docs/api/v0.md, section 4)."""
    size = {"type": "integer", "minimum": 0, "maximum": settings.EVENTLANE_MAX_PAGE_SIZE}
    size["default"] = settings.EVENTLANE_PAGE_SIZE
    return [
        _query("after", "A key: the page begins after its element.", {"type": "string"}),
        _query("before", "A key: the page ends before its element. Excludes `after`.", {"type": "string"}),
        _query("size", "Maximum number of elements in a page.", size),
        _query("sort", "The sort key.", {"type": "string", "enum": sorts, "default": "id"}),
        _query("order", "The sort order.", {"type": "string", "enum": ["asc", "desc"], "default": "asc"}),
    ]


def _query(name: str, description: str, schema: Any, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "description": description, "schema": dict(schema)}


def _error(status: int, codes: list[str]) -> Schema:
    code = {"type": "string", "enum": list(dict.fromkeys(codes))}
    schema = {"allOf": [{"$ref": "#/components/schemas/Error"}, {"type": "object", "properties": {"code": code}}]}
    return {"description": STATUSES[status], "content": {JSON: {"schema": schema}}}


def _without(schema: Any, *names: str) -> Any:
    """Return a schema without these members, at any depth."""
    if isinstance(schema, list):
        return [_without(item, *names) for item in schema]
    if isinstance(schema, dict):
        return {key: _without(value, *names) for key, value in schema.items() if key not in names}
    return schema


def _allow_null(member: Schema) -> None:
    if isinstance(member.get("type"), str):
        member["type"] = [member["type"], "null"]
    if "enum" in member:
        member["enum"] = [*member["enum"], None]


def _forbid_null(member: Schema) -> bool:
    """Remove null from a member's types; return whether it was there."""
    kinds = member.get("type")
    if not isinstance(kinds, list) or "null" not in kinds:
        return False
    [member["type"]] = [kind for kind in kinds if kind != "null"]
    return True


COMPONENTS: Schema = {
    "securitySchemes": {
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key with the right to read, write or deploy.",
        },
        "x-api-key": {
            "type": "apiKey",
            "in": "header",
            "name": "x-api-key",
            "description": "An API key with the right to ingest.",
        },
    },
    "schemas": {
        "Error": {
            "type": "object",
            "description": "Every error of the platform API has this form.",
            "required": ["error", "code"],
            "properties": {
                "error": {"type": "string", "description": "For people."},
                "code": {"type": "string", "description": "For programs; it never changes."},
                "data": {"description": "Details, depending on the code."},
            },
        },
        "Cursor": {
            "type": "object",
            "description": "The query parameters of a neighbouring page. Send them unchanged, with the same filters.",
            "required": ["size", "sort", "order"],
            "oneOf": [{"required": ["before"]}, {"required": ["after"]}],
            "properties": {
                "before": {"type": "string"},
                "after": {"type": "string"},
                "size": {"type": "integer"},
                "sort": {"type": "string"},
                "order": {"type": "string", "enum": ["asc", "desc"]},
            },
        },
    },
}
