"""Find the account behind an API key. The DRF settings and the views name these classes."""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from eventlane.api.authentication import Bearer, KeyAuthentication, XApiKey
from eventlane.wire.errors import AccountDisabled, OrganizationDisabled, UnknownApiKey
from projects.api_keys import digest_of
from projects.models import Account, ApiKey


class ApiKeyAuthentication(KeyAuthentication):
    """Queries the database every time: a revoked key stops working with the next request."""

    def find(self, secret: str) -> tuple[Account, ApiKey]:
        """Return the account and the key with this secret, unless one of them is disabled."""
        keys = ApiKey.objects.select_related("account", "organization")
        api_key = keys.filter(digest=digest_of(secret)).first()
        api_key = check_in_use(api_key, self.missing[1])
        _note_use(api_key)
        return api_key.account, api_key


class BearerAuthentication(Bearer, ApiKeyAuthentication):
    """For the platform API."""


class XApiKeyAuthentication(XApiKey, ApiKeyAuthentication):
    """For the part of the Events API that DRF serves."""


def check_in_use(api_key: ApiKey | None, challenge: str = "") -> ApiKey:
    """Return a key that was looked for; raise UnknownApiKey, OrganizationDisabled or AccountDisabled."""
    if api_key is None or api_key.status(timezone.now()) != "active":
        raise UnknownApiKey("This API key is unknown, revoked or expired.", challenge)
    if api_key.organization.disabled:
        raise OrganizationDisabled
    if api_key.account.disabled:
        raise AccountDisabled
    return api_key


def _note_use(api_key: ApiKey) -> None:
    """Record the key's last use at most once in EVENTLANE_LAST_USE_SECONDS, across all processes."""
    now = timezone.now()
    due = now - timedelta(seconds=settings.EVENTLANE_LAST_USE_SECONDS)
    if api_key.last_use_time is None or api_key.last_use_time <= due:
        is_due = Q(last_use_time=None) | Q(last_use_time__lte=due)
        ApiKey.objects.filter(is_due, pk=api_key.pk).update(last_use_time=now)
