"""Saved queries in the console: Explore asks what one of them asks, as far as its form goes."""

from time import time_ns
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.urls import reverse

from eventlane.ids import is_id
from eventlane.wire.errors import InvalidRequestBody
from events.access import datasets_of
from events.console.explore.filter_terms import with_filters
from events.console.explore.question import RECEIVED, Question, explore_address
from events.query.body import read_query
from events.query.saved import MEMBERS
from events.query.typed import elements, show_calculation
from pipelines.console.causes import resource_url
from pipelines.models import Resource
from pipelines.resources.added import Link

TAKEN = (
    "datasets",
    "q",
    "from",
    "to",
    "time",
    "others",
    "granularity",
)  # what Explore asks for, too, or shows as it chooses
GROUPS = ("calculations", "group_by", "order_by", "limit")


def explore_link(resource: Resource) -> Link:
    """Return the link from a saved query to Explore, and a note of what is left out there."""
    missing = left_out(resource.data)
    note = f"Explore leaves out: {', '.join(missing)}." if missing else ""
    return Link("Open in Explore", open_address(resource), note)


def open_address(resource: Resource) -> str:
    """Return the address that leads to a saved query's question."""
    return reverse("console-explore-saved", args=[resource.pk])


def saved_question(resource: Resource, dataset: str) -> Question:
    """Return the question that a saved query asks of a dataset, given by its id."""
    data = resource.data
    frame = {"from_time": str(data["from"]), "to_time": str(data["to"]), "time": time_of(data)}
    groups = groups_of(data) or {}
    return Question(dataset, q=search_of(data), saved=resource.pk, **frame, **groups)


def time_of(data: dict[str, Any]) -> str:
    """Return which time of events a query means, as a question of Explore says it."""
    return RECEIVED if data.get("time") == RECEIVED else ""


def search_of(data: dict[str, Any]) -> str:
    """Return the search line of a query, with its filters where it can say them."""
    q: str = (data.get("q") or "").strip()
    return _with_filters(q, data) or q


def _with_filters(q: str, data: dict[str, Any]) -> str | None:
    asked = {member: data[member] for member in ("datasets", "filters") if member in data}
    try:
        return with_filters(q, read_query(asked, now_us=time_ns() // 1000).filter)
    except InvalidRequestBody:
        return None  # an older version may have accepted what this one doesn't


def left_out(data: dict[str, Any]) -> list[str]:
    """Return which members of a query, and which datasets, Explore does without."""
    _, *others = data["datasets"]
    taken = (*TAKEN, *GROUPS) if groups_of(data) is not None else TAKEN
    taken = taken if _with_filters(data.get("q") or "", data) is None else (*taken, "filters")
    chosen = [member for member in MEMBERS if member in data and member not in taken and _is_chosen(data, member)]
    return chosen + [f"dataset {other}" for other in others]


def groups_of(data: dict[str, Any]) -> dict[str, str] | None:
    """Return what a question of Explore says of groups; None if a saved query's groups can't be written that way."""
    asked = {member: data[member] for member in ("datasets", *GROUPS) if member in data}
    try:
        query = read_query(asked, now_us=0)  # without its times: `from: 1h` with a fixed `to` is wrong one day
    except InvalidRequestBody:
        return None  # an older version may have accepted what this one doesn't
    calculations, paths = [show_calculation(one) for one in query.calculations], list(query.group_by)
    calculate, by = ", ".join(calculations), ", ".join(paths)
    if (elements(calculate), elements(by)) != (calculations, paths) or len(query.order_by) > 1:
        return None
    if not calculations:
        return {} if not query.order_by else None
    [order] = query.order_by or [None]
    found = {"calculate": calculate, "by": by, "limit": "" if data.get("limit") is None else str(query.limit)}
    return found | {"order": f"{order.by}{' desc' if order.descending else ''}" if order else ""}


def _is_chosen(data: dict[str, Any], member: str) -> bool:
    return bool(data[member] != MEMBERS[member].default)


def open_saved(request: HttpRequest, resource_id: str) -> HttpResponseRedirect:
    """Go to the question that a saved query asks; back to its page if there is no such dataset."""
    saved = find_saved(request, resource_id)
    if saved is None:
        raise Http404
    name = saved.data["datasets"][0]
    dataset = datasets_of(saved.project).filter(name=name).first()
    if dataset is None:
        messages.error(request, f"There is no dataset {name} in the project.")
        return HttpResponseRedirect(resource_url(saved))
    return HttpResponseRedirect(reverse("console-explore") + saved_question(saved, dataset.pk).address())


def saved_queries(request: HttpRequest) -> QuerySet[Resource]:
    """Return the saved queries that the account sees."""
    resources: Any = admin.site.get_model_admin(Resource)
    rows: QuerySet[Resource] = resources.get_queryset(request).filter(type=Resource.Type.QUERY)
    return rows.select_related("project")


def find_saved(request: HttpRequest, resource_id: str) -> Resource | None:
    """Return a saved query that the account sees, if there is one with this id."""
    return saved_queries(request).filter(pk=resource_id).first() if is_id(resource_id) else None


def question_address(dataset: str, data: dict[str, Any], from_time: str, to_time: str) -> str:
    """Return the address of Explore that asks what a query asks, as far as its form goes."""
    asked = {"from_time": from_time, "to_time": to_time, "time": time_of(data), **(groups_of(data) or {})}
    return explore_address(dataset, q=search_of(data), **asked)
