"""Deploy a set of specs as all that deployments made in a project (docs/api/v0.md, section 5.5).

It happens completely or not at all.

New specs create resources, others change them, and resources that a deployment made and that aren't in the set are
deleted. Unchanged ones are left alone, including update_time, and a trigger's subscription with its next tick. Whether
a resource is disabled isn't part of its spec and stays as it is.

What a person saved (saving.py) stays, unless the set has a spec of the same type and name: that takes it over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from eventlane.transactions import retry
from eventlane.wire.errors import UnknownObject
from pipelines.connectors.time import first_tick
from pipelines.hooks import ensure_hooks
from pipelines.models import Identity, Resource, Subscription
from pipelines.resources.added import ADDED
from pipelines.resources.shapes import equal
from pipelines.resources.specs import Spec, check_specs
from projects.models import Project

Key = tuple[str, str]  # type and name


@dataclass(frozen=True, slots=True)
class Deployment:
    """What a deployment did, or would do: resources by type and name, and the specs of both sides.

    `taken_over` are those of the updated ones that a person had made, `left` what people made and the set doesn't have;
    both with who that was.
    """

    created: list[Key]
    updated: list[Key]
    deleted: list[Key]
    unchanged: list[Key]
    taken_over: Mapping[Key, str]
    left: Mapping[Key, str]
    before: Mapping[Key, Spec]
    after: Mapping[Key, Spec]


def deploy(project: Project, specs: Any, *, dry_run: bool = False) -> Deployment:
    """Make `specs` the resources of the project and return what changed; a dry run only returns it.

    Raises InvalidRequestBody with all problems of all specs. A second deployment of the same project waits.
    """
    return retry(lambda: _deploy(project, specs, dry_run))  # deleting detaches resources from running pipelines


def _deploy(project: Project, specs: Any, dry_run: bool) -> Deployment:
    if not dry_run:
        lock_project(project)
    identities = {identity.name: identity for identity in Identity.objects.filter(project=project)}
    wanted = {(spec["type"], spec["name"]): spec for spec in check_specs(specs, identities=identities)}
    existing = {(row.type, row.name): row for row in Resource.objects.filter(project=project)}
    deployment = _compare(existing, wanted)
    if not dry_run:
        _apply(project, deployment, existing, timezone.now())
    return deployment


def lock_project(project: Project) -> None:
    """Hold up deployments, and others that save resources, until this transaction ends.

    Events, pipelines and keys of the project can still be created.
    """
    if Project.objects.select_for_update(no_key=True).filter(pk=project.pk).first() is None:
        raise UnknownObject("project")  # someone deleted it meanwhile


def _compare(existing: Mapping[Key, Resource], wanted: Mapping[Key, Spec]) -> Deployment:
    saved = {key: existing[key].maker for key in sorted(existing) if existing[key].is_saved}
    changed = {
        key for key in wanted if key in existing and (key in saved or not equal(existing[key].spec, wanted[key]))
    }
    return Deployment(
        created=[key for key in wanted if key not in existing],
        updated=[key for key in wanted if key in changed],
        deleted=sorted(key for key in existing if key not in wanted and key not in saved),
        unchanged=[key for key in wanted if key in existing and key not in changed],
        taken_over={key: saved[key] for key in saved if key in wanted},
        left={key: saved[key] for key in saved if key not in wanted},
        before={key: resource.spec for key, resource in existing.items()},
        after=wanted,
    )


def _apply(project: Project, deployment: Deployment, existing: Mapping[Key, Resource], now: datetime) -> None:
    after = deployment.after
    Resource.objects.filter(pk__in=[existing[key].pk for key in deployment.deleted]).delete()
    updated = [existing[key] for key in deployment.updated]
    for resource in updated:
        resource.spec, resource.update_time = after[resource.type, resource.name], now
        resource.made_by, resource.creator, resource.creator_name = Resource.Maker.DEPLOYMENT, None, ""
    fields = ["spec", "update_time", "made_by", "creator", "creator_name"]
    Resource.objects.bulk_update(updated, fields, batch_size=500)
    created = [
        Resource(project=project, type=kind, name=name, spec=after[kind, name], creation_time=now, update_time=now)
        for kind, name in deployment.created
    ]
    Resource.objects.bulk_create(created, batch_size=500)
    _subscribe(project, [row for row in (*updated, *created) if row.type == Resource.Type.TRIGGER], now)
    ensure_hooks(project)
    for kind, added in ADDED.items():
        if rows := [row for row in (*updated, *created) if row.type == kind]:
            added.deployed(rows)


def _subscribe(project: Project, triggers: Sequence[Resource], now: datetime) -> None:
    """Give triggers new subscriptions, except those that still listen to the same: their timers continue."""
    running = {row.pk: row for row in Subscription.objects.filter(trigger__in=triggers)}
    wanted = [_subscription(project, trigger, now) for trigger in triggers]
    new = [row for row in wanted if row.pk not in running or not _is_same(running[row.pk], row)]
    Subscription.objects.filter(pk__in=[row.pk for row in new]).delete()
    Subscription.objects.bulk_create(new, batch_size=500)


def _subscription(project: Project, trigger: Resource, now: datetime) -> Subscription:
    data = trigger.data
    is_timer = (data["connector"], data["event"]) == ("time", "tick")
    return Subscription(
        trigger=trigger,
        project=project,
        connector=data["connector"],
        event=data["event"],
        parameters=data["parameters"],
        identity=data.get("identity", ""),
        creation_time=now,
        next_tick_time=first_tick(data["parameters"], now) if is_timer else None,
    )


def _is_same(one: Subscription, other: Subscription) -> bool:
    if (one.connector, one.event, one.identity) != (other.connector, other.event, other.identity):
        return False
    return equal(one.parameters, other.parameters)
