from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from pipelines.models import Resource
    from pipelines.resources.added import Link


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        from events import (
            dashboards,
            signals,  # noqa: F401  (connects the receivers)
        )
        from events.query import saved
        from pipelines.models import Resource
        from pipelines.resources.added import AddedKind, add_kind

        add_kind(Resource.Type.QUERY, AddedKind(saved.query_data, saved.EXAMPLE, saved.MEANINGS, _explore_link))
        data, example, meanings = dashboards.dashboard_data, dashboards.EXAMPLE, dashboards.MEANINGS
        add_kind(Resource.Type.DASHBOARD, AddedKind(data, example, meanings, _dashboard_link))


def _explore_link(resource: "Resource") -> "Link":
    # Not at the top: every process loads this, and only the console needs itself, and Arrow.
    from events.console.saved import explore_link

    return explore_link(resource)


def _dashboard_link(resource: "Resource") -> "Link":
    from django.urls import reverse

    from pipelines.resources.added import Link

    return Link("Open the dashboard", reverse("console-dashboard", args=[resource.pk]))
