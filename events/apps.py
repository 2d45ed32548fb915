from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from pipelines.models import Resource
    from pipelines.resources.added import Link


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        from events import signals  # noqa: F401  (connects the receivers)
        from events.query.saved import EXAMPLE, MEANINGS, query_data
        from pipelines.models import Resource
        from pipelines.resources.added import AddedKind, add_kind

        add_kind(Resource.Type.QUERY, AddedKind(query_data, EXAMPLE, MEANINGS, _explore_link))


def _explore_link(resource: "Resource") -> "Link":
    # Not at the top: every process loads this, and only the console needs itself, and Arrow.
    from events.console.saved import explore_link

    return explore_link(resource)
