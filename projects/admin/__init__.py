"""The console's pages for organizations, accounts, projects and API keys: one module for each."""

from django.contrib import admin
from django.contrib.auth.models import Group
from procrastinate.contrib.django.models import ProcrastinateJob

from projects.admin.accounts import AccountAdmin
from projects.admin.api_keys import STATES, ApiKeyAdmin, in_use, state_of
from projects.admin.commands import CommandAdmin
from projects.admin.hooks import HookAdmin
from projects.admin.identities import IdentityAdmin
from projects.admin.organization import OrganizationAdmin
from projects.admin.pipelines import PipelineAdmin
from projects.admin.platform_events import PlatformEventAdmin
from projects.admin.projects import ProjectAdmin
from projects.admin.resources import ResourceAdmin
from projects.admin.triggers import TriggerAdmin

__all__ = [
    "STATES",
    "AccountAdmin",
    "ApiKeyAdmin",
    "CommandAdmin",
    "HookAdmin",
    "IdentityAdmin",
    "OrganizationAdmin",
    "PipelineAdmin",
    "PlatformEventAdmin",
    "ProjectAdmin",
    "ResourceAdmin",
    "TriggerAdmin",
    "in_use",
    "state_of",
]

admin.site.unregister(Group)  # roles take the place of Django's groups
admin.site.unregister(ProcrastinateJob)  # it knows no walls: everybody would see everybody's jobs
