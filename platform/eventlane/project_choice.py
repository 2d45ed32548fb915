"""The project that the console's lists follow: chosen in the sidebar, kept in the session, always one of the user's."""

from functools import cached_property
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from eventlane.login import account_of

SESSION_KEY = "project"
MOST_OFFERED = 200  # an organization with more projects chooses the others on their own pages


class ProjectChoice:
    """A request's choice, looked up when a page needs it."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def _first(self) -> list[Any]:
        """The organization's first projects by name, plus one to show that there are more."""
        return list(account_of(self._request).organization.projects.order_by("name")[: MOST_OFFERED + 1])

    @property
    def offered(self) -> list[Any]:
        """The projects to choose from, including the chosen one."""
        offered = self._first[:MOST_OFFERED]
        return offered if self.chosen in (None, *offered) else [self.chosen, *offered]

    @property
    def has_more(self) -> bool:
        """Whether there are more projects than those offered."""
        return len(self._first) > MOST_OFFERED

    @cached_property
    def chosen(self) -> Any:
        """The chosen project; None for all, or if it no longer exists."""
        project_id = self._request.session.get(SESSION_KEY)
        if not project_id:
            return None
        known = next((project for project in self._first if project.pk == project_id), None)
        return known or account_of(self._request).organization.projects.filter(pk=project_id).first()

    @property
    def only(self) -> Any:
        """The only project that can be meant: the chosen one, or the only one of the organization."""
        return self.chosen or (self._first[0] if len(self._first) == 1 else None)

    def choose(self, project: Model | None) -> None:
        """Save the choice in the session."""
        self._request.session[SESSION_KEY] = project.pk if project else ""
        self.__dict__.pop("chosen", None)


def project_choice(request: HttpRequest) -> ProjectChoice:
    """Return the request's choice, the same object on every call."""
    choice: ProjectChoice = vars(request).setdefault("_project_choice", ProjectChoice(request))
    return choice
