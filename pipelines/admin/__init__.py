"""The console's pages for what a project deploys and runs, one module each."""

import procrastinate.contrib.django.admin  # noqa: F401  (registers what is taken out below)
from django.contrib import admin
from procrastinate.contrib.django.models import ProcrastinateJob

from pipelines.admin.commands import CommandAdmin
from pipelines.admin.hooks import HookAdmin
from pipelines.admin.identities import IdentityAdmin
from pipelines.admin.pipelines import PipelineAdmin
from pipelines.admin.platform_events import PlatformEventAdmin
from pipelines.admin.projects import ProjectWithTasksAdmin
from pipelines.admin.resources import ResourceAdmin
from pipelines.admin.triggers import TriggerAdmin
from pipelines.console import palette  # noqa: F401  (adds what it finds)

__all__ = [
    "CommandAdmin",
    "HookAdmin",
    "IdentityAdmin",
    "PipelineAdmin",
    "PlatformEventAdmin",
    "ProjectWithTasksAdmin",
    "ResourceAdmin",
    "TriggerAdmin",
]

admin.site.unregister(
    ProcrastinateJob
)  # it ignores the walls between organizations: everybody would see everybody's jobs
