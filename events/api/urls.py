"""The platform API's routes for datasets, namespaces and events."""

from django.urls import path

from events.api.alerts import AlertChangesViewSet, AlertsViewSet
from events.api.datasets import DatasetsViewSet, NamespacesViewSet
from events.api.events import EventsViewSet
from events.api.exports import ExportsViewSet
from events.api.fields import FieldsViewSet
from events.api.queries import QueriesViewSet
from events.api.tails import TailsViewSet

urlpatterns = [
    path("datasets", DatasetsViewSet.as_view({"get": "list", "post": "create"})),
    path("datasets/id/<str:id>", DatasetsViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"})),
    path("datasets/name/<str:name>", DatasetsViewSet.as_view({"get": "retrieve_by_name"})),
    path("datasets/id/<str:id>/events", EventsViewSet.as_view({"get": "list"})),
    path("datasets/id/<str:id>/events/id/<str:event_id>", EventsViewSet.as_view({"get": "retrieve"})),
    path("datasets/id/<str:id>/fields", FieldsViewSet.as_view({"get": "discover"})),
    path("datasets/id/<str:id>/tail", TailsViewSet.as_view({"get": "tail"})),
    path("alerts", AlertsViewSet.as_view({"get": "list"})),
    path("alerts/id/<str:id>", AlertsViewSet.as_view({"get": "retrieve"})),
    path("alerts/id/<str:id>/changes", AlertChangesViewSet.as_view({"get": "list"})),
    path("alerts/id/<str:id>/snooze", AlertsViewSet.as_view({"post": "snooze"})),
    path("alerts/id/<str:id>/unsnooze", AlertsViewSet.as_view({"post": "unsnooze"})),
    path("alerts/id/<str:id>/test", AlertsViewSet.as_view({"post": "test"})),
    path("alerts/name/<str:name>", AlertsViewSet.as_view({"get": "retrieve_by_name"})),
    path("query/export", ExportsViewSet.as_view({"post": "export"})),
    path("queries/name/<str:name>/run", QueriesViewSet.as_view({"post": "run"})),
    path("query", QueriesViewSet.as_view({"post": "ask"})),
    path("namespaces", NamespacesViewSet.as_view({"get": "list"})),
    path("namespaces/id/<str:id>", NamespacesViewSet.as_view({"get": "retrieve"})),
]
