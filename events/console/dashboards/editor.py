"""The editor: a dashboard as YAML with a preview, and what is wrong with it, line by line. Admins save it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from eventlane import exact_numbers
from eventlane.login import account_of
from eventlane.wire.errors import ApiError, InvalidRequestBody, Problem
from events.console.dashboards.frame import Frame, read_frame
from events.console.dashboards.page import Panel, find_dashboard, frame_context, may_save, show_page, show_panel
from events.console.dashboards.widgets import show_widget, title_of
from events.console.own import query_owner
from events.dashboards import starter, widget
from events.models import Dataset
from pipelines.models import Resource
from pipelines.resources.files import spec_text
from pipelines.resources.saving import NameTaken, save_resource
from pipelines.resources.shapes import storable
from pipelines.resources.specs import Spec, check_saved
from pipelines.resources.yaml_text import InvalidYaml, places_of, read_yaml
from projects.models import Project

_LINE = re.compile(r"line ([0-9]+): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something that is wrong with the text: in which line, if that can be told, and at which place of the spec."""

    line: int | None
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A text that is being edited, in a project; `over` is the saved dashboard that it will replace."""

    project: Project
    text: str
    over: Resource | None = None

    @property
    def seen(self) -> str:
        """Which version of the saved dashboard the text began with."""
        return self.over.update_time.isoformat() if self.over else ""


def edit_dashboard(request: HttpRequest, resource_id: str = "") -> HttpResponse:
    """Show the editor of a new dashboard, or of one that was saved; check or save what is sent."""
    if not may_save(request):
        raise PermissionDenied
    draft = _draft(request, resource_id)
    if request.method != "POST":
        return _show(request, draft)
    draft = Draft(draft.project, request.POST.get("text", "").replace("\r\n", "\n"), draft.over)
    if "save" not in request.POST:
        return _show(request, draft)
    if draft.seen != request.POST.get("seen", ""):
        return _show(request, draft, [Mistake(None, "", "somebody else saved it meanwhile: open it in another tab")])
    return _save(request, draft)


def preview_part(request: HttpRequest) -> HttpResponse:
    """Return what a panel would show; the widget is in the request's body."""
    if not may_save(request):
        raise PermissionDenied
    project = _project(request, request.POST.get("project", ""))
    problems: list[Problem] = []
    try:
        given = exact_numbers.decode(request.POST.get("widget", "").encode())
    except ValueError:
        raise Http404 from None
    problems += storable(given, "")
    checked = None if problems else widget(given, "", problems)
    if problems or checked is None:
        raise Http404
    frame = read_frame(request.POST, {"from": "1h", "to": "now"})
    return show_panel(request, show_widget(project, checked, frame, query_owner(request)))


# The text


def _draft(request: HttpRequest, resource_id: str) -> Draft:
    """Return the text to begin with: what was saved, a copy of a dashboard, or one that suits a dataset."""
    if resource_id:
        saved = find_dashboard(request, resource_id)
        if not saved.is_saved:
            raise Http404
        return Draft(saved.project, spec_text(saved.spec, compact=True), saved)
    if copied := request.GET.get("copy", ""):
        original = find_dashboard(request, copied)
        spec, project = original.spec, original.project
    else:
        model_admin: Any = admin.site.get_model_admin(Dataset)
        dataset = model_admin.get_object(request, request.GET.get("dataset", ""))
        if dataset is None:
            raise Http404
        spec, project = starter(dataset.name), dataset.project
    return Draft(project, spec_text(spec | {"name": _free_name(project, spec["name"])}, compact=True))


def _free_name(project: Project, name: str) -> str:
    """Return the name, or the name with a number if the project has a dashboard that is called so."""
    taken = set(Resource.objects.filter(project=project, type=Resource.Type.DASHBOARD).values_list("name", flat=True))
    names = (f"{name[:90]}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(one for one in names if one not in taken)


def _read(text: str) -> Spec:
    """Return the checked spec of a text; raise InvalidYaml or InvalidRequestBody."""
    documents = list(read_yaml(text))
    if len(documents) != 1:
        raise InvalidYaml(f"there are {len(documents)} documents in it instead of one")
    [spec] = documents
    if isinstance(spec, dict) and spec.get("type", "") != Resource.Type.DASHBOARD:
        raise InvalidRequestBody([Problem("/type", "must be dashboard")])
    return check_saved(spec, others={}, identities={})


def _mistakes(error: InvalidYaml | ApiError, text: str) -> list[Mistake]:
    if isinstance(error, InvalidRequestBody):
        found = error.data["jsv_errors"]
        lines = places_of(text, [one["pointer"] for one in found])
        return [Mistake(line, one["pointer"][1:], one["reason"]) for line, one in zip(lines, found, strict=True)]
    if isinstance(error, NameTaken):
        return [Mistake(places_of(text, ["/name"])[0], "", error.message)]
    if isinstance(error, ApiError):
        return [Mistake(None, "", error.message)]
    match = _LINE.fullmatch(str(error))
    return [Mistake(int(match[1]), "", match[2]) if match else Mistake(None, "", str(error))]


def _save(request: HttpRequest, draft: Draft) -> HttpResponse:
    try:
        spec = _read(draft.text)
        saved = save_resource(draft.project, spec, account=account_of(request), over=draft.over)
    except (InvalidYaml, ApiError) as error:
        return _show(request, draft, _mistakes(error, draft.text))
    messages.success(request, f"Dashboard {saved.name} saved.")
    return HttpResponseRedirect(reverse("console-dashboard", args=[saved.pk]))


# The page


def _show(request: HttpRequest, draft: Draft, mistakes: list[Mistake] | None = None) -> HttpResponse:
    """Show the text with its mistakes, or with a preview if there is none."""
    preview: dict[str, Any] = {}
    if mistakes is None:
        try:
            preview = _preview(_read(draft.text)["data"])
        except (InvalidYaml, ApiError) as error:
            mistakes = _mistakes(error, draft.text)
    found = {"title": f"Edit {draft.over.name}" if draft.over else "New dashboard", "draft": draft}
    return show_page(request, "dashboard_editor", found | {"mistakes": mistakes, **preview})


def _preview(data: Mapping[str, Any]) -> dict[str, Any]:
    frame = read_frame({}, data)
    frame = Frame(frame.from_time, frame.to_time)
    address = reverse("console-dashboard-preview")
    panels = [
        Panel(
            title=title_of(one),
            kind=one["type"],
            width=one["width"],
            height=one["height"],
            address=address,
            widget=exact_numbers.encode(one).decode(),
        )
        for one in data["widgets"]
    ]
    return {"panels": panels, "columns": data["columns"], **frame_context(frame)}


def _project(request: HttpRequest, project_id: str) -> Project:
    model_admin: Any = admin.site.get_model_admin(Project)
    found: Project | None = model_admin.get_object(request, project_id)
    if found is None:
        raise Http404
    return found
