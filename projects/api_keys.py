"""Issue, rotate and revoke API keys."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from eventlane.ids import ALPHABET
from projects.models import Account, ApiKey, Project

MARK = "evl_"
SECRET_CHARACTERS = 32  # of base 62: 190 bits, 143 of them hidden behind the visible prefix
PREFIX_CHARACTERS = len(MARK) + 8


def digest_of(secret: str) -> str:
    """Return what is stored of a secret. Plain SHA-256 will do: 190 random bits can't be searched."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_secret() -> str:
    """Return a new random key."""
    return MARK + "".join(secrets.choice(ALPHABET) for _ in range(SECRET_CHARACTERS))


def issue_api_key(
    *,
    account: Account,
    name: str,
    rights: Collection[str],
    project: Project | None = None,
    expiration_time: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key for `account`; return it and its secret, which can't be had again.

    The database refuses a key with no right, and the ingest right without a project.
    """
    if project is not None and project.organization_id != account.organization_id:
        raise ValueError("the project belongs to another organization")
    api_key = ApiKey(
        organization_id=account.organization_id,
        account=account,
        project=project,
        name=name,
        expiration_time=expiration_time,
        **dict.fromkeys(rights, True),
    )
    secret = seal_secret(api_key)
    api_key.save()
    return api_key, secret


def seal_secret(api_key: ApiKey) -> str:
    """Give a key that isn't saved yet a new secret: keep prefix and digest, return the secret."""
    secret = new_secret()
    api_key.prefix, api_key.digest = secret[:PREFIX_CHARACTERS], digest_of(secret)
    return secret


@transaction.atomic
def rotate_api_key(*, api_key: ApiKey, now: datetime, overlap: timedelta | None = None) -> tuple[ApiKey, str]:
    """Issue a successor with the same rights; the old key goes on for `overlap` (EVENTLANE_KEY_OVERLAP_HOURS)."""
    successor, secret = issue_api_key(
        account=api_key.account,
        name=api_key.name,
        rights=api_key.rights,
        project=api_key.project,
        expiration_time=api_key.expiration_time,
    )
    end = now + (timedelta(hours=settings.EVENTLANE_KEY_OVERLAP_HOURS) if overlap is None else overlap)
    api_key.expiration_time = min(end, api_key.expiration_time or end)
    api_key.replaced_by = successor
    api_key.save(update_fields=["expiration_time", "replaced_by"])
    return successor, secret


def revoke_api_key(*, api_key: ApiKey, now: datetime) -> None:
    """Stop a key for good. Revoking twice keeps the first time."""
    ApiKey.objects.filter(pk=api_key.pk, revocation_time=None).update(revocation_time=now)
    api_key.refresh_from_db(fields=["revocation_time"])
