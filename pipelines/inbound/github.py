"""GitHub's deliveries (docs/api/v0.md, section 6.7).

    push of a branch      created: branch_creation and push, deleted: branch_deletion, else: push
    push of a tag         created: tag_creation, deleted: tag_deletion
    repository            created: repository_creation, deleted: repository_deletion
    every delivery        raw

GitHub's own `create` and `delete` accompany a push that says more: they have no revision. They become raw only.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from eventlane.wire.errors import BadRequest, InvalidRequestBody, Problem
from eventlane.wire.values import Hold
from pipelines.inbound.payload import read_payload
from pipelines.inbound.signature import check_signature
from pipelines.models import Hook, HookDelivery, PlatformEvent
from pipelines.platform_events import create_events

KEPT_DELIVERIES = timedelta(days=30)  # GitHub can redeliver what is up to 3 days old
SIGNATURE = "X-Hub-Signature-256"
MAX_HEADER_LENGTH = 100
REPOSITORY_ACTIONS = {"created": "repository_creation", "deleted": "repository_deletion"}


def take(hook: Hook, headers: Mapping[str, str], body: bytes, hold_values: Hold) -> list[PlatformEvent]:
    """Check a delivery and create its events; a repeated delivery creates none."""
    check_signature(hook, headers, SIGNATURE, body)
    event_type, delivery_id = _required(headers, "X-GitHub-Event"), _required(headers, "X-GitHub-Delivery")
    payload = read_payload(body, hold_values)
    if not isinstance(payload, dict):
        raise InvalidRequestBody([Problem("", "must be a JSON object")])
    with transaction.atomic():
        HookDelivery.objects.filter(hook=hook, creation_time__lt=timezone.now() - KEPT_DELIVERIES).delete()
        _, is_new = HookDelivery.objects.get_or_create(hook=hook, delivery_id=delivery_id)
        if not is_new:
            return []
        raw = {"delivery_id": delivery_id, "event_type": event_type, "event": payload}
        named = [*events_of(event_type, payload), ("raw", raw)]
        return [event for name, data in named for event in create_events(hook.project, "github", name, data)]


def events_of(event_type: str, payload: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield name and data of the events in a delivery, except `raw`."""
    origin = _origin(payload)
    if origin is None:
        return
    if event_type == "push":
        yield from _push_events(payload, origin)
    elif event_type == "repository" and str(payload.get("action")) in REPOSITORY_ACTIONS:
        yield REPOSITORY_ACTIONS[str(payload["action"])], origin


def _push_events(payload: Mapping[str, Any], origin: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    _, kind, name = (*str(payload.get("ref", "")).split("/", 2), "", "")[:3]
    noun = {"heads": "branch", "tags": "tag"}.get(kind)
    if noun is None:
        return
    named, before, after = origin | {noun: name}, payload.get("before"), payload.get("after")
    if payload.get("deleted") is True:
        yield f"{noun}_deletion", named | {"revision": before}
        return
    is_new = payload.get("created") is True
    if is_new:
        yield f"{noun}_creation", named | {"revision": after}
    if noun == "branch":
        yield "push", named | ({} if is_new else {"old_revision": before}) | {"new_revision": after}


def _origin(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return organization and repository. A person's repository has their login as organization."""
    repository = _member(payload, "repository")
    owner = _member(repository, "owner")
    organization = _member(payload, "organization").get("login") or owner.get("login") or owner.get("name")
    name = repository.get("name")
    return {"organization": organization, "repository": name} if organization and name else None


def _member(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    member = value.get(name)
    return member if isinstance(member, Mapping) else {}


def _required(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name, "").strip()
    if not value or len(value) > MAX_HEADER_LENGTH or not value.isprintable():
        raise BadRequest(f"The header {name} is missing or not a valid name.")
    return value
