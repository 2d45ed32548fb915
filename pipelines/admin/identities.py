"""The console's pages for identities. Secrets are entered and never shown."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from eventlane.console import ConsoleAdmin, OwnRelatedFilter, moment
from eventlane.forms import ModelForm
from eventlane.project_choice import project_choice
from eventlane.wire.errors import StateError
from pipelines.identities import (
    KINDS,
    Field,
    Kind,
    check_fields,
    delete_identity,
    find_kind,
    kind_of,
    public_fields,
    read_fields,
    users_of,
    write_fields,
)
from pipelines.models import Identity
from pipelines.secrets import UnreadableSecret

PREFIX = "field_"  # of form fields that aren't the model's


class SecretTextarea(UnfoldAdminTextareaWidget):
    """A text area whose content is never sent back, not even with an error."""

    def format_value(self, value: Any) -> str:
        """Return an empty value."""
        return ""


class IdentityForm(ModelForm):
    """An identity of one kind. When it is changed, an empty secret keeps its old value."""

    kind: Kind  # set by IdentityAdmin.get_form

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = _stored(self.instance) if self.instance.encrypted_data else {}
        for field in self.kind.fields:
            if not field.secret and PREFIX + field.name in self.fields:
                self.fields[PREFIX + field.name].initial = self.stored.get(field.name, "")

    def clean(self) -> dict[str, Any]:
        """Put the fields into the identity, or report each problem at its field."""
        cleaned = super().clean() or {}
        given = {name: value for name, value in self._given(cleaned).items() if value or name not in self.kind.secrets}
        fields, problems = check_fields(self.kind, given, self.stored)
        for problem in problems:
            if not self.has_error(PREFIX + problem.field):
                self.add_error(PREFIX + problem.field, f"This field {problem.reason}.")
        if not problems:
            self.instance.connector, self.instance.type = self.kind.connector, self.kind.type
            write_fields(self.instance, fields)
        return cleaned

    def _given(self, cleaned: Mapping[str, Any]) -> dict[str, str]:
        return {field.name: cleaned.get(PREFIX + field.name, "") for field in self.kind.fields}


@admin.register(Identity)
class IdentityAdmin(ConsoleAdmin):
    """Identities. Name, project and kind can't be changed later, since deployed tasks rely on them."""

    organization_path = "project__organization"
    project_path = "project"
    wider_filters = ("project__id__exact",)
    secret_fields = ("encrypted_data",)
    list_display = ("name", "kind", "project", "last_use", "changed")
    list_filter = (("project", OwnRelatedFilter),)
    list_select_related = ("project",)
    search_fields = ("name",)
    empty_advice = "Identities are secrets that tasks use by name: tokens, passwords, keys."
    ordering = ("name",)
    fixed = ("name", "project", "kind", "used_by", "creation_time", "update_time", "last_use_time")

    def get_form(
        self, request: HttpRequest, obj: Identity | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        """Return the form for the kind of the identity."""
        kind = _asked_kind(request) if obj is None else kind_of(obj)
        fields: dict[str, Any] = {PREFIX + field.name: _form_field(field, change) for field in kind.fields}
        form = type("IdentityForm", (IdentityForm,), {"kind": kind, **fields})
        return super().get_form(request, obj, change, form=form, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Identity | None = None) -> Sequence[Any]:
        """Return name and project, followed by the fields of the kind."""
        kind = _asked_kind(request) if obj is None else kind_of(obj)
        fields = tuple(PREFIX + field.name for field in kind.fields)
        if obj is None:
            return ((None, {"fields": ("name", "project")}), (kind.title, {"fields": fields}))
        if not self.has_change_permission(request, obj):
            fields = ("public",)
        head, life = self.fixed[:4], self.fixed[4:]
        return ((None, {"fields": head}), (kind.title, {"fields": fields}), ("Activity", {"fields": life}))

    def get_readonly_fields(self, request: HttpRequest, obj: Identity | None = None) -> Sequence[str]:
        """Once it is created, let only the fields be changed."""
        return () if obj is None else (*self.fixed, "public")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Start with the project chosen in the sidebar."""
        return {"project": project_choice(request).chosen}

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for the kind first: the form depends on it."""
        if self.has_add_permission(request) and _asked_kind(request) not in KINDS:
            page = {**self.admin_site.each_context(request), "opts": self.opts, "kinds": KINDS}
            return TemplateResponse(request, "pipelines/identity_kinds.html", page | {"title": "Add identity"})
        return super().add_view(request, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Delete an identity, or say which deployed resources use it."""
        identity = self.get_object(request, unquote(object_id))
        users = users_of(identity) if identity and self.has_delete_permission(request, identity) else []
        try:
            if not users:
                return super().delete_view(request, object_id, extra_context)
            message = f"{identity.name} was not deleted. It is used by {', '.join(users)}."
        except StateError as error:  # deployed meanwhile
            message = error.message
        messages.error(request, message)
        return HttpResponseRedirect(reverse("admin:pipelines_identity_change", args=[identity.pk]))

    def delete_model(self, request: HttpRequest, obj: Identity) -> None:
        """Delete it like the API."""
        delete_identity(obj)

    @display(description="Kind", ordering="connector")
    def kind(self, identity: Identity) -> str:
        """Show the kind in words."""
        return kind_of(identity).title

    @display(description="Fields")
    def public(self, identity: Identity) -> SafeString | str:
        """Show the fields that aren't secret."""
        try:
            fields = public_fields(identity)
        except UnreadableSecret:
            return "can't be read: the key is lost"
        return format_html_join(", ", "{}: {}", fields.items()) or "secrets only"

    @display(description="Used by")
    def used_by(self, identity: Identity) -> str:
        """Show what uses it."""
        return ", ".join(users_of(identity)) or "nothing deployed"

    @display(description="Last use", ordering="last_use_time")
    def last_use(self, identity: Identity) -> SafeString | str:
        """Show when a task got it last."""
        return moment(identity.last_use_time)

    @display(description="Changed", ordering="update_time")
    def changed(self, identity: Identity) -> SafeString | str:
        """Show when its fields changed."""
        return moment(identity.update_time)


def _asked_kind(request: HttpRequest) -> Kind:
    """Return the kind named in the address, or one without fields."""
    connector, _, type_ = request.GET.get("kind", "").partition("/")
    return find_kind(connector, type_) or Kind("", "", "", ())


def _stored(identity: Identity) -> dict[str, str]:
    try:
        return read_fields(identity)
    except UnreadableSecret:
        return {}  # every field must be entered again


def _form_field(field: Field, change: bool) -> forms.CharField:
    """Return the form field. check_fields decides whether it is required."""
    if field.secret and field.lines:
        widget: forms.Widget = SecretTextarea(attrs={"rows": 8, "autocomplete": "off", "spellcheck": "false"})
    elif field.secret:
        widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})
    else:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 4}) if field.lines else UnfoldAdminTextInputWidget()
    hints = [
        "Empty: keeps its value." if change and field.secret else "",
        f"Tasks get it as {field.variable}." if field.variable else "",
        f"{field.meaning[:1].upper()}{field.meaning[1:]}." if field.meaning else "",
    ]
    label = field.name.replace("_", " ").capitalize()
    help_text = " ".join(filter(None, hints))
    return forms.CharField(label=label, required=False, strip=not field.secret, widget=widget, help_text=help_text)
