"""Saved queries in the console: Explore asks what one of them asks, as far as its form goes."""

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.urls import reverse

from eventlane.wire.errors import InvalidRequestBody
from events.access import datasets_of
from events.console.explore.question import explore_address
from events.query.body import read_query
from events.query.saved import MEMBERS
from events.query.typed import elements, show_calculation
from pipelines.console.causes import resource_url
from pipelines.models import Resource
from pipelines.resources.added import Link

TAKEN = ("datasets", "q", "from", "to", "others", "granularity")  # what Explore asks for, too, or shows as it chooses
GROUPS = ("calculations", "group_by", "order_by", "limit")


def explore_link(resource: Resource) -> Link:
    """Return the link from a saved query to Explore, and a note of what is left out there."""
    left = left_out(resource.data)
    note = f"Explore leaves out: {', '.join(left)}." if left else ""
    return Link("Open in Explore", reverse("console-explore-saved", args=[resource.pk]), note)


def left_out(data: dict[str, Any]) -> list[str]:
    """Return which members of a query, and which datasets, Explore does without."""
    _, *others = data["datasets"]
    taken = (*TAKEN, *GROUPS) if groups_of(data) is not None else TAKEN
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
    resources: Any = admin.site.get_model_admin(Resource)
    saved = resources.get_object(request, resource_id)
    if saved is None or saved.type != Resource.Type.QUERY:
        raise Http404
    data = saved.data
    dataset = datasets_of(saved.project).filter(name=data["datasets"][0]).first()
    if dataset is None:
        messages.error(request, f"There is no dataset {data['datasets'][0]} in the project.")
        return HttpResponseRedirect(resource_url(saved))
    asked = {"from_time": str(data["from"]), "to_time": str(data["to"]), **(groups_of(data) or {})}
    return HttpResponseRedirect(explore_address(dataset.pk, q=data.get("q", "").strip(), **asked))
