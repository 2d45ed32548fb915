"""github: deliveries of GitHub's webhooks about an organization's repositories."""

from collections.abc import Mapping
from typing import Any

from pipelines.resources.shapes import optional, record, required, text

EVENTS = frozenset(
    {
        "branch_creation",
        "branch_deletion",
        "push",
        "raw",
        "repository_creation",
        "repository_deletion",
        "tag_creation",
        "tag_deletion",
    }
)
MAX_NAME_LENGTH = 100  # GitHub's limit for repositories; names of organizations are shorter

PARAMETERS = record(
    {
        "organization": required(text(most=MAX_NAME_LENGTH)),
        "repository": optional(text(most=MAX_NAME_LENGTH)),
    }
)


def concerns(parameters: Mapping[str, Any], data: Mapping[str, Any]) -> bool:
    """Return whether an event matches a subscription's parameters, as far as the event says.

    GitHub's names ignore case: Exograd and exograd are the same organization.
    """
    origin = _origin(data)
    return all(
        origin[name].casefold() == str(wanted).casefold()
        for name, wanted in parameters.items()
        if isinstance(origin.get(name), str)
    )


def _origin(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return organization and repository of an event; a raw one has them within GitHub's payload."""
    payload = data.get("event")
    if not isinstance(payload, Mapping):
        return dict(data)
    repository, organization = _object(payload, "repository"), _object(payload, "organization")
    owner = _object(repository, "owner")
    origin = {"organization": organization.get("login", owner.get("login")), "repository": repository.get("name")}
    return origin | {name: data[name] for name in origin if name in data}


def _object(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    member = value.get(name)
    return member if isinstance(member, Mapping) else {}
