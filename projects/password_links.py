"""Links with which a person sets a password: an invitation to a new account, a way back into one.

Eventlane sends no mail: whoever makes a link hands it over. A link holds a signed mark of the account's
password, address and last login, so it stops working when it was used, when the person logs in, when the
address changes, and after EVENTLANE_PASSWORD_LINK_HOURS. Only the newest one of an account works.
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
    """An address that lets its holder set the account's password, once."""

    url: str
    end_time: datetime


class LinkTokens(PasswordResetTokenGenerator):
    """Django's tokens, of which an account has one at a time."""

    def _make_hash_value(self, user: Account, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.password_link_mark}"


link_tokens = LinkTokens()


def make_password_link(account: Account) -> PasswordLink:
    """Return a new link for the account; earlier ones end."""
    account.password_link_mark = secrets.token_hex(8)
    account.save(update_fields=["password_link_mark"])
    identifier = urlsafe_base64_encode(force_bytes(account.pk))
    path = reverse("account-password", args=[identifier, link_tokens.make_token(account)])
    end_time = timezone.now() + timedelta(hours=settings.EVENTLANE_PASSWORD_LINK_HOURS)
    return PasswordLink(f"{settings.EVENTLANE_PUBLIC_URL}{path}", end_time)


def use_password_link(account_id: str, token: str, password: str) -> Account | None:
    """Set the password and return the account; None when the link doesn't work (any more)."""
    with transaction.atomic():  # two who use one link at once come one after the other
        account = Account.objects.select_for_update(of=("self",)).filter(pk=account_id).first()
        if account is None or not account.is_active or not link_tokens.check_token(account, token):
            return None
        account.set_password(password)
        account.save(update_fields=["password"])
    return account
