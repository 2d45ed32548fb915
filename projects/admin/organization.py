"""The console's page for one's own organization."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from eventlane.console import ConsoleAdmin
from eventlane.forms import ModelForm
from eventlane.login import account_of
from projects.models import Organization
from projects.taken_names import refuse_taken, refuse_while_guessing


class OrganizationForm(ModelForm):
    """The name of one's own organization, which no other one has."""

    def clean_name(self) -> str:
        """Refuse a name that is taken, without saying by whom."""
        name: str = self.cleaned_data["name"]
        if name == self.instance.name:
            return name
        refuse_while_guessing(self.instance.pk)
        if Organization.objects.filter(name=name).exists():
            refuse_taken(self.instance.pk, "name")
        return name


@admin.register(Organization)
class OrganizationAdmin(ConsoleAdmin):
    """One's own organization: it has a name, and that is all there is to change."""

    form = OrganizationForm
    organization_path = "pk"
    fields = ("name", "creation_time")
    readonly_fields = ("creation_time",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A list of one is no list: go to it."""
        return HttpResponseRedirect(
            reverse("admin:projects_organization_change", args=[account_of(request).organization_id])
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Organizations are made by whoever runs the server."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        """Nobody saws off the branch they sit on."""
        return False
