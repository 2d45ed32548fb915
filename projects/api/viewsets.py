"""What routes for accounts and projects add: roles, and the project that a request works on."""

from collections.abc import Collection
from typing import cast

from rest_framework.request import Request

from eventlane.api.viewsets import ApiViewSet
from eventlane.ids import is_id
from eventlane.wire.errors import (
    InvalidProjectId,
    MissingProjectId,
    PermissionDenied,
    UnknownProjectId,
)
from projects.access import projects_of
from projects.models import Account, ApiKey, Project


class OrganizationObjectViewSet(ApiViewSet):
    """Routes for what an organization has. Actions in `admin_actions` are refused to the role user."""

    admin_actions: Collection[str] = ()

    @property
    def api_key(self) -> ApiKey:
        """The key of the request."""
        return cast(ApiKey, self.request.auth)

    @property
    def account(self) -> Account:
        """The account that the request's key acts for."""
        return cast(Account, self.request.user)

    def check_permissions(self, request: Request) -> None:
        """Check the key's rights, then the account's role."""
        super().check_permissions(request)
        if self.action in self.admin_actions and self.account.role != Account.Role.ADMIN:
            raise PermissionDenied("Only admins may do that.")


class ProjectObjectViewSet(OrganizationObjectViewSet):
    """Routes that work on the project in X-Eventline-Project-Id: `self.project`."""

    project: Project

    def select_project(self, request: Request) -> None:
        """Find the project. One of another organization is unknown."""
        project_id = request.META.get("HTTP_X_EVENTLINE_PROJECT_ID", "").strip()
        if not project_id:
            raise MissingProjectId
        if not is_id(project_id):
            raise InvalidProjectId
        project = projects_of(self.api_key).filter(pk=project_id).first()
        if project is None:
            raise UnknownProjectId
        self.project = project
