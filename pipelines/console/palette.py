"""What the palette finds of automation."""

from collections.abc import Callable
from functools import partial

from django.db.models import Q
from django.urls import reverse
from django.utils.http import urlencode

from eventlane.palette import Kind, Row, add_kinds, page_of
from pipelines.models import Identity, Pipeline, Resource

RESOURCE_PAGE = page_of("admin:pipelines_resource_change")


def resource_list(type: Resource.Type) -> str:
    """Return the address of the list of resources of a type."""
    return f"{reverse('admin:pipelines_resource_changelist')}?type__exact={type.value}"


def runs_address(name: str, project_id: str) -> str:
    """Return the address of the list of a pipeline's runs."""
    filters = urlencode({"name": name, "project__id__exact": project_id})
    return f"{reverse('admin:pipelines_pipeline_changelist')}?{filters}"


def resource_kind(
    type: Resource.Type,
    plural: str,
    icon: str,
    url: Callable[[Row], str] = RESOURCE_PAGE,
    title: str = "",
    also: tuple[str, ...] = (),
    needs: tuple[str, ...] = (),
) -> Kind:
    """Return a kind of resources; unless the menu has a page for it, its list is a part of that of resources."""
    called = title or str(type.label)
    only, list_url = Q(type=type), partial(resource_list, type)
    return Kind(called, plural, icon, Resource, url, only=only, list_url=list_url, also=also, needs=needs)


add_kinds(
    resource_kind(
        Resource.Type.PIPELINE,
        "Pipelines",
        "account_tree",
        lambda row: runs_address(row["found_name"], row["project_id"]),
        needs=("project_id",),
    ),
    resource_kind(Resource.Type.COMMAND, "Commands", "terminal", page_of("admin:pipelines_command_change")),
    resource_kind(Resource.Type.TRIGGER, "Triggers", "bolt", page_of("admin:pipelines_trigger_change")),
    resource_kind(Resource.Type.TASK, "Tasks", "task_alt"),
    Kind("Identity", "Identities", "passkey", Identity, page_of("admin:pipelines_identity_change")),
    Kind("Run of a pipeline", "Runs", "history", Pipeline, page_of("admin:pipelines_pipeline_change"), by_id=True),
)
