"""Hooks: the secret addresses that other services send to, one for each project and connector.

Whoever knows an address may send to it, or where the hook has a secret, whoever signs with that, too. Both are of 32
random bytes, which nobody guesses.
"""

import secrets
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from eventlane.wire.errors import StateError, UnknownObject
from projects.api_keys import digest_of
from projects.models import Hook, Project, Subscription
from projects.secrets import decrypt, encrypt

SIGNING_CONNECTORS = ("github",)  # their senders always sign with a secret; others where the hook has one
HOOK_CONNECTORS = ("github", "webhook")
TOKEN_BYTES = SECRET_BYTES = 32


def hooks_of(project: Project) -> QuerySet[Hook]:
    """Return the project's hooks, each with its project."""
    return Hook.objects.filter(project=project).select_related("project")


def get_hook(project: Project, hook_id: str) -> Hook:
    """Return one of the project's hooks, or raise UnknownObject."""
    hook = hooks_of(project).filter(pk=hook_id).first()
    if hook is None:
        raise UnknownObject("hook")
    return hook


def find_hook(token: str) -> Hook | None:
    """Return the hook with this token, None when there is none or its organization is disabled."""
    hooks = Hook.objects.select_related("project").filter(project__organization__disabled=False)
    return hooks.filter(digest=digest_of(token)).first()


def ensure_hooks(project: Project) -> None:
    """Make the hooks that the project's triggers need and that aren't there. A hook no longer needed stays."""
    listened = Subscription.objects.filter(project=project, connector__in=HOOK_CONNECTORS).values_list("connector")
    missing = {connector for (connector,) in listened} - {hook.connector for hook in hooks_of(project)}
    hooks = [Hook(project=project, connector=connector) for connector in sorted(missing)]
    for hook in hooks:
        _give_token(hook)
    Hook.objects.bulk_create(hooks, ignore_conflicts=True)  # another deployment may have been faster


def renew_token(hook: Hook) -> None:
    """Give a hook a new address, and a new secret where it has one. The old ones stop at once."""
    _give_token(hook)
    hook.save(update_fields=["digest", "encrypted_token", "encrypted_secret"])


def require_signatures(hook: Hook) -> None:
    """Give a hook a secret: from now on deliveries have to be signed with it, and with no earlier one."""
    _give_secret(hook)
    hook.save(update_fields=["encrypted_secret"])


def accept_unsigned(hook: Hook) -> None:
    """Take a hook's secret away: the address alone lets in. Raises StateError where senders always sign."""
    if hook.connector in SIGNING_CONNECTORS:
        raise StateError("hook_always_signed", f"Deliveries of {hook.connector} are always signed.")
    hook.encrypted_secret = None
    hook.save(update_fields=["encrypted_secret"])


def hook_address(hook: Hook) -> str:
    """Return where to send to, its secret token included; of the connector webhook, the event's name follows.

    Raises UnreadableSecret when the key that encrypted it is gone.
    """
    return f"{settings.EVENTLANE_PUBLIC_URL}/hooks/{decrypt(hook.encrypted_token).decode()}"


def hook_secret(hook: Hook) -> str | None:
    """Return what senders sign with, None where they don't. Raises UnreadableSecret as `hook_address`."""
    return None if hook.encrypted_secret is None else decrypt(hook.encrypted_secret).decode()


def note_use(hook: Hook) -> None:
    """Write that a hook was used now, at most once in EVENTLANE_LAST_USE_SECONDS."""
    now = timezone.now()
    due = Q(last_use_time=None) | Q(last_use_time__lte=now - timedelta(seconds=settings.EVENTLANE_LAST_USE_SECONDS))
    Hook.objects.filter(due, pk=hook.pk).update(last_use_time=now)


def seconds_to_wait(hook: Hook, now: datetime) -> float:
    """Return how long until a hook takes deliveries again, as it was when it was read; 0 when it does."""
    if settings.EVENTLANE_HOOK_RATE_LIMIT is None or hook.window_start_time is None:
        return 0.0
    most, seconds = settings.EVENTLANE_HOOK_RATE_LIMIT
    passed = (now - hook.window_start_time).total_seconds()
    is_over = hook.window_deliveries >= most and -seconds < passed < seconds
    return float(seconds - max(passed, 0.0)) if is_over else 0.0


def count_delivery(hook: Hook, now: datetime) -> float:
    """Count a delivery, in all processes together. Return 0, or how long to wait when there were too many."""
    if settings.EVENTLANE_HOOK_RATE_LIMIT is None:
        return 0.0
    most, seconds = settings.EVENTLANE_HOOK_RATE_LIMIT
    window = timedelta(seconds=seconds)
    running = Q(window_start_time__gt=now - window, window_start_time__lt=now + window)  # a clock may have been wrong
    rows = Hook.objects.filter(pk=hook.pk)
    in_window = rows.filter(running, window_deliveries__lt=most)
    one_more = partial(in_window.update, window_deliveries=F("window_deliveries") + 1)
    ended = rows.filter(Q(window_start_time=None) | ~running)
    # Another process may begin the window in between: then there is room in that one.
    if one_more() or ended.update(window_start_time=now, window_deliveries=1) or one_more():
        return 0.0
    hook.refresh_from_db(fields=["window_start_time", "window_deliveries"])
    return seconds_to_wait(hook, now) or 1.0


def _give_token(hook: Hook) -> None:
    token = secrets.token_urlsafe(TOKEN_BYTES)
    hook.digest, hook.encrypted_token = digest_of(token), encrypt(token.encode())
    if hook.connector in SIGNING_CONNECTORS or hook.encrypted_secret is not None:
        _give_secret(hook)


def _give_secret(hook: Hook) -> None:
    hook.encrypted_secret = encrypt(secrets.token_hex(SECRET_BYTES).encode())
