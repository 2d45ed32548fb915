"""API keys: programs create, watch, rotate and revoke them as people do in the console.

A key can't create one that reaches further: not beyond its project, not for another account, not with a longer life,
and with no right but `ingest` that it lacks itself. Rights, project and account are fixed at creation: a key must not
gain power in its holder's hands. The key that created another is recorded, so that everything that came from a
leaked one can be revoked at once.
"""

from collections.abc import Collection, Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.operation import Operation, Parameter
from eventlane.api.serializers import IdField, Representation, RequestBody, TextField, TimeField
from eventlane.api.sources import by_text
from eventlane.times import format_time
from eventlane.wire.errors import PermissionDenied, StateError
from projects.access import api_keys_of, get_api_key, projects_of
from projects.api.viewsets import OrganizationObjectViewSet
from projects.api_keys import (
    earliest,
    issue_api_key,
    lock_active,
    revoke_api_key,
    revoke_with_descendants,
    rotate_api_key,
    set_expiration,
)
from projects.models import ApiKey
from projects.models.api_key import RIGHTS


class ApiKeyRepresentation(Representation):
    """A key without its secret, which only its owner has."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="organization_id")
    account_id = serializers.CharField()
    project_id = serializers.CharField(required=False)
    name = serializers.CharField()
    prefix = serializers.CharField()
    rights = serializers.ListField(child=serializers.ChoiceField(RIGHTS))
    status = serializers.SerializerMethodField()
    creation_time = TimeField()
    expiration_time = TimeField(required=False)
    revocation_time = TimeField(required=False)
    last_use_time = TimeField(required=False)
    answer_200 = serializers.BooleanField(help_text="Whether accepted events are answered with 200 instead of 202.")
    requests_per_second = serializers.IntegerField(
        required=False, help_text="Requests with events that are taken; 0: no limit; absent: as the settings say."
    )
    bytes_per_second = serializers.IntegerField(
        required=False, help_text="Bytes of their bodies, as sent; 0: no limit; absent: as the settings say."
    )
    quarantine_after = serializers.IntegerField(
        required=False, help_text="Refusals of the same after which it goes into quarantine; absent: never."
    )
    replaced_by_id = serializers.CharField(required=False)
    created_by_key_id = serializers.CharField(
        required=False, help_text="The key that created it; absent if a person did."
    )

    def get_status(self, api_key: ApiKey) -> str:
        """Return active, expired or revoked."""
        return api_key.status(timezone.now())


class NewApiKeyRepresentation(ApiKeyRepresentation):
    """A new key, with its secret. It is shown only once."""

    secret = serializers.CharField()


class ApiKeyUpdate(RequestBody):
    """What can be changed in a key. An absent member stays as it is."""

    name = TextField(required=False, max_length=100)
    expiration_time = TimeField(required=False)

    def validate_expiration_time(self, value: Any) -> Any:
        """Refuse a time in the past (to stop a key at once, revoke it) or after the expiration of its creators."""
        if value <= timezone.now():
            raise serializers.ValidationError("must be in the future")
        end = self.context["end"]
        if end and value > end:
            raise serializers.ValidationError(f"must not be after {format_time(end)}, when a key that makes it expires")
        return value


class ApiKeyBody(ApiKeyUpdate):
    """What a key is created from."""

    name = TextField(max_length=100)
    rights = serializers.ListField(child=serializers.ChoiceField(RIGHTS), allow_empty=False)
    project_id = IdField(required=False)

    def validate_project_id(self, value: str) -> str:
        """Refuse a project that the calling key can't reach."""
        if not projects_of(self.context["api_key"]).filter(pk=value).exists():
            raise serializers.ValidationError("there is no such project")
        return value

    def check_together(self, given: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
        """Refuse what the database would refuse: a key with the right to ingest but without a project."""
        if "ingest" in values.get("rights", ()) and "project_id" not in given:
            return ["a key with the right ingest needs a project_id"]
        return []


class ApiKeysViewSet(OrganizationObjectViewSet):
    """The keys of the organization that the calling key can reach."""

    serializer_class = ApiKeyRepresentation
    sorts = {"name": by_text("name")}
    admin_actions = ("create", "update", "revoke", "rotate")
    operations = {
        "create": Operation(201, ApiKeyBody, NewApiKeyRepresentation),
        "update": Operation(200, ApiKeyUpdate, errors={400: ("api_key_revoked",)}),
        "revoke": Operation(
            204,
            parameters=(
                Parameter(
                    "descendants",
                    "Also revoke all keys created with it, directly or not. Any value counts.",
                    {"type": "string"},
                ),
            ),
        ),
        "rotate": Operation(201, reply=NewApiKeyRepresentation, errors={400: ("api_key_not_active",)}),
    }

    def list(self, request: Request) -> Response:
        """Return a page of keys."""
        return self.page(api_keys_of(self.api_key))

    def create(self, request: Request) -> Response:
        """Create a key for the caller's account. Only this reply contains its secret."""
        values = self.read_body(ApiKeyBody, api_key=self.api_key, end=self.api_key.expiration_time)
        self._check_reach(values["rights"], values.get("project_id"))
        with transaction.atomic():
            made, secret = issue_api_key(
                account=self.account,
                name=values["name"],
                rights=values["rights"],
                project=projects_of(self.api_key).filter(pk=values.get("project_id")).first(),
                expiration_time=values.get("expiration_time"),
                created_by_key=lock_active(self.api_key, timezone.now()),
                requests_per_second=self.api_key.requests_per_second,
                bytes_per_second=self.api_key.bytes_per_second,
            )
        return Response(self.show(made) | {"secret": secret}, 201)

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one key."""
        return Response(self.show(get_api_key(self.api_key, id)))

    def update(self, request: Request, id: str) -> Response:
        """Change a key's name or expiration."""
        found = get_api_key(self.api_key, id)
        maker = found.created_by_key
        end = earliest(self.api_key.expiration_time, maker.expiration_time if maker else None)
        values = self.read_body(ApiKeyUpdate, end=end)
        time = values.pop("expiration_time", None)
        if time and found.revocation_time:
            raise StateError("api_key_revoked", "The expiration of a revoked key can't be changed.")
        api_keys_of(self.api_key).filter(pk=found.pk).update(**values)
        if time:
            set_expiration(found, time)
        return Response(self.show(get_api_key(self.api_key, id)))

    def revoke(self, request: Request, id: str) -> Response:
        """Revoke a key for good, on request with every key created with it, directly or not."""
        revoke = revoke_with_descendants if "descendants" in request.query_params else revoke_api_key
        revoke(api_key=get_api_key(self.api_key, id), now=timezone.now())
        return Response(status=204)

    def rotate(self, request: Request, id: str) -> Response:
        """Issue a successor, shown with its secret. The old key keeps working for EVENTLANE_KEY_OVERLAP_HOURS."""
        with transaction.atomic():
            now = timezone.now()
            asking = lock_active(self.api_key, now)
            found = get_api_key(self.api_key, id)
            locked = (
                ApiKey.objects.select_for_update(of=("self",)).select_related("account", "project").get(pk=found.pk)
            )
            self._check_reach(locked.rights, locked.project_id)
            if locked.account_id != self.account.pk:
                raise PermissionDenied(
                    "The key acts for another account: only that account's keys, and people, can rotate it."
                )
            if locked.status(now) != "active" or locked.replaced_by_id:
                raise StateError("api_key_not_active", "Only an active key without a successor can be rotated.")
            successor, secret = rotate_api_key(api_key=locked, now=now, created_by_key=asking)
        return Response(self.show(successor) | {"secret": secret}, 201)

    def _check_reach(self, rights: Collection[str], project_id: str | None) -> None:
        """Refuse to create a key that reaches further than the calling one."""
        missing = [right for right in rights if right != "ingest" and not self.api_key.may(right)]
        if missing:
            raise PermissionDenied(f"This API key can't grant the right to {missing[0]}: it doesn't have it itself.")
        if self.api_key.project_id and self.api_key.project_id != project_id:
            raise PermissionDenied("This API key is tied to one project and can't create one that isn't.")
