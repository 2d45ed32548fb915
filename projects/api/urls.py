"""The platform API's routes for organizations, accounts, projects and API keys (docs/api/v0.md, section 1.1)."""

from django.urls import path

from projects.api.accounts import AccountsViewSet
from projects.api.api_keys import ApiKeysViewSet
from projects.api.organizations import OrganizationViewSet
from projects.api.projects import ProjectsViewSet
from projects.api.status import StatusViewSet

project_by_name = ProjectsViewSet.as_view({"get": "retrieve_by_name"})

urlpatterns = [
    path("status", StatusViewSet.as_view({"get": "retrieve", "head": "head"})),
    path("org", OrganizationViewSet.as_view({"get": "retrieve"})),
    path("account", AccountsViewSet.as_view({"get": "current"})),
    path("accounts", AccountsViewSet.as_view({"get": "list"})),
    path("accounts/id/<str:id>", AccountsViewSet.as_view({"get": "retrieve"})),
    path("projects", ProjectsViewSet.as_view({"get": "list", "post": "create"})),
    path("projects/id/<str:id>", ProjectsViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"})),
    path("projects/name/<str:name>", project_by_name),
    path("projects/<str:name>", project_by_name),
    path("api_keys", ApiKeysViewSet.as_view({"get": "list", "post": "create"})),
    path("api_keys/id/<str:id>", ApiKeysViewSet.as_view({"get": "retrieve", "put": "update"})),
    path("api_keys/id/<str:id>/revoke", ApiKeysViewSet.as_view({"post": "revoke"})),
    path("api_keys/id/<str:id>/rotate", ApiKeysViewSet.as_view({"post": "rotate"})),
]
