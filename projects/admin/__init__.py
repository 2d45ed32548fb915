"""The console's pages for organizations, accounts, projects and API keys, one module each."""

from django.contrib import admin
from django.contrib.auth.models import Group

from projects.admin.accounts import AccountAdmin
from projects.admin.api_keys import STATES, ApiKeyAdmin, in_use, state_of
from projects.admin.organization import OrganizationAdmin
from projects.admin.projects import ProjectAdmin
from projects.console import palette  # noqa: F401  (adds what it finds)

__all__ = [
    "STATES",
    "AccountAdmin",
    "ApiKeyAdmin",
    "OrganizationAdmin",
    "ProjectAdmin",
    "in_use",
    "state_of",
]

admin.site.unregister(Group)  # roles replace Django's groups
