"""The console's pages for alerts: in which state they are, what happened, and buttons to snooze and test them."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Case, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from eventlane.console import OwnRelatedFilter, label, moment
from eventlane.login import account_of
from events.alerts.actions import fire_test, read_snooze, snooze, unsnooze
from events.alerts.evaluate import Condition, is_silence
from events.alerts.links import explore_path
from events.alerts.words import condition_text, lines, state_text, value_text
from events.console.explore.question import from_elsewhere, read_question
from events.models import Alert, AlertChange, AlertMessage, AlertState
from pipelines.admin.automation import Page, SwitchAdmin
from pipelines.console.uses import links_to
from pipelines.models import Resource
from pipelines.resources.files import spec_text
from pipelines.resources.switch import switch

SHOWN_CHANGES = 50
SNOOZES = {"1h": "1 hour", "4h": "4 hours", "1d": "1 day", "7d": "7 days"}
WRONG = (AlertState.FIRING, AlertState.NO_DATA, AlertState.ERROR)  # the worst first
WORST_FIRST = Case(*[When(state=state, then=place) for place, state in enumerate(WRONG)], default=Value(len(WRONG)))
STATE_KINDS = {
    AlertState.WAITING: "default",
    AlertState.OK: "success",
    AlertState.FIRING: "danger",
    AlertState.NO_DATA: "warning",
    AlertState.ERROR: "warning",
}
MESSAGE_KINDS = {
    AlertMessage.State.WAITING: "default",
    AlertMessage.State.SENT: "success",
    AlertMessage.State.FAILED: "danger",
}


@admin.register(Alert)
class AlertAdmin(SwitchAdmin):
    """Alerts. Every account may snooze and test them."""

    list_display = ("name", "condition", "since", "latest_value", "fires", "project")
    list_filter = (("state", ChoicesDropdownFilter), ("project", OwnRelatedFilter))
    search_fields = ("resource__name",)
    ordering = (WORST_FIRST, "project__name", "resource__name")
    actions = ()  # type: ignore[assignment]  # each has its own page
    page_template = "events/alert.html"
    empty_advice = (
        "In Explore, “Make an alert” begins one with the question on the page. Alerts are also deployed from YAML "
        "files: manage.py deploy FOLDER --project NAME. docs/alerts.md has examples."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alert]:
        """Return alerts with their resources."""
        return super().get_queryset(request).select_related("resource__project", "project")

    def below(self) -> dict[str, Page]:
        """Add the addresses of the buttons."""
        switches: dict[str, Page] = {"enable": self.enable, "disable": self.disable}
        return switches | {"snooze": self.snooze, "unsnooze": self.unsnooze, "test": self.test}

    def page_context(self, request: HttpRequest, row: Alert) -> dict[str, Any]:
        """Return the page of one alert."""
        changes = row.changes.select_related("alert__resource").prefetch_related("messages")
        silent = is_silence(row.conditions) or not row.resource.data.get("threshold")
        explore = explore_path(row.resource, row.evaluation_time or timezone.now(), silent=silent)
        return {
            "alert": row,
            "resource": row.resource,
            "title": row.resource.name,
            "label": state_label(row),
            "value": value_text(row.value, row.resource),
            "conditions": [_told(one, row, explore) for one in row.conditions],
            "changes": [_shown(change) for change in changes.order_by("-creation_time")[:SHOWN_CHANGES]],
            "related": _related(row.resource),
            "explore": explore,
            "snoozes": SNOOZES,
            "spec": spec_text(row.resource.spec),
            "may_switch": self.has_switch_permission(request),
        }

    def _switch(self, request: HttpRequest, object_id: str, *, disabled: bool) -> HttpResponse:
        row = self.find(request, object_id)
        if not self.has_switch_permission(request):
            raise PermissionDenied
        rows, done = Resource.objects.filter(pk=row.pk), "Disabled." if disabled else "Enabled."
        return self.perform(request, row, lambda: switch(rows, disabled=disabled), done)

    def snooze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Let the alert send nothing for the chosen time."""
        row, chosen = self.find(request, object_id), request.POST.get("for", "")
        if request.method == "POST" and chosen not in SNOOZES:
            raise Http404

        def act() -> None:
            snooze(row.resource, timezone.now() + read_snooze(chosen), account_of(request).email)

        return self.perform(request, row, act, f"Snoozed for {SNOOZES.get(chosen)}.")

    def unsnooze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End a snooze."""
        row = self.find(request, object_id)
        return self.perform(request, row, lambda: unsnooze(row.resource, account_of(request).email), "Snooze ended.")

    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Send a test message to each channel."""
        row = self.find(request, object_id)

        def act() -> str:
            fire_test(row.resource, account_of(request).email)
            return "Test messages are being sent. The history says what comes of them."

        return self.perform(request, row, act)

    @display(description="Name", ordering="resource__name")
    def name(self, alert: Alert) -> str:
        """Show its name."""
        return alert.resource.name

    @display(description="State", ordering="state")
    def condition(self, alert: Alert) -> SafeString:
        """Show its state."""
        return state_label(alert)

    @display(description="Since", ordering="state_time")
    def since(self, alert: Alert) -> SafeString | str:
        """Show since when it is in this state."""
        return moment(alert.state_time)

    @display(description="Value")
    def latest_value(self, alert: Alert) -> str:
        """Show the value that was found last."""
        return value_text(alert.value, alert.resource)

    @display(description="Fires")
    def fires(self, alert: Alert) -> str:
        """Show when it fires, or when it says that there is no data."""
        data = alert.resource.data
        silence = f"no data for {data['no_data']}" if data.get("no_data") else ""
        return " or ".join(filter(None, (data.get("threshold"), silence)))


