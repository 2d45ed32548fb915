"""Identities: named secrets of a project, encrypted at rest, given only to tasks that name them.

KINDS defines each kind completely: its fields, which of them are secret, and the environment variables that tasks
get. A secret field can be set, but only tasks can read it: it is in no reply, page, log or error.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from eventlane.wire.errors import StateError
from pipelines.models import Identity, Resource
from pipelines.secrets import decrypt, encrypt
from projects.models import Project

MAX_FIELD_LENGTH = 64 * 1024


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a kind of identity."""

    name: str
    secret: bool = False
    required: bool = True
    lines: bool = False  # may have several lines
    variable: str = ""  # the task's environment variable that contains it
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of identity."""

    connector: str
    type: str
    title: str
    fields: tuple[Field, ...]

    def __str__(self) -> str:
        return f"{self.connector}/{self.type}"

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the fields that can't be read back."""
        return frozenset(field.name for field in self.fields if field.secret)


KINDS = (
    Kind("generic", "password", "Login and password", (Field("login"), Field("password", secret=True))),
    Kind("generic", "api_key", "API key", (Field("key", secret=True),)),
    Kind(
        "generic",
        "ssh_key",
        "SSH key",
        (
            Field("private_key", secret=True, lines=True),
            Field("public_key", required=False, lines=True),
            Field("certificate", required=False, lines=True),
        ),
    ),
    Kind("generic", "secret", "Any secret text", (Field("value", secret=True, lines=True),)),
    Kind(
        "eventline", "api_key", "API key of this platform", (Field("key", secret=True, variable="EVENTLINE_API_KEY"),)
    ),
    Kind(
        "github",
        "token",
        "GitHub access token",
        (Field("username", variable="GITHUB_USER"), Field("token", secret=True, variable="GITHUB_TOKEN")),
    ),
    Kind(
        "registry",
        "password",
        "Container registry",
        (
            Field("server", required=False, meaning="like ghcr.io; empty: Docker Hub"),
            Field("login"),
            Field("password", secret=True),
        ),
    ),
)
CONNECTORS = tuple(dict.fromkeys(kind.connector for kind in KINDS))
TYPES = tuple(dict.fromkeys(kind.type for kind in KINDS))
_KINDS = {(kind.connector, kind.type): kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with a field, or with all of them together (""). Never quotes a value."""

    field: str
    reason: str
    missing: bool = False


def find_kind(connector: object, type: object) -> Kind | None:
    """Return the kind, or None."""
    if not isinstance(connector, str) or not isinstance(type, str):
        return None
    return _KINDS.get((connector, type))


def kind_of(identity: Identity) -> Kind:
    """Return the kind of an identity. One stored by a newer version has no known fields."""
    unknown = Kind(identity.connector, identity.type, "Unknown kind", ())
    return find_kind(identity.connector, identity.type) or unknown


def check_fields(
    kind: Kind, values: Mapping[str, object], stored: Mapping[str, str] | None = None
) -> tuple[dict[str, str], list[FieldProblem]]:
    """Return the fields to store, and all problems. An absent field keeps its value in `stored`; "" removes it."""
    given = {name: value for name, value in values.items() if value is not None}
    known = {field.name for field in kind.fields}
    problems = [FieldProblem("", f"member {name[:100]!r} is unknown") for name in given if name not in known]
    kept: dict[str, str] = dict(stored or {})
    for field in kind.fields:
        if field.name in given:
            value = given[field.name]
            problems += [FieldProblem(field.name, reason) for reason in _wrong(field, value)]
            kept[field.name] = _tidy(field, str(value))
        elif field.required and not kept.get(field.name):
            problems.append(FieldProblem(field.name, "is missing", missing=True))
    return {name: value for name, value in kept.items() if value}, problems


def _wrong(field: Field, value: object) -> Iterator[str]:
    if not isinstance(value, str):
        yield "must be a string"
    elif field.required and not value.strip():
        yield "must not be empty"
    elif len(value) > MAX_FIELD_LENGTH:
        yield f"must have at most {MAX_FIELD_LENGTH} characters"
    elif any("\ud800" <= character <= "\udfff" or character == "\0" for character in value):
        yield "must not hold U+0000 or half of a surrogate pair"
    elif not field.lines and any(character in value for character in "\r\n"):
        yield "must be a single line"


def _tidy(field: Field, value: str) -> str:
    """Normalize a text of several lines: ssh refuses a key with CRs or without a final line end."""
    if not field.lines or not value:
        return value
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    return lines if lines.endswith("\n") or "\n" not in lines else f"{lines}\n"


def write_fields(identity: Identity, fields: Mapping[str, str]) -> None:
    """Put checked fields into an identity, encrypted, without saving it."""
    identity.encrypted_data = encrypt(json.dumps(dict(fields)).encode())
    identity.update_time = timezone.now()


def read_fields(identity: Identity) -> dict[str, str]:
    """Return all fields, including secrets; raise UnreadableSecret. Only for tasks that name the identity."""
    return json.loads(decrypt(identity.encrypted_data))


def public_fields(identity: Identity) -> dict[str, str]:
    """Return the fields that aren't secret."""
    shown = {field.name for field in kind_of(identity).fields if not field.secret}
    return {name: value for name, value in read_fields(identity).items() if name in shown}


def variables_of(identity: Identity, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that tasks get."""
    variables = {field.variable: fields.get(field.name) for field in kind_of(identity).fields if field.variable}
    return {name: value for name, value in variables.items() if value}


def users_of(identity: Identity) -> list[str]:
    """Return what deployed resources name the identity, as texts like `task build`."""
    by_task = Q(spec__data__identities__contains=[identity.name])
    by_registry = Q(spec__data__runtime__parameters__registry_identities__contains=[identity.name])
    tasks = Q(type=Resource.Type.TASK) & (by_task | by_registry)
    by_name = Q(type__in=(Resource.Type.TRIGGER, Resource.Type.CHANNEL), spec__data__identity=identity.name)
    found = Resource.objects.filter(tasks | by_name, project_id=identity.project_id)
    return [str(resource) for resource in found.order_by("type", "name")]


def delete_identity(identity: Identity) -> None:
    """Delete an identity; raise StateError if something deployed names it.

    Locks the project's row, like a deployment: neither can act between the other's check and change.
    """
    with transaction.atomic():
        Project.objects.select_for_update(no_key=True).filter(pk=identity.project_id).first()
        users = users_of(identity)
        if users:
            raise StateError("identity_in_use", f"The identity {identity.name!r} is used by {', '.join(users)}.")
        Identity.objects.filter(pk=identity.pk).delete()
