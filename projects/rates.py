"""How much a sender may send a second: what a key says, or else the settings."""

from dataclasses import dataclass

from django.conf import settings

from projects.models import ApiKey

REQUESTS, BYTES = "requests", "content-bytes"  # units, as the header RateLimit-Policy calls them


@dataclass(frozen=True, slots=True)
class Rate:
    """A limit of one sender: `per_second` of a unit, in all web processes of a node together."""

    policy: str  # its name in headers
    sender: str  # the id of a key or a project
    unit: str
    per_second: int


def rates_of(api_key: ApiKey) -> tuple[Rate, ...]:
    """Return the limits that a key's requests have, its own and its project's. None: nothing is counted."""
    requests, size = api_key.requests_per_second, api_key.bytes_per_second
    project = api_key.project_id or ""
    rates = (
        Rate("key-requests", api_key.pk, REQUESTS, _or(requests, settings.EVENTLANE_KEY_REQUESTS_PER_SECOND)),
        Rate("key-bytes", api_key.pk, BYTES, _or(size, settings.EVENTLANE_KEY_BYTES_PER_SECOND)),
        Rate("project-requests", project, REQUESTS, settings.EVENTLANE_PROJECT_REQUESTS_PER_SECOND),
        Rate("project-bytes", project, BYTES, settings.EVENTLANE_PROJECT_BYTES_PER_SECOND),
    )
    return tuple(rate for rate in rates if rate.per_second)


def _or(own: int | None, otherwise: int) -> int:
    return otherwise if own is None else own
