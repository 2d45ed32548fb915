from typing import TYPE_CHECKING, Any

from django.apps import AppConfig
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from threading import Event

    from pipelines.models import Resource
    from pipelines.resources.added import Link


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Events"

    def ready(self) -> None:
        from events import signals  # noqa: F401  (connects the receivers)
        from events.alerts import links
        from pipelines.periodic import Periodic, add_periodic
        from pipelines.retention import add_old_rows

        _add_kinds_of_resources()
        add_periodic(Periodic("alert messages", _send_messages, 1.0))
        for number in range(settings.EVENTLANE_QUERY_SLOTS):  # a slow one holds up as few others as possible
            add_periodic(Periodic(f"alerts {number + 1}", _evaluate_due, 1.0))
        add_old_rows(_delete_old_changes)
        links.lead_to(_question_address)


def _add_kinds_of_resources() -> None:
    from events import dashboards
    from events.alerts import channel_spec, spec
    from events.query import saved
    from pipelines.models import Resource
    from pipelines.resources.added import AddedKind, add_kind

    add_kind(Resource.Type.QUERY, AddedKind(saved.query_data, saved.EXAMPLE, saved.MEANINGS, _explore_link))
    data, example, meanings = dashboards.dashboard_data, dashboards.EXAMPLE, dashboards.MEANINGS
    add_kind(Resource.Type.DASHBOARD, AddedKind(data, example, meanings, _dashboard_link))
    alert = AddedKind(
        spec.alert_data,
        spec.EXAMPLE,
        spec.MEANINGS,
        _alert_link,
        limit="EVENTLANE_MAX_ALERTS",
        references=spec.references,
        deployed=_watch,
    )
    add_kind(Resource.Type.ALERT, alert)
    channel = AddedKind(
        channel_spec.channel_data,
        channel_spec.EXAMPLE,
        channel_spec.MEANINGS,
        _no_link,
        references=channel_spec.references,
        page_link=_channel_link,
    )
    add_kind(Resource.Type.CHANNEL, channel)


def _explore_link(resource: "Resource") -> "Link":
    # Not at the top: every process loads this, and only the console needs itself, and Arrow.
    from events.console.saved import explore_link

    return explore_link(resource)


def _dashboard_link(resource: "Resource") -> "Link":
    from django.urls import reverse

    from pipelines.resources.added import Link

    return Link("Open the dashboard", reverse("console-dashboard", args=[resource.pk]))


def _alert_link(resource: "Resource") -> "Link":
    from django.urls import reverse

    from pipelines.resources.added import Link

    return Link("State and history", reverse("admin:events_alert_change", args=[resource.pk]))


def _no_link(resource: "Resource") -> None:
    """Lead nowhere."""


def _channel_link(resource: "Resource") -> "Link | None":
    from events.console.channels import channel_link

    return channel_link(resource)


def _question_address(dataset: str, data: dict[str, Any], from_time: str, to_time: str) -> str:
    from events.console.saved import question_address

    return question_address(dataset, data, from_time, to_time)


def _watch(resources: "Sequence[Resource]") -> None:
    # Not at the top: commands that only send or read events do without what starts pipelines.
    from events.alerts.due import watch

    watch(resources)


def _evaluate_due(stop: "Event") -> int:
    from events.alerts.due import evaluate_due

    return evaluate_due(stop)


def _send_messages(stop: "Event") -> int:
    # Not at the top: only workers send mail.
    from events.alerts.messages import send_due

    return send_due(stop)


def _delete_old_changes(now: "datetime", deadline: float) -> bool:
    # Not at the top: commands that only send or read events do without what starts pipelines.
    from events.alerts.history import delete_old_changes

    return delete_old_changes(now, deadline)
