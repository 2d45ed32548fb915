"""Projects: the only collection of the contract that the API itself changes (docs/api/v0.md, section 2.6)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import IntegrityError, transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from eventlane.api.operation import Operation
from eventlane.api.serializers import NameField, Representation, RequestBody, TimeField
from eventlane.api.sources import by_text
from eventlane.wire.errors import PermissionDenied, StateError, UnknownObject
from projects.access import get_project, get_project_by_name, projects_of
from projects.api.viewsets import OrganizationObjectViewSet
from projects.deletion import delete_project
from projects.models import Project


class ProjectRepresentation(Representation):
    """A project."""

    id = serializers.CharField()
    org_id = serializers.CharField(source="organization_id")
    name = serializers.CharField()
    creation_time = TimeField()


class ProjectBody(RequestBody):
    """What a project is created from, and what can be changed."""

    name = NameField()


class ProjectsViewSet(OrganizationObjectViewSet):
    """The projects that the key can reach."""

    serializer_class = ProjectRepresentation
    sorts = {"name": by_text("name")}
    admin_actions = ("create", "update", "destroy")
    operations = {
        "create": Operation(201, ProjectBody, errors={400: ("duplicate_project_name",)}),
        "update": Operation(200, ProjectBody, errors={400: ("duplicate_project_name",)}),
        "destroy": Operation(204),
    }

    def list(self, request: Request) -> Response:
        """Return a page of projects."""
        return self.page(projects_of(self.api_key))

    def create(self, request: Request) -> Response:
        """Create a project."""
        if self.api_key.project_id:
            raise PermissionDenied("This API key is tied to one project.")
        values = self.read_body(ProjectBody)
        with _unless_taken(values["name"]):
            project = Project.objects.create(organization_id=self.api_key.organization_id, **values)
        return Response(self.show(project), 201)

    def retrieve(self, request: Request, id: str) -> Response:
        """Return one project."""
        return Response(self.show(get_project(self.api_key, id)))

    def retrieve_by_name(self, request: Request, name: str) -> Response:
        """Return one project by its name."""
        return Response(self.show(get_project_by_name(self.api_key, name)))

    def update(self, request: Request, id: str) -> Response:
        """Rename a project."""
        project = get_project(self.api_key, id)
        project.name = self.read_body(ProjectBody)["name"]
        with _unless_taken(project.name):
            renamed = Project.objects.filter(pk=project.pk).update(name=project.name)
        if not renamed:  # someone deleted it meanwhile
            raise UnknownObject("project")
        return Response(self.show(project))

    def destroy(self, request: Request, id: str) -> Response:
        """Delete a project with its keys, datasets and events. Its running pipelines are stopped."""
        project = get_project(self.api_key, id)
        if self.api_key.project_id:
            raise PermissionDenied("This API key is tied to the project and can't delete it.")
        delete_project(project)
        return Response(status=204)


@contextmanager
def _unless_taken(name: str) -> Iterator[None]:
    """Turn the database's refusal of a name into an error for the client: only the database knows who was first."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        message = f"The organization already has a project {name!r}."
        raise StateError("duplicate_project_name", message) from None
