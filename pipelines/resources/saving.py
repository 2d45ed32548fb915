"""Save a resource in a person's name, rename or delete it: what the console does besides deployments.

Only kinds that other apps add (added.py) can be saved. A deployment leaves such a resource alone, until it has a spec
of the same type and name. Who saves must be an admin, as for deploying, and is recorded in the resource's history.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db import transaction
from django.utils import timezone

from eventlane.wire.errors import ApiError, InvalidRequestBody, PermissionDenied, Problem, StateError, UnknownObject
from pipelines.models import Identity, Resource
from pipelines.resources.added import ADDED
from pipelines.resources.deploy import lock_project
from pipelines.resources.specs import Spec, check_saved
from projects.models import Account, Project


class NameTaken(StateError):
    """The project has a resource of this type and name."""

    def __init__(self, taken: Resource) -> None:
        self.taken = taken
        article = "an" if taken.type == Resource.Type.ALERT else "a"
        super().__init__("name_taken", f"There is already {article} {taken}, made by {_who(taken)}.")


@transaction.atomic
def save_resource(project: Project, spec: Any, *, account: Account, over: Resource | None = None) -> Resource:
    """Save a spec: as a new resource that the account made, or as `over`, which gets its name, too.

    The project must be one that the account sees. Raises PermissionDenied; InvalidRequestBody with pointers into the
    spec; NameTaken; StateError if `over` belongs to deployments; UnknownObject if it was deleted meanwhile, or is in
    another project.
    """
    _require_admin(account)
    lock_project(project)
    if over is not None:
        over = _locked(over)
        if over.project_id != project.pk:
            raise UnknownObject("resource")
    rows = {(row.type, row.name): row for row in Resource.objects.filter(project=project)}
    checked = checked_spec(project, spec, rows)
    taken = rows.get((checked["type"], checked["name"]))
    if taken is not None and taken != over:
        raise NameTaken(taken)
    return _store(project, checked, account, over)


@transaction.atomic
def delete_saved(resource: Resource, *, account: Account) -> None:
    """Delete what a person saved. Raises PermissionDenied; StateError if it belongs to deployments; UnknownObject."""
    _require_admin(account)
    lock_project(resource.project)
    saved = _locked(resource)
    _record(account, saved, DELETION, "")
    saved.delete()


def _require_admin(account: Account) -> None:
    if account.role != Account.Role.ADMIN:
        raise PermissionDenied("Only admins may save or delete resources.")


def _locked(resource: Resource) -> Resource:
    """Return the resource as it is now; the project's lock keeps it so."""
    current = Resource.objects.select_related("project").filter(pk=resource.pk, project=resource.project_id).first()
    if current is None:
        raise UnknownObject("resource")
    if not current.is_saved:
        raise StateError("resource_deployed", f"A deployment made the {current}, so only deployments change it.")
    return current


def checked_spec(project: Project, spec: Any, rows: Mapping[tuple[str, str], Resource]) -> Spec:
    """Return a spec as it would be saved beside a project's resources; raise InvalidRequestBody."""
    if isinstance(spec, dict) and spec.get("type") not in ADDED:
        raise InvalidRequestBody([Problem("/type", f"must be {' or '.join(sorted(ADDED))}: others are only deployed")])
    identities = {identity.name: identity for identity in Identity.objects.filter(project=project)}
    others = {key: row.spec for key, row in rows.items()}
    return check_saved(spec, others=others, identities=identities)


def _store(project: Project, spec: Spec, account: Account, over: Resource | None) -> Resource:
    now = timezone.now()
    made = {"made_by": Resource.Maker.PERSON, "creator": account, "creator_name": account.email}
    saved = over or Resource(project=project, type=spec["type"], creation_time=now, **made)
    action, said = (CHANGE, _change(saved.name, spec["name"])) if over else (ADDITION, "Saved.")
    saved.name, saved.spec, saved.update_time = spec["name"], spec, now
    saved.save()
    ADDED[saved.type].deployed([saved])
    _record(account, saved, action, said)
    return saved


def _change(old: str, new: str) -> str:
    return "Saved again." if old == new else f"Saved again. Until now it was called {old}."


def spoken(error: ApiError) -> list[str]:
    """Return what was wrong as sentences for people."""
    problems = error.data["jsv_errors"] if isinstance(error, InvalidRequestBody) else []
    return [f"{_place(**problem)}{problem['reason']}" for problem in problems] or [error.message]


def _place(pointer: str, reason: str) -> str:
    place = pointer.removeprefix("/data").removeprefix("/").replace("/", ".")
    return f"{place}: " if place else ""


def _record(account: Account, resource: Resource, action: int, said: str) -> None:
    LogEntry.objects.log_actions(account.pk, [resource], action, said, single_object=True)


def _who(resource: Resource) -> str:
    return resource.maker if resource.is_saved else "a deployment"
