"""The platform API's routes for what a project deploys and runs (docs/api/v0.md, section 1.1)."""

from typing import Any

from django.urls import path, re_path

from pipelines.api.commands import CommandExecutionsViewSet
from pipelines.api.hooks import HooksViewSet
from pipelines.api.identities import IdentitiesViewSet
from pipelines.api.pipelines import PipelinesViewSet, ScratchpadsViewSet
from pipelines.api.platform_events import PlatformEventsViewSet
from pipelines.api.resources import DeploymentsViewSet, ResourcesViewSet
from pipelines.api.tasks import TasksViewSet

scratchpad: dict[str, Any] = {"get": "retrieve", "delete": "clear"}
scratchpad_entry: dict[str, Any] = {"get": "retrieve_value", "put": "update", "delete": "destroy"}

urlpatterns = [
    path("projects/id/<str:id>/resources", DeploymentsViewSet.as_view({"put": "update"})),
    path("resources", ResourcesViewSet.as_view({"get": "list"})),
    path("resources/id/<str:id>", ResourcesViewSet.as_view({"get": "retrieve"})),
    path("resources/id/<str:id>/enable", ResourcesViewSet.as_view({"post": "enable"})),
    path("resources/id/<str:id>/disable", ResourcesViewSet.as_view({"post": "disable"})),
    path("resources/type/<str:type>/name/<str:name>", ResourcesViewSet.as_view({"get": "retrieve_by_name"})),
    path("pipelines", PipelinesViewSet.as_view({"get": "list"})),
    path("pipelines/abort_queued", PipelinesViewSet.as_view({"post": "abort_queued"})),
    path("pipelines/id/<str:id>", PipelinesViewSet.as_view({"get": "retrieve"})),
    path("pipelines/id/<str:id>/abort", PipelinesViewSet.as_view({"post": "abort"})),
    path("pipelines/id/<str:id>/restart", PipelinesViewSet.as_view({"post": "restart"})),
    path("pipelines/id/<str:id>/restart_from_failure", PipelinesViewSet.as_view({"post": "restart_from_failure"})),
    path("pipelines/id/<str:id>/scratchpad", ScratchpadsViewSet.as_view(scratchpad)),
    re_path(
        r"^pipelines/id/(?P<id>[^/]+)/scratchpad/key/(?P<key>[\s\S]+)\Z", ScratchpadsViewSet.as_view(scratchpad_entry)
    ),
    path("tasks", TasksViewSet.as_view({"get": "list"})),
    path("tasks/id/<str:id>", TasksViewSet.as_view({"get": "retrieve"})),
    path("tasks/id/<str:id>/steps", TasksViewSet.as_view({"get": "steps"})),
    path("identities", IdentitiesViewSet.as_view({"get": "list", "post": "create"})),
    path(
        "identities/id/<str:id>",
        IdentitiesViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
    ),
    path("identities/name/<str:name>", IdentitiesViewSet.as_view({"get": "retrieve_by_name"})),
    path("hooks", HooksViewSet.as_view({"get": "list"})),
    path("hooks/id/<str:id>/renew", HooksViewSet.as_view({"post": "renew"})),
    path("hooks/id/<str:id>/require_signatures", HooksViewSet.as_view({"post": "require_signatures"})),
    path("hooks/id/<str:id>/accept_unsigned", HooksViewSet.as_view({"post": "accept_unsigned"})),
    path("commands/id/<str:id>/execute", CommandExecutionsViewSet.as_view({"post": "execute"})),
    path("command_executions", CommandExecutionsViewSet.as_view({"get": "list"})),
    path("command_executions/id/<str:id>", CommandExecutionsViewSet.as_view({"get": "retrieve"})),
    path("events", PlatformEventsViewSet.as_view({"get": "list", "post": "create"})),
    path("events/id/<str:id>", PlatformEventsViewSet.as_view({"get": "retrieve"})),
    path("events/id/<str:id>/replay", PlatformEventsViewSet.as_view({"post": "replay"})),
    path("events/<str:id>/replay", PlatformEventsViewSet.as_view({"post": "replay"})),
]
