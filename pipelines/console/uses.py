"""How the resources of a project are related: what a resource names, and what names it."""

from collections.abc import Iterable

from pipelines.console.causes import resource_url
from pipelines.models import Resource

Links = list[tuple[str, str]]  # name and address; the address is empty if no such resource is deployed


def related(resource: Resource) -> list[tuple[str, Links]]:
    """Return links with titles; empty groups are left out."""
    others = list(Resource.objects.filter(project=resource.project_id))
    pipelines = [one for one in others if one.type == Resource.Type.PIPELINE]
    found: list[tuple[str, Links]] = []
    if resource.type == Resource.Type.PIPELINE:
        starters = [one for one in others if resource.name in one.data.get("pipelines", ())]
        found.append(("Started by", [(str(one), resource_url(one)) for one in _by_name(starters)]))
        names = dict.fromkeys(entry["task"] for entry in resource.data["tasks"])
        found.append(("Tasks", links_to(names, [one for one in others if one.type == Resource.Type.TASK])))
    elif resource.type == Resource.Type.TASK:
        users = [one for one in pipelines if any(entry["task"] == resource.name for entry in one.data["tasks"])]
        found.append(("Used by", [(one.name, resource_url(one)) for one in _by_name(users)]))
    elif resource.type == Resource.Type.CHANNEL:
        users = [one for one in others if resource.name in one.data.get("channels", ())]
        found.append(("Used by", [(one.name, resource_url(one)) for one in _by_name(users)]))
    elif resource.starts_pipelines:
        found.append(("Starts", links_to(resource.data["pipelines"], pipelines)))
    return [(title, links) for title, links in found if links]


def links_to(names: Iterable[str], resources: Iterable[Resource]) -> Links:
    """Return the names, each with the page of its resource."""
    by_name = {one.name: one for one in resources}
    return [(name, resource_url(by_name[name]) if name in by_name else "") for name in names]


def _by_name(resources: Iterable[Resource]) -> list[Resource]:
    return sorted(resources, key=lambda one: one.name)
