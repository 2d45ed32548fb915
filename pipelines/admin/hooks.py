"""The console's pages for hooks. Deploying triggers creates hooks; admins can renew them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from eventlane.console import OwnRelatedFilter, ReadOnlyAdmin, moment, public_address
from eventlane.ids import is_id
from eventlane.login import account_of
from pipelines.hooks import (
    SIGNING_CONNECTORS,
    accept_unsigned,
    hook_address,
    hook_secret,
    renew_token,
    require_signatures,
)
from pipelines.models import Hook
from pipelines.secrets import UnreadableSecret
from projects.models import Account


@admin.register(Hook)
class HookAdmin(ReadOnlyAdmin):
    """Hooks. Their addresses are secret: only the reply to an admin's request contains one."""

    organization_path = "project__organization"
    project_path = "project"
    wider_filters = ("project__id__exact",)
    secret_fields = ("digest", "encrypted_token", "encrypted_secret")
    list_display = ("connector", "project", "signed", "last_use", "creation_time")
    list_filter = (("project", OwnRelatedFilter),)
    list_select_related = ("project",)
    search_fields = ("connector", "project__name")
    ordering = ("project__name", "connector")
    fields = ("connector", "project", "signed", "creation_time", "last_use")
    empty_advice = "Deploy a trigger with the connector webhook or github to create one."
    actions_detail = ("reveal", "signatures", "renew")

    def has_reveal_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Let only admins see the addresses of the organization's hooks."""
        if account_of(request).role != Account.Role.ADMIN:
            return False
        return object_id is None or (is_id(object_id) and self.get_queryset(request).filter(pk=object_id).exists())

    @action(description="Show address", icon="visibility", permissions=["reveal"])
    def reveal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the address, and the secret where there is one."""
        return self.address_page(request, self.get_object(request, object_id), title="Address of the hook")

    @action(description="Renew", icon="autorenew", permissions=["reveal"], variant=ActionVariant.DANGER)
    def renew(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then give the hook a new address and show it."""
        hook = self.get_object(request, object_id)
        if request.method != "POST":
            return self.panel(request, hook, "pipelines/renew_hook.html", title="Renew the hook")
        renew_token(hook)
        self.log_change(request, hook, "Renewed: the old address no longer works.")
        return self.address_page(request, hook, title="Hook renewed")

    def has_sign_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Let only admins choose whether senders must sign, for hooks where that is optional."""
        if not self.has_reveal_permission(request, object_id):
            return False
        hooks = self.get_queryset(request).exclude(connector__in=SIGNING_CONNECTORS)
        return object_id is None or hooks.filter(pk=object_id).exists()

    @action(description="Signatures", icon="signature", permissions=["sign"])
    def signatures(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask, then give the hook a secret for signatures and show it, or remove the secret."""
        hook = self.get_object(request, object_id)
        if request.method != "POST":
            return self.panel(request, hook, "pipelines/hook_signatures.html", title="Signatures")
        if "unsigned" in request.POST:
            accept_unsigned(hook)
            self.log_change(request, hook, "Deliveries no longer need a signature.")
        else:
            require_signatures(hook)
            self.log_change(request, hook, "Deliveries must be signed with a new secret.")
        return self.address_page(request, hook, title="Address of the hook")

    def address_page(self, request: HttpRequest, hook: Hook, title: str) -> HttpResponse:
        """Return the page with what a sender needs."""
        try:
            secrets = {"address": hook_address(hook), "secret": hook_secret(hook)}
        except UnreadableSecret:
            secrets = {"address": "", "secret": ""}
        return self.panel(request, hook, "pipelines/hook.html", title=title, **secrets, **public_address(request))

    def panel(self, request: HttpRequest, hook: Hook, template: str, **context: Any) -> HttpResponse:
        """Return a page about a hook."""
        page = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "hook": hook,
            "hook_url": reverse("admin:pipelines_hook_change", args=[hook.pk]),
        }
        return TemplateResponse(request, template, page | context)

    @display(description="Signatures")
    def signed(self, hook: Hook) -> str:
        """Show whether deliveries must be signed."""
        return "not required" if hook.encrypted_secret is None else "required"

    @display(description="Last use", ordering="last_use_time")
    def last_use(self, hook: Hook) -> SafeString | str:
        """Show the last delivery."""
        return moment(hook.last_use_time)
