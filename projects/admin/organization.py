"""The console's page for the user's organization."""

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
    """The name of the user's organization, unique on the server."""

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
    """The user's organization. Only its name can be changed."""

    form = OrganizationForm
    organization_path = "pk"
    fields = ("name", "creation_time")
    readonly_fields = ("creation_time",)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Go straight to the organization: there is only one."""
        return HttpResponseRedirect(
            reverse("admin:projects_organization_change", args=[account_of(request).organization_id])
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: organizations are created by whoever runs the server."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Organization | None = None) -> bool:
        """Refuse: users can't delete their own organization."""
        return False
