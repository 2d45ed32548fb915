"""Links with which people set their password: an invitation to a new account, or a way back into an old one.

Eventlane sends no mail: whoever creates a link passes it on. A link contains a signature over the account's
password, address and last login. It stops working after its use, after a login, after a change of address, and after
EVENTLANE_PASSWORD_LINK_HOURS. Only the newest link of an account works.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from projects.models import Account


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """An address with which its holder can set the account's password once."""

    url: str
    end_time: datetime


class LinkTokens(PasswordResetTokenGenerator):
    """Django's tokens, but an account has only one at a time."""

    def _make_hash_value(self, user: Account, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.password_link_mark}"


link_tokens = LinkTokens()


def make_password_link(account: Account) -> PasswordLink:
    """Return a new link for the account; earlier ones stop working."""
    account.password_link_mark = secrets.token_hex(8)
    account.save(update_fields=["password_link_mark"])
    identifier = urlsafe_base64_encode(force_bytes(account.pk))
    path = reverse("account-password", args=[identifier, link_tokens.make_token(account)])
    end_time = timezone.now() + timedelta(hours=settings.EVENTLANE_PASSWORD_LINK_HOURS)
    return PasswordLink(f"{settings.EVENTLANE_PUBLIC_URL}{path}", end_time)


def use_password_link(account_id: str, token: str, password: str) -> Account | None:
    """Set the password and return the account, or None if the link doesn't work (any more)."""
    with transaction.atomic():  # if two people use one link at once, the second waits
        account = Account.objects.select_for_update(of=("self",)).filter(pk=account_id).first()
        if account is None or not account.is_active or not link_tokens.check_token(account, token):
            return None
        account.set_password(password)
        account.save(update_fields=["password"])
    return account
