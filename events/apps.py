from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        from events import signals  # noqa: F401  (connects the receivers)
        from events.console.saved import explore_link
        from events.query.saved import EXAMPLE, MEANINGS, query_data
        from pipelines.models import Resource
        from pipelines.resources.added import AddedKind, add_kind

        add_kind(Resource.Type.QUERY, AddedKind(query_data, EXAMPLE, MEANINGS, explore_link))
