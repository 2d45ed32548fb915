"""The console's reference page for both APIs: /v0/openapi.json for people, without scripts."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify

from eventlane.console import public_address

Schema = dict[str, Any]

FIRST_GROUPS = (
    "Sending events",
    "Events",
    "Datasets",
    "Namespaces",
    "Projects",
    "API keys",
)  # what most readers look for
METHODS = ("get", "head", "post", "put", "delete")
FORMATS = {"date-time": "time", "uuid": "UUID", "ksuid": "id"}
EXAMPLES = {"string": "text", "integer": 7, "number": 1.5, "boolean": True, "object": {}, "array": []}
KEYS = {"bearer": "Authorization: Bearer $KEY", "x-api-key": "x-api-key: $KEY"}


@dataclass(frozen=True, slots=True)
class Member:
    """A parameter, or a member of an object."""

    name: str
    kind: SafeString
    required: bool
    description: SafeString
    place: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A possible reply of a route: an object, or one of several codes."""

    status: str
    description: str
    kind: SafeString
    codes: list[str]


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a path."""

    anchor: str
    method: str
    path: str
    summary: SafeString
    description: SafeString
    parameters: list[Member]
    body: SafeString
    answers: list[Answer]
    example: str


@dataclass(frozen=True, slots=True)
class Group:
    """The routes of a collection."""

    anchor: str
    title: str
    routes: list[Route]


def reference(request: HttpRequest) -> HttpResponse:
    """Show what each route takes and returns."""
    groups, objects, introduction = _contents(settings.EVENTLANE_PUBLIC_URL)
    page = {
        **admin.site.each_context(request),
        **public_address(request),
        "title": "API reference",
        "introduction": introduction,
        "groups": groups,
        "objects": objects,
    }
    return TemplateResponse(request, "console/reference.html", page)


@cache
def _contents(address: str) -> tuple[list[Group], dict[str, tuple[SafeString, list[Member]]], SafeString]:
    # Imported here: drf-spectacular costs 0.2 s and 13 MB, and most processes never need it.
    from eventlane.api.schema import openapi_schema

    document = openapi_schema()
    groups: dict[str, list[Route]] = {title: [] for title in FIRST_GROUPS}
    for path, methods in document["paths"].items():
        for method in sorted(methods, key=METHODS.index):
            route = _route(document, address, path, method.upper(), methods[method])
            groups.setdefault(methods[method]["tags"][0], []).append(route)
    objects = {
        name: (text(schema.get("description", "")), members(schema))
        for name, schema in sorted(document["components"]["schemas"].items())
    }
    return (
        [Group(slugify(title), title, routes) for title, routes in groups.items()],
        objects,
        text(document["info"]["description"]),
    )


def _route(document: Schema, address: str, path: str, method: str, operation: Schema) -> Route:
    body = _content(operation.get("requestBody", {}))
    return Route(
        anchor=operation["operationId"],
        method=method,
        path=path,
        summary=text(operation["summary"]),
        description=text(operation.get("description", "")),
        parameters=[_parameter(one) for one in operation.get("parameters", ())],
        body=kind(body) if body else SafeString(),
        answers=[_answer(status, answer) for status, answer in operation["responses"].items()],
        example=example(document, address, path, method, operation),
    )


def _parameter(parameter: Schema) -> Member:
    description = text(parameter.get("description", ""))
    return Member(parameter["name"], kind(parameter["schema"]), parameter["required"], description, parameter["in"])


def members(schema: Schema) -> list[Member]:
    """Return the members of an object, required ones first."""
    required = schema.get("required", ())
    found = [
        Member(name, kind(member), name in required, text(member.get("description", "")))
        for name, member in schema.get("properties", {}).items()
    ]
    return sorted(found, key=lambda member: not member.required)


def _answer(status: str, answer: Schema) -> Answer:
    schema = _content(answer)
    codes = [code for part in schema.get("allOf", ()) for code in _codes(part)]
    return Answer(status, answer["description"], SafeString() if codes or not schema else kind(schema), codes)


def _content(body: Schema) -> Schema:
    """Return the schema of a body or a reply, the same in all content types."""
    contents: list[Schema] = list(body.get("content", {}).values())
    return contents[0].get("schema", {}) if contents else {}


def _codes(schema: Schema) -> list[str]:
    return schema.get("properties", {}).get("code", {}).get("enum", [])


def kind(schema: Schema) -> SafeString:
    """Describe a value in a few words; objects with a name link to their description."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return mark_safe(f'<a class="text-link" href="#object-{escape(name)}">{escape(name)}</a>')
    if "elements" in schema.get("properties", {}):
        return mark_safe(f"page of {kind(schema['properties']['elements']['items'])}")
    if "items" in schema:
        return mark_safe(f"array of {kind(schema['items'])}")
    if _is_choice(schema):
        return mark_safe(" or ".join(map(kind, schema["oneOf"])))
    return SafeString(escape(", ".join(_words(schema))))


