"""Hooks: where other services send a project's platform events. Eventlane's own collection, in the style of v0.

An address is secret: only admins see it, with a key that may write. Others see only that the hook exists.
"""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.operation import Operation
from eventlane.api.serializers import Representation, TimeField
from pipelines.hooks import (
    accept_unsigned,
    get_hook,
    hook_address,
    hook_secret,
    hooks_of,
    renew_token,
    require_signatures,
)
from pipelines.models import Hook
from pipelines.secrets import UnreadableSecret
from projects.api.viewsets import ProjectObjectViewSet
from projects.models import Account


class HookRepresentation(Representation):
    """A hook. Only admins with a key that may write get `address` and `secret`."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="project.organization_id")
    project_id = serializers.CharField()
    connector = serializers.CharField()
    creation_time = TimeField()
    last_use_time = TimeField(required=False)
    address = serializers.CharField(
        required=False, help_text="The address to send to. For `webhook`, append / and the event's name."
    )
    secret = serializers.CharField(required=False, help_text="What senders sign with, if signatures are required.")


class HooksViewSet(ProjectObjectViewSet):
    """The hooks of a project. Deploying a trigger that needs one creates it."""

    serializer_class = HookRepresentation
    admin_actions = ("renew", "require_signatures", "accept_unsigned")
    operations = {
        "renew": Operation(),
        "require_signatures": Operation(),
        "accept_unsigned": Operation(errors={400: ("hook_always_signed",)}),
    }

    def list(self, request: Request) -> Response:
        """Return a page of hooks."""
        return self.page(hooks_of(self.project))

    def renew(self, request: Request, id: str) -> Response:
        """Give a hook a new address, and a new secret if it has one. The old ones stop working at once."""
        hook = get_hook(self.project, id)
        renew_token(hook)
        return Response(self.show(hook))

    def require_signatures(self, request: Request, id: str) -> Response:
        """Give a hook a new secret. From then on, deliveries without its signature are refused."""
        hook = get_hook(self.project, id)
        require_signatures(hook)
        return Response(self.show(hook))

    def accept_unsigned(self, request: Request, id: str) -> Response:
        """Remove a hook's secret: whoever knows the address may send."""
        hook = get_hook(self.project, id)
        accept_unsigned(hook)
        return Response(self.show(hook))

    def show(self, element: Hook) -> dict[str, Any]:
        """Return a hook's wire form, with its secrets only for callers who may change it."""
        shown = super().show(element)
        if self.account.role != Account.Role.ADMIN or not self.api_key.may("write"):
            return shown
        try:
            secrets = {"address": hook_address(element), "secret": hook_secret(element)}
        except UnreadableSecret:
            return shown  # renewing the hook helps
        return shown | {name: text for name, text in secrets.items() if text is not None}
