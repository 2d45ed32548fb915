"""Alerts: what state they are in, and their history (docs/alerts.md). Deployments create, change and delete them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.operation import Operation
from eventlane.api.serializers import Representation, RequestBody, TextField, TimeField
from eventlane.api.sources import by_moment, by_text
from events.alerts.access import alerts_of, changes_of, get_alert, get_alert_by_name
from events.alerts.actions import fire_test, read_snooze, snooze, unsnooze
from events.alerts.links import public_link
from events.models import AlertChange, AlertMessage, AlertState
from events.query.times import InvalidTime
from projects.api.viewsets import ProjectObjectViewSet


class ValueField(serializers.JSONField):
    """Any value of JSON."""

    openapi: dict[str, Any] = {}


class ConditionRepresentation(Representation):
    """Something that is wrong: a group whose value is beyond the threshold, missing events, or an error."""

    kind = serializers.ChoiceField((AlertState.FIRING.value, AlertState.NO_DATA.value, AlertState.ERROR.value))
    since = serializers.CharField(required=False)
    group = serializers.DictField(required=False, help_text="The group's values by path.")
    cut = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Paths whose values are cut, as they are too long."
    )
    value = ValueField(required=False)
    text = serializers.CharField(required=False, help_text="What the error is, or that not all groups are listed.")

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Return the members that it has."""
        members: Mapping[str, Any] = self.fields
        return {name: instance[name] for name in members if name in instance}


class AlertRepresentation(Representation):
    """An alert. While it is disabled it isn't evaluated, and stays in its state."""

    id = serializers.CharField(help_text="The id of its resource.")
    org_id = serializers.CharField(source="project.organization_id")
    project_id = serializers.CharField()
    name = serializers.CharField()
    disabled = serializers.BooleanField()
    state = serializers.ChoiceField(AlertState.values, source="alert.state")
    state_time = TimeField(source="alert.state_time", help_text="Since when it has been in this state.")
    value = ValueField(source="alert.value", required=False, help_text="Of the group that comes first.")
    conditions = ConditionRepresentation(source="alert.conditions", many=True)
    snoozed_until = TimeField(source="alert.snoozed_until", required=False)
    evaluation_time = TimeField(
        source="alert.evaluation_time", required=False, help_text="The end of the window that was looked at last."
    )
    next_time = TimeField(source="alert.next_time", help_text="The end of the window that it looks at next.")


class AlertMessageRepresentation(Representation):
    """A message to a channel. While it waits, `error` is that of the last try."""

    channel = serializers.CharField()
    state = serializers.ChoiceField(AlertMessage.State.values)
    tries = serializers.IntegerField()
    sent_time = TimeField(required=False)
    error = serializers.SerializerMethodField(required=False)

    def get_error(self, message: AlertMessage) -> str | None:
        """Return it, or None."""
        return message.error or None


class AlertChangeRepresentation(Representation):
    """An entry in the history of an alert."""

    id = serializers.CharField()
    kind = serializers.ChoiceField(AlertChange.Kind.values)
    time = TimeField(help_text="The end of the window that was looked at.")
    creation_time = TimeField()
    state = serializers.ChoiceField(AlertState.values, help_text="The alert's, after it.")
    conditions = ConditionRepresentation(many=True, help_text="Those that began or ended, or are reminded of.")
    text = serializers.SerializerMethodField(
        help_text="By whom, and until when; or `told now`, of a beginning that channels weren't told of at the time.",
        required=False,
    )
    messages = AlertMessageRepresentation(source="messages.all", many=True)
    link = serializers.SerializerMethodField(help_text="To Explore at that moment.", required=False)

    def get_text(self, change: AlertChange) -> str | None:
        """Return it, or None."""
        return change.text or None

    def get_link(self, change: AlertChange) -> str | None:
        """Return its address, or None."""
        return public_link(change.link)


class SnoozeBody(RequestBody):
    """For how long."""

    duration = TextField(help_text="A length of time like `30m`, `4h` or `2d`, at most 90 days.")

    def validate_duration(self, value: str) -> timedelta:
        """Return the time that it is long."""
        try:
            return read_snooze(value)
        except InvalidTime as error:
            raise serializers.ValidationError(str(error)) from None


class AlertsViewSet(ProjectObjectViewSet):
    """The alerts of the project."""

    serializer_class = AlertRepresentation
    sorts = {"name": by_text("name")}
    operations = {
        "retrieve_by_name": Operation(nouns=("alert",)),
        "snooze": Operation(body=SnoozeBody),
        "unsnooze": Operation(),
        "test": Operation(reply=AlertChangeRepresentation, errors={400: ("alert_without_channels",)}),
    }

    def list(self, request: Request) -> Response:
        """Return a page of alerts."""
        return self.page(alerts_of(self.project))

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one alert."""
        return Response(self.show(get_alert(self.project, id)))

    def retrieve_by_name(self, request: Request, name: str) -> Response:
        """Return the alert with this name."""
        return Response(self.show(get_alert_by_name(self.project, name)))

    def snooze(self, request: Request, id: str) -> Response:
        """Let an alert send nothing and start nothing for some time. It is evaluated as before."""
        alert = get_alert(self.project, id)
        snooze(alert, timezone.now() + self.read_body(SnoozeBody)["duration"], self.account.email)
        return Response(self.show(get_alert(self.project, id)))

    def unsnooze(self, request: Request, id: str) -> Response:
        """End a snooze now. What is still wrong is told at the next evaluation."""
        unsnooze(get_alert(self.project, id), self.account.email)
        return Response(self.show(get_alert(self.project, id)))

    def test(self, request: Request, id: str) -> Response:
        """Send a test message to each channel of an alert; its history says what came of it."""
        return Response(AlertChangeRepresentation.show(fire_test(get_alert(self.project, id), self.account.email)))


class AlertChangesViewSet(ProjectObjectViewSet):
    """The history of alerts."""

    serializer_class = AlertChangeRepresentation
    sorts = {"creation_time": by_moment("creation_time")}
    operations = {"list": Operation(nouns=("alert",))}

    def list(self, request: Request, id: str) -> Response:
        """Return a page of an alert's history."""
        return self.page(changes_of(get_alert(self.project, id)))