def state_label(alert: Alert) -> SafeString:
    """Return the state of an alert as a coloured label, with others if it is disabled or snoozed."""
    found = label(state_text(alert), STATE_KINDS[AlertState(alert.state)])
    if alert.resource.disabled:
        found = format_html("{} {}", found, label("disabled", "warning"))
    return format_html("{} {}", found, label("snoozed", "info")) if alert.is_snoozed else found


def _told(condition: Condition, alert: Alert, explore: str) -> tuple[str, datetime, str]:
    """Return a condition in words, since when it holds, and the address of its events, if Explore can ask for them."""
    is_group = explore and "group" in condition and "cut" not in condition
    address = _events_address(explore, condition["group"]) if is_group else ""
    return condition_text(condition, alert.resource), datetime.fromisoformat(condition["since"]), address


def _events_address(explore: str, group: dict[str, Any]) -> str:
    """Return the address of the events of a group of the question that an address of Explore asks."""
    # Not at the top: DuckDB and Arrow take 0.3 s and 60 MB that a process without queries does without.
    from events.console.explore.terms import group_term, open_to_more, with_term

    question = from_elsewhere(read_question(QueryDict(urlsplit(explore).query))).events_only
    q = open_to_more(question.q)
    for path, value in group.items():
        term = group_term(path, value)
        if term is None:
            return ""
        q = with_term(q, term)
    return question.address(q=q)


def _related(alert: Resource) -> list[tuple[str, Any]]:
    """Return links to what an alert tells and starts."""
    named = Resource.objects.filter(project=alert.project_id, type__in=(Resource.Type.CHANNEL, Resource.Type.PIPELINE))
    found = {
        "Tells": links_to(alert.data["channels"], [one for one in named if one.type == Resource.Type.CHANNEL]),
        "Starts": links_to(alert.data["pipelines"], [one for one in named if one.type == Resource.Type.PIPELINE]),
    }
    return [(title, links) for title, links in found.items() if links]


def _shown(change: AlertChange) -> dict[str, Any]:
    messages = [(one, label(one.get_state_display(), MESSAGE_KINDS[AlertMessage.State(one.state)]))
                for one in change.messages.all()]  # fmt: skip
    return {"change": change, "lines": lines(change), "messages": messages}
