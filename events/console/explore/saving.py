"""Questions with a name: those that Explore offers, and saving the one that the address asks (docs/query.md)."""

from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.timezone import get_current_timezone

from eventlane.login import account_of
from eventlane.wire.errors import ApiError
from events.console.explore.parts import dataset_of
from events.console.explore.question import NOW, PRESETS, Question, read_question
from events.console.saved import find_saved, left_out, open_address, saved_queries, saved_question
from events.models import Dataset
from events.query.times import without_zone
from events.query.typed import elements
from pipelines.console.causes import resource_url
from pipelines.models import Resource
from pipelines.resources.saving import NameTaken, save_resource, spoken
from projects.models import Account

OFFERED = 30
KEPT = ("granularity", "others")
VERSION = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """The saved query that a question began with.

    `as_saved` is the address of its own question, empty if that is the one asked; `without` that of the question alone.
    """

    row: Resource
    page: str
    as_saved: str
    own_frame: str
    without: str
    left_out: str
    may_replace: bool


def saved_context(request: HttpRequest, dataset: Dataset, question: Question) -> dict[str, Any]:
    """Return what Explore shows of saved and recent questions."""
    rows = list(saved_queries(request).filter(project=dataset.project).order_by("name")[: OFFERED + 1])
    resources = reverse("admin:pipelines_resource_changelist")
    return {
        "asked": _asked(request, dataset, question),
        "saved": [(row, open_address(row)) for row in rows[:OFFERED]],
        "saved_more": len(rows) > OFFERED,
        "saved_list": f"{resources}?type__exact={Resource.Type.QUERY}&project__id__exact={dataset.project_id}",
        "may_save": _may_save(request),
        "save_url": _save_url(question),
        "summary": summary(dataset, question),
        "frame_summary": _frame(question),
        "recent_address": replace(question, saved="").address(),
        "recent_of": account_of(request).pk,
    }


def _asked(request: HttpRequest, dataset: Dataset, question: Question) -> Asked | None:
    row = find_saved(request, question.saved)
    if row is None or row.project_id != dataset.project_id:
        return None
    own = saved_question(row, dataset.pk if dataset.name == row.data["datasets"][0] else "")
    missing = left_out(row.data)
    changed = replace(question, before="") != own
    return Asked(
        row=row,
        page=resource_url(row),
        as_saved=open_address(row) if changed else "",
        own_frame=_frame(own),
        without=replace(question, saved="").address(),
        left_out=", ".join(missing),
        may_replace=changed and row.is_saved and not missing and _may_save(request),
    )


def summary(dataset: Dataset, question: Question) -> str:
    """Return a question in a line, without its time frame."""
    calculate, by = (", ".join(elements(text)) for text in (question.calculate, question.by))
    groups = " by ".join(part for part in (calculate or "count", by) if part)
    parts = [dataset.name, question.q, groups if question.asks_for_groups else ""]
    return " · ".join(part for part in parts if part)


def _frame(question: Question) -> str:
    if question.to_time == NOW:
        return PRESETS.get(question.from_time, question.from_time)
    return f"{question.from_time} to {question.to_time}"


# Saving


def save_question(request: HttpRequest) -> HttpResponse:
    """Save the address's question under a name, and go to it; show the form while there is something wrong with it."""
    question = read_question(request.GET)
    dataset = dataset_of(request, question)
    if not _may_save(request):
        raise PermissionDenied
    problems: list[str] = []
    taken = None
    if request.method == "POST":
        try:
            return _saved(request, dataset, question)
        except NameTaken as error:
            problems, taken = [error.message], error.taken
        except ApiError as error:
            problems = spoken(error)
    page = {
        **admin.site.each_context(request),
        "title": "Save a question",
        "name": request.POST.get("name", ""),
        "description": request.POST.get("description", ""),
        "problems": problems,
        "taken": taken,
        "may_replace": taken is not None and taken.is_saved and not left_out(taken.data),
        "summary": summary(dataset, question),
        "frame_summary": _frame(question),
        "save_url": _save_url(question),
        "back": reverse("console-explore") + question.address(),
    }
    return render(request, "events/explore_save.html", page, status=400 if problems else 200)


def _saved(request: HttpRequest, dataset: Dataset, question: Question) -> HttpResponse:
    """Save it, and go to it; raise ApiError."""
    over = _replaced(request, dataset)
    spec = {"type": Resource.Type.QUERY.value, "version": VERSION} | _named(request, over)
    spec["data"] = saved_data(question, dataset.name) | _kept(question, over)
    row = save_resource(dataset.project, spec, account=account_of(request), over=over)
    messages.success(request, f"Saved as {row.name}.")
    return HttpResponseRedirect(reverse("console-explore") + saved_question(row, dataset.pk).address())


def _replaced(request: HttpRequest, dataset: Dataset) -> Resource | None:
    """Return the saved query of the dataset's project that the form replaces, if Explore can; raise Http404."""
    wanted = request.POST.get("over", "")
    over = find_saved(request, wanted)
    if wanted and (over is None or over.project_id != dataset.project_id or left_out(over.data)):
        raise Http404
    return over


def _named(request: HttpRequest, over: Resource | None) -> dict[str, str]:
    """Return name and description: the form's, or those of the one that is replaced, where the form has none."""
    before: dict[str, str] = over.spec if over else {}
    given = {member: request.POST.get(member, "").strip() or before.get(member) for member in ("name", "description")}
    return {"name": given["name"] or ""} | ({"description": given["description"]} if given["description"] else {})


def saved_data(question: Question, dataset_name: str) -> dict[str, Any]:
    """Return the data of a saved query that asks a question.

    It has no time zone, so that everybody sees it in their own. A date becomes the moment that it means here.
    """
    zone = get_current_timezone()
    if str(zone) != "UTC":
        question = replace(
            question, from_time=without_zone(question.from_time, zone), to_time=without_zone(question.to_time, zone)
        )
    body = question.groups_body(dataset_name) if question.asks_for_groups else question.body(dataset_name)
    return {member: value for member, value in body.items() if value not in ("", []) and member != "time_zone"}


def _kept(question: Question, over: Resource | None) -> dict[str, Any]:
    """Return what stays of the one that is replaced: what Explore shows as it chooses."""
    data = over.data if over and question.asks_for_groups else {}
    return {member: data[member] for member in KEPT if member in data}


def _may_save(request: HttpRequest) -> bool:
    return account_of(request).role == Account.Role.ADMIN


def _save_url(question: Question) -> str:
    return reverse("console-explore-save") + question.address()
