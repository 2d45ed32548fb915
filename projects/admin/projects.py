"""The console's pages for projects, as far as access is concerned."""

from typing import TYPE_CHECKING, Any, TypedDict

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.decorators import action, display

from eventlane.console import TypedDeleteAdmin, number, total_of
from eventlane.forms import ModelForm
from eventlane.ids import is_id
from eventlane.login import account_of
from eventlane.project_choice import project_choice
from projects.deletion import delete_project
from projects.models import ApiKey, Project

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


class KeyCount(TypedDict):
    """The counts in the list of projects."""

    keys: int


class ProjectForm(ModelForm):
    """A project of the user's organization, in which its name must be unique."""

    organization_id: str  # set by ProjectAdmin.get_form

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.organization_id = self.organization_id

    def clean_name(self) -> str:
        """Refuse a name that the organization already uses."""
        name = self.cleaned_data["name"]
        others = Project.objects.filter(organization_id=self.organization_id).exclude(pk=self.instance.pk)
        if others.filter(name=name).exists():
            raise ValidationError("The organization already has a project of this name.")
        return name


@admin.register(Project)
class ProjectAdmin(TypedDeleteAdmin):
    """Projects, as far as access is concerned; the apps above add the rest."""

    form = ProjectForm
    list_display: tuple[str, ...] = ("name", "key_count", "create_datasets", "creation_time")
    search_fields = ("name",)
    ordering = ("name",)
    totals: Any = {"keys": total_of(ApiKey.objects.all(), "project")}
    fieldsets: tuple[tuple[str | None, dict[str, tuple[str, ...]]], ...] = (
        (None, {"fields": ("name", "create_datasets", "events_per_month", "creation_time")}),
    )
    readonly_fields = ("creation_time",)
    actions_detail = ("choose",)

    def get_form(
        self, request: HttpRequest, obj: Project | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        """Return the form for the user's organization."""
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"organization_id": account_of(request).organization_id})

    def get_urls(self) -> list[URLPattern]:
        """Add the address to which the sidebar sends the choice."""
        switch = path("switch/", self.admin_site.admin_view(self.switch), name="projects_project_switch")
        return [switch, *super().get_urls()]

    def switch(self, request: HttpRequest) -> HttpResponse:
        """Let lists and other pages follow one project or all of them, then go back to the previous page."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        project_id = request.POST.get("project", "")
        project = self.get_queryset(request).filter(pk=project_id).first() if is_id(project_id) else None
        if project_id and project is None:
            raise Http404
        project_choice(request).choose(project)
        back = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
            back = reverse("admin:index")
        return HttpResponseRedirect(back)

    @action(description="Show only this project", icon="filter_alt", permissions=["view"])
    def choose(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask whether the console should follow this project, for organizations with too many for the sidebar."""
        project = self.get_object(request, object_id)
        if project is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        context = self.admin_site.each_context(request) | {"opts": self.opts, "project": project}
        return TemplateResponse(request, "projects/choose.html", context | {"title": "Show only this project"})

    def delete_model(self, request: HttpRequest, obj: Project) -> None:
        """Delete a project, even while it is in use."""
        delete_project(obj)

    def deletion_summary(self, rows: list[Project]) -> dict[str, str]:
        """Add how many keys are deleted with the project."""
        keys = ApiKey.objects.filter(project__in=rows).count()
        return super().deletion_summary(rows) | {"API keys": number(keys)}

    @display(description="API keys", ordering="keys")
    def key_count(self, project: "WithAnnotations[Project, KeyCount]") -> str:
        """Show how many keys are tied to the project."""
        return number(project.keys)
