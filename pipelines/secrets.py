"""Secrets at rest, encrypted with keys that aren't in the database (EVENTLANE_ENCRYPTION_KEYS).

The first key encrypts; every key decrypts. To change keys: put the new one first, restart everything, run
`manage.py rotate_secrets`, and remove the old one.
"""

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction
from django.db.models import Model

from pipelines.models import Hook, Identity

ENCRYPTED: dict[type[Model], tuple[str, ...]] = {
    Identity: ("encrypted_data",),
    Hook: ("encrypted_token", "encrypted_secret"),
}
BATCH_ROWS = 200


class UnreadableSecret(Exception):
    """No key decrypts it: its key is gone, or it was tampered with."""


def encrypt(data: bytes) -> bytes:
    """Encrypt data with the first key."""
    return _cipher(tuple(settings.EVENTLANE_ENCRYPTION_KEYS)).encrypt(data)


def decrypt(cipher: bytes | memoryview) -> bytes:
    """Decrypt what `encrypt` returned, with whichever key; raise UnreadableSecret."""
    try:
        return _cipher(tuple(settings.EVENTLANE_ENCRYPTION_KEYS)).decrypt(bytes(cipher))
    except InvalidToken:
        raise UnreadableSecret("no key of EVENTLANE_ENCRYPTION_KEYS decrypts it") from None


def rotate_secrets(model: type[Model]) -> Counter[str]:
    """Encrypt a model's secrets with the first key; count those rotated, already current, and unreadable.

    Each batch is its own transaction and skips current ones: it can be stopped and run again.
    """
    counts: Counter[str] = Counter()
    last: str | None = ""
    while last is not None:
        with transaction.atomic():
            rows = model._default_manager.select_for_update().filter(pk__gt=last).order_by("pk")[:BATCH_ROWS]
            last = None
            for row in rows:
                last = row.pk
                counts.update(_rotate_row(row))
    return counts


def _rotate_row(row: Model) -> Iterator[str]:
    """Rotate each secret of a locked row; yield the outcome of each."""
    for field in ENCRYPTED[type(row)]:
        cipher = getattr(row, field)
        if cipher is None:
            continue
        state = _state_of(bytes(cipher))
        if state == "rotated":
            type(row)._default_manager.filter(pk=row.pk).update(**{field: encrypt(decrypt(cipher))})
        yield state


def _state_of(cipher: bytes) -> str:
    try:
        Fernet(settings.EVENTLANE_ENCRYPTION_KEYS[0]).decrypt(cipher)
        return "current"
    except InvalidToken:
        pass  # encrypted with an older key, or unreadable
    try:
        decrypt(cipher)
    except UnreadableSecret:
        return "unreadable"
    return "rotated"


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
