"""Which rows the console's pages look at: those of the account's organization, or of the project that it chose."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from eventlane.login import account_of
from eventlane.project_choice import project_choice
from events.models import Dataset
from projects.models import Project


def own_rows(request: HttpRequest, model: type[Model]) -> QuerySet[Any]:
    """Return the rows of the model's own list: within the wall, and of the chosen project."""
    model_admin: Any = admin.site.get_model_admin(model)
    rows = model_admin.get_queryset(request)
    project = model_admin.narrowed_to(request)
    return rows.filter(model_admin.in_project(project)) if project else rows


def own_datasets(request: HttpRequest) -> QuerySet[Dataset]:
    """Return the datasets, each with its project. There may be very many: a page loads those that it shows."""
    rows: QuerySet[Dataset] = own_rows(request, Dataset)
    return rows.select_related("project")


def own_projects(request: HttpRequest) -> QuerySet[Project]:
    """Return the projects that these datasets are in, also those without any."""
    rows: QuerySet[Project] = own_rows(request, Project)
    chosen = project_choice(request).chosen
    return rows.filter(pk=chosen.pk) if chosen else rows


def query_owner(request: HttpRequest) -> str:
    """Return in whose name a query runs: an account has so many at once."""
    return f"account {account_of(request).pk}"
