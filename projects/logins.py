"""Checks passwords, with a brake: so many wrong ones for an account, and so many from an address, in a while.

    attempt ──▶ noted as a failure ──▶ too many others? ── yes ──▶ taken back; refused, the password isn't looked at
                                          │ no
                                          ▼
                                   right password? ── yes ──▶ the account's failures are forgotten
                                          │ no
                                          ▼
                                   stays noted

It is noted before it is checked, so that many at once are no way around the limit. What is refused doesn't count:
who waits gets in, however long others go on.

The identities of the platform API have nothing to do with this: they are secrets that tasks are given.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.signals import user_logged_in
from django.core.exceptions import PermissionDenied
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone

from eventlane.login import known_browser
from eventlane.wire.client_address import client_address, site_of
from eventlane.wire.seldom import SeldomLog
from projects.models import Account, LoginFailure

logger = logging.getLogger(__name__)
log_refusal = SeldomLog(logger.warning)


class BrakedBackend(ModelBackend):
    """Django's check of a password behind the brake. Without a request nobody outside asks, and there is none."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **fields: Any
    ) -> Account | None:
        """Return the account that the password is right for, else None.

        Raises PermissionDenied, with `request.login_wait_seconds` set, while there were too many wrong ones.
        """
        if request is None or username is None:
            return super().authenticate(request, username, password, **fields)
        address = client_address(request)
        attempt = _note(_account_key(request, username), site_of(address), timezone.now())
        if seconds := _seconds_to_wait(attempt):
            attempt.delete()
            vars(request)["login_wait_seconds"] = seconds
            log_refusal("refused a login of %s from %s: too many failures", _known_name(username), address)
            raise PermissionDenied
        account = super().authenticate(request, username, password, **fields)
        if account is None:
            logger.warning("failed login of %s from %s", _known_name(username), address)
        else:
            LoginFailure.objects.filter(account=attempt.account).delete()
        return account


@receiver(user_logged_in)
def log_login(sender: object, request: HttpRequest, user: Account, **_: Any) -> None:
    """Write down who came in from where, by password or by link."""
    logger.info("login of %s from %s", user.email, client_address(request))


def forget_failures(now: datetime) -> None:
    """Delete failures that don't count any more."""
    LoginFailure.objects.filter(time__lt=now - _window()).delete()


def _account_key(request: HttpRequest, username: str) -> str:
    """Return what failures are counted by: the account as it was typed, or the browser that its owner uses."""
    browser = known_browser(request, username)
    counted = f"browser {browser}" if browser else f"account {username.strip().lower()}"
    return hashlib.sha256(counted.encode()).hexdigest()


def _note(account_key: str, site: str, now: datetime) -> LoginFailure:
    return LoginFailure.objects.create(account=account_key, address=site, time=now)


def _seconds_to_wait(attempt: LoginFailure) -> float:
    """Return how long until so few failures count that this attempt may be made; 0 when it may."""
    since = attempt.time - _window()
    others = LoginFailure.objects.filter(time__gt=since).exclude(pk=attempt.pk).order_by("-time")
    blocking = [
        time
        for rows, limit in (
            (others.filter(account=attempt.account), settings.EVENTLANE_ACCOUNT_LOGIN_FAILURES),
            (others.filter(address=attempt.address), settings.EVENTLANE_ADDRESS_LOGIN_FAILURES),
        )
        for time in rows.values_list("time", flat=True)[limit - 1 : limit]
    ]
    return (max(blocking) - since).total_seconds() if blocking else 0.0


def _window() -> timedelta:
    return timedelta(seconds=settings.EVENTLANE_LOGIN_FAILURE_SECONDS)


def _known_name(username: str) -> str:
    """Return the account's name for the log; what isn't one may be a password in the wrong field."""
    known = Account.objects.filter(email__iexact=username).values_list("email", flat=True).first()
    return known or "an unknown account"
