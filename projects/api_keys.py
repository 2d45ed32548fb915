"""Issue, rotate and revoke API keys."""

import hashlib
import secrets
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from eventlane.ids import ALPHABET
from eventlane.wire.errors import UnknownApiKey
from projects.models import Account, ApiKey, Project

SECRET_PREFIX = "evl_"
SECRET_CHARACTERS = 32  # of base 62: 190 bits, 143 of them in the hidden part
PREFIX_CHARACTERS = len(SECRET_PREFIX) + 8


def digest_of(secret: str) -> str:
    """Return a secret's digest, which is stored instead. Plain SHA-256 is enough: nobody can search 190 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """Return a new random key."""
    return SECRET_PREFIX + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARACTERS))


def issue_api_key(
    *,
    account: Account,
    name: str,
    rights: Collection[str],
    project: Project | None = None,
    expiration_time: datetime | None = None,
    created_by_key: ApiKey | None = None,
    answer_200: bool = False,
    requests_per_second: int | None = None,
    bytes_per_second: int | None = None,
    quarantine_after: int | None = None,
) -> tuple[ApiKey, str]:
    """Create a key for `account`; return it and its secret, which can't be retrieved again.

    It expires no later than the key that created it, so a key leaked for an hour can't be kept for years.
    The database refuses a key without rights, and the right to ingest without a project.
    """
    if project is not None and project.organization_id != account.organization_id:
        raise ValueError("the project belongs to another organization")
    api_key = ApiKey(
        organization_id=account.organization_id,
        account=account,
        project=project,
        name=name,
        expiration_time=earliest(expiration_time, created_by_key.expiration_time if created_by_key else None),
        created_by_key=created_by_key,
        answer_200=answer_200,
        requests_per_second=requests_per_second,
        bytes_per_second=bytes_per_second,
        quarantine_after=quarantine_after,
        **dict.fromkeys(rights, True),
    )
    secret = seal_secret(api_key)
    api_key.save()
    return api_key, secret


def seal_secret(api_key: ApiKey) -> str:
    """Give an unsaved key a new secret: set prefix and digest, return the secret."""
    secret = new_secret()
    api_key.prefix, api_key.digest = secret[:PREFIX_CHARACTERS], digest_of(secret)
    return secret


def earliest(*times: datetime | None) -> datetime | None:
    """Return the earliest time, where None means never."""
    return min((time for time in times if time), default=None)


def lock_active(api_key: ApiKey, now: datetime) -> ApiKey:
    """Lock the key that creates another one until that one exists: revoking its descendants then finds them all.

    Needs a transaction. Raises UnknownApiKey if it was revoked or has expired meanwhile.
    """
    locked = ApiKey.objects.select_for_update(of=("self",), no_key=True).filter(pk=api_key.pk).first()
    if locked is None or locked.status(now) != "active":
        raise UnknownApiKey("This API key was revoked or has expired.")
    return locked


@transaction.atomic
def rotate_api_key(
    *, api_key: ApiKey, now: datetime, overlap: timedelta | None = None, created_by_key: ApiKey | None = None
) -> tuple[ApiKey, str]:
    """Issue a successor with the same rights; the old key keeps working for `overlap` (EVENTLANE_KEY_OVERLAP_HOURS).

    `created_by_key` is the key that asked for it and thus knows the successor's secret; None for a person.
    """
    successor, secret = issue_api_key(
        account=api_key.account,
        name=api_key.name,
        rights=api_key.rights,
        project=api_key.project,
        expiration_time=api_key.expiration_time,
        created_by_key=created_by_key,
        answer_200=api_key.answer_200,
        requests_per_second=api_key.requests_per_second,
        bytes_per_second=api_key.bytes_per_second,
        quarantine_after=api_key.quarantine_after,
    )
    end = now + (timedelta(hours=settings.EVENTLANE_KEY_OVERLAP_HOURS) if overlap is None else overlap)
    api_key.expiration_time = min(end, api_key.expiration_time or end)
    api_key.replaced_by = successor
    api_key.save(update_fields=["expiration_time", "replaced_by"])
    return successor, secret


@transaction.atomic
def revoke_api_key(*, api_key: ApiKey, now: datetime) -> list[ApiKey]:
    """Revoke a key for good and return it, or nothing if it was already revoked: the first time counts."""
    return _revoke(ApiKey.objects.filter(pk=api_key.pk), now)


@transaction.atomic
def revoke_with_descendants(*, api_key: ApiKey, now: datetime) -> list[ApiKey]:
    """Revoke a key and its descendants; return those that weren't revoked before."""
    return [one for generation in _generations(api_key) for one in _revoke(generation, now)]


def descendants_of(api_key: ApiKey) -> list[ApiKey]:
    """Return the keys created with a key, directly or through others, whether they work or not."""
    return [one for generation in list(_generations(api_key))[1:] for one in generation]


@transaction.atomic
def set_expiration(api_key: ApiKey, time: datetime) -> None:
    """Set when a key expires. None of the keys created with it outlives it."""
    ApiKey.objects.filter(pk=api_key.pk).update(expiration_time=time)
    later = Q(expiration_time=None) | Q(expiration_time__gt=time)
    ApiKey.objects.filter(later, pk__in=[one.pk for one in descendants_of(api_key)]).update(expiration_time=time)


def _revoke(api_keys: QuerySet[ApiKey], now: datetime) -> list[ApiKey]:
    working = list(api_keys.filter(revocation_time=None).select_for_update())
    ApiKey.objects.filter(pk__in=[one.pk for one in working]).update(revocation_time=now)
    return working


def _generations(api_key: ApiKey) -> Iterator[QuerySet[ApiKey]]:
    """Yield the key itself, the keys created with it, the keys created with those, one query per generation."""
    found = [api_key.pk]
    while found:
        yield ApiKey.objects.filter(pk__in=found).order_by("creation_time", "pk")
        found = list(ApiKey.objects.filter(created_by_key__in=found).values_list("pk", flat=True))
