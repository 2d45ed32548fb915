"""Identities: programs store, change and delete them; their secrets can't be read back."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.operation import Operation
from eventlane.api.serializers import WHOLE, NameField, Representation, RequestBody, TimeField
from eventlane.api.sources import by_text
from eventlane.lookup import get_or_unknown
from eventlane.wire.errors import StateError
from pipelines.access import get_identity, get_identity_by_name, identities_of
from pipelines.identities import (
    CONNECTORS,
    TYPES,
    FieldProblem,
    Kind,
    check_fields,
    delete_identity,
    find_kind,
    kind_of,
    public_fields,
    read_fields,
    write_fields,
)
from pipelines.models import Identity
from pipelines.secrets import UnreadableSecret
from projects.api.viewsets import ProjectObjectViewSet


class IdentityRepresentation(Representation):
    """An identity without its secrets, which only tasks get."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="project.organization_id")
    project_id = serializers.CharField()
    name = serializers.CharField()
    connector = serializers.ChoiceField(CONNECTORS)
    type = serializers.ChoiceField(TYPES)
    creation_time = TimeField()
    update_time = TimeField()
    last_use_time = TimeField(required=False)
    data = serializers.SerializerMethodField()

    def get_data(self, identity: Identity) -> dict[str, str]:
        """Return the fields that aren't secret, or none if their key is lost."""
        try:
            return public_fields(identity)
        except UnreadableSecret:
            return {}


class DataField(serializers.Field[Any, Any, Any, Any]):
    """The fields of an identity, each a text. Its kind determines which there are."""

    openapi = {"type": "object", "additionalProperties": {"type": "string"}}

    def to_internal_value(self, data: Any) -> Mapping[str, Any]:
        """Return the object as sent."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError("must be a JSON object")
        return data


class IdentityUpdate(RequestBody):
    """What can be changed in an identity. A field that isn't in `data` keeps its value; an empty one is removed."""

    data = DataField(help_text="Fields by name.")

    def validate_data(self, value: Mapping[str, Any]) -> dict[str, str]:
        """Return all fields, including those that keep their value."""
        return _checked(self.context["kind"], value, self.context["stored"])


class IdentityBody(RequestBody):
    """What an identity is created from. Name and kind can't be changed later: deployed tasks rely on them."""

    name = NameField()
    connector = serializers.ChoiceField(CONNECTORS)
    type = serializers.ChoiceField(TYPES)
    data = DataField(help_text="The fields of its type by name, like `login` and `password`.")

    def validate_type(self, value: str) -> str:
        """Refuse a type that the connector doesn't have."""
        connector = self.initial_data.get("connector")
        if connector in CONNECTORS and find_kind(connector, value) is None:
            raise serializers.ValidationError(f"the connector {connector} has no such type")
        return value

    def validate_data(self, value: Mapping[str, Any]) -> dict[str, str]:
        """Return the fields, checked if the kind is known."""
        kind = find_kind(self.initial_data.get("connector"), self.initial_data.get("type"))
        return _checked(kind, value, {}) if kind else {}


class IdentitiesViewSet(ProjectObjectViewSet):
    """The identities of the project."""

    serializer_class = IdentityRepresentation
    sorts = {"name": by_text("name")}
    rights = dict.fromkeys(("create", "update", "destroy"), "deploy")
    admin_actions = ("create", "update", "destroy")
    operations = {
        "create": Operation(201, IdentityBody, errors={400: ("duplicate_identity_name",)}),
        "update": Operation(200, IdentityUpdate),
        "destroy": Operation(204, errors={400: ("identity_in_use",)}),
    }

    def list(self, request: Request) -> Response:
        """Return a page of identities."""
        return self.page(identities_of(self.project))

    def create(self, request: Request) -> Response:
        """Create an identity. Its secret fields can't be read back."""
        values = self.read_body(IdentityBody)
        fields = values.pop("data")
        identity = Identity(project=self.project, **values)
        write_fields(identity, fields)
        try:
            with transaction.atomic():
                identity.save(force_insert=True)
        except IntegrityError:
            message = f"The project already has an identity {identity.name!r}."
            raise StateError("duplicate_identity_name", message) from None
        return Response(self.show(identity), 201)

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one identity."""
        return Response(self.show(get_identity(self.project, id)))

    def retrieve_by_name(self, request: Request, name: str) -> Response:
        """Return the identity with this name."""
        return Response(self.show(get_identity_by_name(self.project, name)))

    def update(self, request: Request, id: str) -> Response:
        """Change an identity's fields. Tasks that start from now on get the new values."""
        with transaction.atomic():
            known = get_identity(self.project, id)
            identity = get_or_unknown(Identity.objects.select_for_update(), "identity", pk=known.pk)
            context = {"kind": kind_of(identity), "stored": _stored(identity)}
            write_fields(identity, self.read_body(IdentityUpdate, **context)["data"])
            identity.save(update_fields=["encrypted_data", "update_time"])
        return Response(self.show(identity))

    def destroy(self, request: Request, id: str) -> Response:
        """Delete an identity that nothing deployed uses."""
        delete_identity(get_identity(self.project, id))
        return Response(status=204)


def _stored(identity: Identity) -> dict[str, str]:
    """Return the stored fields, or none if their key is lost: then all must be sent again."""
    try:
        return read_fields(identity)
    except UnreadableSecret:
        return {}


def _checked(kind: Kind, values: Mapping[str, Any], stored: Mapping[str, str]) -> dict[str, str]:
    fields, problems = check_fields(kind, values, stored)
    if problems:
        raise serializers.ValidationError(_details(problems))
    return fields


def _details(problems: Sequence[FieldProblem]) -> dict[str, list[ErrorDetail]]:
    """Return problems in DRF's form."""
    details: dict[str, list[ErrorDetail]] = {}
    for problem in problems:
        detail = ErrorDetail(problem.reason, code="required" if problem.missing else "invalid")
        details.setdefault(problem.field or WHOLE, []).append(detail)
    return details
