"""Hooks: the secret addresses that other services send to, one for each project and connector.

Whoever knows an address may send to it; if the hook has a secret, the sender must sign with it, too. Both are 32
random bytes, which nobody can guess.
"""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from eventlane.lookup import get_or_unknown
from eventlane.wire.errors import StateError
from pipelines.models import Hook, Subscription
from pipelines.secrets import decrypt, encrypt
from projects.api_keys import digest_of
from projects.models import Project
from projects.windows import Window

SIGNING_CONNECTORS = ("github",)  # their senders always sign; for others, signing is optional
HOOK_CONNECTORS = ("github", "webhook")
TOKEN_BYTES = SECRET_BYTES = 32
DELIVERIES = Window(Hook, "window_start_time", "window_deliveries")


def hooks_of(project: Project) -> QuerySet[Hook]:
    """Return the project's hooks, each with its project."""
    return Hook.objects.filter(project=project).select_related("project")


def get_hook(project: Project, hook_id: str) -> Hook:
    """Return a hook of the project, or raise UnknownObject."""
    return get_or_unknown(hooks_of(project), "hook", pk=hook_id)


def find_hook(token: str) -> Hook | None:
    """Return the hook with this token, or None if there is none or its organization is disabled."""
    hooks = Hook.objects.select_related("project").filter(project__organization__disabled=False)
    return hooks.filter(digest=digest_of(token)).first()


def ensure_hooks(project: Project) -> None:
    """Create the missing hooks that the project's triggers need. A hook that is no longer needed stays."""
    listened = Subscription.objects.filter(project=project, connector__in=HOOK_CONNECTORS).values_list("connector")
    missing = {connector for (connector,) in listened} - {hook.connector for hook in hooks_of(project)}
    hooks = [Hook(project=project, connector=connector) for connector in sorted(missing)]
    for hook in hooks:
        _give_token(hook)
    Hook.objects.bulk_create(hooks, ignore_conflicts=True)  # another deployment may have been faster


def renew_token(hook: Hook) -> None:
    """Give a hook a new address, and a new secret if it has one. The old ones stop working at once."""
    _give_token(hook)
    hook.save(update_fields=["digest", "encrypted_token", "encrypted_secret"])


def require_signatures(hook: Hook) -> None:
    """Give a hook a new secret: from now on, deliveries must be signed with it."""
    _give_secret(hook)
    hook.save(update_fields=["encrypted_secret"])


def accept_unsigned(hook: Hook) -> None:
    """Remove a hook's secret: the address alone is enough. Raises StateError if senders always sign."""
    if hook.connector in SIGNING_CONNECTORS:
        raise StateError("hook_always_signed", f"Deliveries of {hook.connector} are always signed.")
    hook.encrypted_secret = None
    hook.save(update_fields=["encrypted_secret"])


def hook_address(hook: Hook) -> str:
    """Return the address to send to, including its secret token. For the connector webhook, append the event's name.

    Raises UnreadableSecret if the key that encrypted it is gone.
    """
    return f"{settings.EVENTLANE_PUBLIC_URL}/hooks/{decrypt(hook.encrypted_token).decode()}"


def hook_secret(hook: Hook) -> str | None:
    """Return the secret that senders sign with, or None. Raises UnreadableSecret like `hook_address`."""
    return None if hook.encrypted_secret is None else decrypt(hook.encrypted_secret).decode()


def note_use(hook: Hook) -> None:
    """Record that a hook was used now, at most once in EVENTLANE_LAST_USE_SECONDS."""
    now = timezone.now()
    due = Q(last_use_time=None) | Q(last_use_time__lte=now - timedelta(seconds=settings.EVENTLANE_LAST_USE_SECONDS))
    Hook.objects.filter(due, pk=hook.pk).update(last_use_time=now)


def _give_token(hook: Hook) -> None:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    hook.digest, hook.encrypted_token = digest_of(token), encrypt(token.encode())
    if hook.connector in SIGNING_CONNECTORS or hook.encrypted_secret is not None:
        _give_secret(hook)


def _give_secret(hook: Hook) -> None:
    hook.encrypted_secret = encrypt(secrets.token_hex(SECRET_BYTES).encode())
