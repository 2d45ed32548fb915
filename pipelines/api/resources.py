"""Resources: what is deployed in a project (docs/api/v0.md, sections 2.7 and 5)."""

from typing import Any

from django_filters import ChoiceFilter, FilterSet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.filters import Filters
from eventlane.api.operation import Operation, Parameter
from eventlane.api.serializers import NameField, Representation, RequestBody, TextField, TimeField
from eventlane.api.sources import by_text
from pipelines.access import get_resource, get_resource_by_name, resources_of
from pipelines.models import Resource, Subscription
from pipelines.resources.deploy import deploy
from pipelines.resources.switch import switch
from pipelines.waiting import waiting_for
from projects.access import get_project
from projects.api.viewsets import OrganizationObjectViewSet, ProjectObjectViewSet

SPEC_MEMBERS = ("type", "version", "name", "description", "data")


class SpecRepresentation(Representation):
    """What was deployed, with all defaults filled in. The members of `data` depend on the type."""

    type = serializers.ChoiceField(Resource.Type.values)
    version = serializers.IntegerField()
    name = NameField()
    description = TextField(required=False)
    data = serializers.DictField()

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        """Return the spec as stored. PostgreSQL doesn't keep the order of members."""
        return {member: instance[member] for member in SPEC_MEMBERS if member in instance}


class ResourceRepresentation(Representation):
    """Something deployed or saved, like a trigger or a query. While it is disabled, it starts nothing."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="project.organization_id")
    project_id = serializers.CharField()
    creation_time = TimeField()
    update_time = TimeField()
    disabled = serializers.BooleanField()
    made_by = serializers.ChoiceField(
        Resource.Maker.values,
        help_text="Deployments leave alone what a person made, unless they have its type and name.",
    )
    creator_id = serializers.CharField(required=False, help_text="The person's account; absent once it is deleted.")
    spec = SpecRepresentation()


class TriggerCounts(Representation):
    """Events that matched a trigger on a dataset but haven't started anything."""

    waiting = serializers.IntegerField(help_text="Events that will start pipelines when their turn comes.")
    dropped = serializers.IntegerField(
        help_text="Events that were waiting when the trigger was disabled or its queue aborted."
    )
    suppressed = serializers.IntegerField(help_text="Events over the rate limit.")


class OneResourceRepresentation(ResourceRepresentation):
    """A resource requested by id or name. A trigger on a dataset has the counts of events that fired nothing."""

    not_fired = TriggerCounts(required=False)

    def to_representation(self, instance: Resource) -> dict[str, Any]:
        """Return it with the counts of a trigger."""
        shown = super().to_representation(instance)
        subscription = Subscription.objects.filter(pk=instance.pk, connector="dataset").first()
        if subscription is None:
            return shown
        waiting = waiting_for([instance.pk]).get(instance.pk)
        counts = {
            "waiting": waiting.events if waiting else 0,
            "dropped": subscription.dropped_events,
            "suppressed": subscription.suppressed_events,
        }
        return shown | {"not_fired": counts}


class TypeFilter(ChoiceFilter):
    """A filter by type."""

    openapi = {"type": "string", "enum": Resource.Type.values}

    def __init__(self) -> None:
        super().__init__(
            choices=Resource.Type.choices,
            label="Only resources of this type.",
            error_messages={"invalid_choice": f"must be one of {', '.join(Resource.Type.values)}"},
        )


class ResourceFilters(FilterSet):
    """Which resources are listed."""

    type = TypeFilter()


class ResourcesViewSet(ProjectObjectViewSet):
    """The resources of the project. A deployment creates, changes and deletes them."""

    serializer_class = ResourceRepresentation
    filter_backends = (Filters,)
    filterset_class = ResourceFilters
    sorts = {"name": by_text("name")}
    rights = {"enable": "deploy", "disable": "deploy"}
    admin_actions = ("enable", "disable")
    operations = {
        "retrieve": Operation(reply=OneResourceRepresentation),
        "retrieve_by_name": Operation(reply=OneResourceRepresentation, nouns=("resource",)),
        "enable": Operation(reply=OneResourceRepresentation),
        "disable": Operation(reply=OneResourceRepresentation),
    }

    def list(self, request: Request) -> Response:
        """Return a page of resources."""
        return self.page(self.filter_queryset(resources_of(self.project)))

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one resource."""
        return Response(OneResourceRepresentation.show(get_resource(self.project, id)))

    def retrieve_by_name(self, request: Request, type: str, name: str) -> Response:
        """Return the resource with this type and name."""
        return Response(OneResourceRepresentation.show(get_resource_by_name(self.project, type, name)))

    def enable(self, request: Request, id: str) -> Response:
        """Enable a resource. A trigger doesn't catch up on what it missed while disabled."""
        return self._set_disabled(id, False)

    def disable(self, request: Request, id: str) -> Response:
        """Disable a resource: it does nothing new until enabled. Deployments don't change that.

        A disabled trigger fires nothing, and its waiting events are dropped. A disabled command or query can't be
        executed. Triggers and commands skip a disabled pipeline. What runs or is queued continues
        (`/pipelines/abort_queued` aborts the queue).
        """
        return self._set_disabled(id, True)

    def _set_disabled(self, id: str, disabled: bool) -> Response:
        switch(resources_of(self.project).filter(pk=id), disabled=disabled)
        return Response(OneResourceRepresentation.show(get_resource(self.project, id)))


class SpecsField(serializers.Field[Any, Any, Any, Any]):
    """The specs, unchecked: `deploy` checks them."""

    openapi = {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["type", "version", "name", "data"],
            "properties": {
                "type": {"type": "string", "enum": Resource.Type.values},
                "version": {"type": "integer", "enum": [1]},
                "name": NameField.openapi,
                "description": {"type": ["string", "null"]},
                "data": {"type": "object"},
            },
            "additionalProperties": {"type": "null"},
        },
    }

    def to_internal_value(self, data: Any) -> Any:
        """Return the value as it is."""
        return data


class DeploymentBody(RequestBody):
    """Everything that the project should have."""

    specs = SpecsField()


class DeploymentsViewSet(OrganizationObjectViewSet):
    """Deployments to projects that the key can reach; for admins. Includes dry runs."""

    rights = {"update": "deploy"}
    admin_actions = ("update",)
    operations = {
        "update": Operation(
            204,
            DeploymentBody,
            parameters=(Parameter("dry-run", "Only check. Any value counts.", {"type": "string"}),),
        )
    }

    def update(self, request: Request, id: str) -> Response:
        """Replace the resources of a project by a set of specs. If one spec has a problem, nothing changes.

        Resources that aren't in the set are deleted, but not those that a person made. Pipelines that have started stay
        as they are.
        """
        project = get_project(self.api_key, id)
        deploy(project, self.read_body(DeploymentBody)["specs"], dry_run="dry-run" in request.query_params)
        return Response(status=204)