def _is_choice(schema: Schema) -> bool:
    return "oneOf" in schema and "properties" not in schema


def _words(schema: Schema) -> Iterator[str]:
    kinds = schema.get("type", "any")
    name = kinds if isinstance(kinds, str) else next(one for one in kinds if one != "null")
    if "const" in schema:
        yield json.dumps(schema["const"])
    elif "enum" in schema:
        yield " or ".join(str(value) for value in schema["enum"] if value is not None)
    else:
        yield FORMATS.get(schema.get("format", ""), name)
    if "minimum" in schema and "maximum" in schema:
        yield f"{schema['minimum']} to {schema['maximum']}"
    if schema.get("maxLength"):
        yield f"{schema.get('minLength', 0)} to {schema['maxLength']} characters"
    if "default" in schema:
        yield f"default {schema['default']}"


def example(document: Schema, address: str, path: str, method: str, operation: Schema) -> str:
    """Return a curl command with shell variables for what the reader must fill in."""
    target = re.sub(r"{(\w+)}", lambda match: f"${match[1].upper()}", path)
    parts = ["curl" if method == "GET" else "curl -I" if method == "HEAD" else f"curl -X {method}"]
    parts.append(f'"{address}{target}{_query(operation)}"')
    for scheme in operation.get("security", ()):
        parts += [f'-H "{KEYS[name]}"' for name in scheme]
    if any(one["name"] == "X-Eventline-Project-Id" for one in operation.get("parameters", ())):
        parts.append('-H "X-Eventline-Project-Id: $PROJECT"')
    if "requestBody" in operation:
        value = sample(document, _content(operation["requestBody"]))
        parts.append(f"-d {shlex.quote(value if isinstance(value, str) else json.dumps(value))}")
    return " \\\n    ".join(parts)


def _query(operation: Schema) -> str:
    """Return the required query parameters."""
    needed = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query" and one["required"]]
    return "?" + "&".join(f"{name}=${name.upper()}" for name in needed) if needed else ""


def sample(document: Schema, schema: Schema) -> Any:
    """Return a value that fits a schema: its required members, or the first optional one; of a choice, the first."""
    if "$ref" in schema:
        return sample(document, document["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "items" in schema:
        return [sample(document, schema["items"])]
    if "properties" in schema:
        wanted = schema.get("required") or list(schema["properties"])[:1]
        return {name: sample(document, schema["properties"][name]) for name in wanted}
    if _is_choice(schema):
        return sample(document, schema["oneOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    kinds = schema.get("type", "string")
    if schema == {"type": "object"}:
        return {"level": "info", "message": "Hello, Eventlane"}
    return schema.get("example", EXAMPLES[kinds if isinstance(kinds, str) else kinds[0]])


def text(source: str) -> SafeString:
    """Return a description as HTML, with `code`, **strong**, and paragraphs at empty lines."""
    html: str = escape(source)
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", html)
    html = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", html)
    return mark_safe(html.replace("\n\n", "</p><p>"))
