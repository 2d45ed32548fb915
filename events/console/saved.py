"""Saved queries in the console: Explore shows the events that one of them is about."""

from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_safe

from events.access import datasets_of
from events.console.explore.question import Question
from events.query.saved import MEMBERS
from pipelines.console.causes import resource_url
from pipelines.models import Resource
from pipelines.resources.added import Link

TAKEN = ("datasets", "q", "from", "to")  # what Explore asks for, too
OF_GROUPS = ("calculations", "group_by", "having", "order_by", "limit", "others", "granularity")  # choose no events


def explore_link(resource: Resource) -> Link:
    """Return the link from a saved query to its events, and a note of what Explore leaves out."""
    data = resource.data
    name, *others = data["datasets"]
    left_out = [member for member in data if member not in (*TAKEN, *OF_GROUPS) and _is_chosen(data, member)]
    left_out += [f"dataset {other}" for other in others]
    note = f"Explore shows the events of {name}, without: {', '.join(left_out)}." if left_out else ""
    return Link("Open in Explore", reverse("console-explore-saved", args=[resource.pk]), note)


def _is_chosen(data: dict[str, Any], member: str) -> bool:
    return bool(data[member] != MEMBERS[member].default)


@require_safe
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
    question = Question(dataset.pk, data.get("q", "").strip(), str(data["from"]), str(data["to"]))
    return HttpResponseRedirect(reverse("console-explore") + question.address())
