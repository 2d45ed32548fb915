"""Checks passwords, with limits on wrong ones per account and per address within a time.

    attempt ──▶ recorded as a failure ──▶ too many others? ── yes ──▶ withdrawn; refused without checking the password
                                             │ no
                                             ▼
                                      right password? ── yes ──▶ the account's failures are deleted
                                             │ no
                                             ▼
                                      stays recorded

An attempt is recorded before the check, so many attempts at once can't get around the limit. Refused attempts don't
count: after waiting, the user gets in, however long others keep trying.

The identities of the platform API are unrelated: they are secrets for tasks.
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
    """Django's password check with limits. Calls without a request don't come from outside and have no limit."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **fields: Any
    ) -> Account | None:
        """Return the account if the password is right, otherwise None.

        Raises PermissionDenied, with `request.login_wait_seconds` set, after too many wrong passwords.
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
    """Log who logged in, and from where, by password or by link."""
    logger.info("login of %s from %s", user.email, client_address(request))


def forget_failures(now: datetime) -> None:
    """Delete failures that no longer count."""
    LoginFailure.objects.filter(time__lt=now - _window()).delete()


def _account_key(request: HttpRequest, username: str) -> str:
    """Return what failures are counted by: the account as typed, or a browser that its owner uses."""
    browser = known_browser(request, username)
    counted = f"browser {browser}" if browser else f"account {username.strip().lower()}"
    return hashlib.sha256(counted.encode()).hexdigest()


def _note(account_key: str, site: str, now: datetime) -> LoginFailure:
    return LoginFailure.objects.create(account=account_key, address=site, time=now)


def _seconds_to_wait(attempt: LoginFailure) -> float:
    """Return how long until few enough failures count for this attempt; 0 if it is allowed now."""
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
    """Return the account's name for the log. Anything else isn't logged: it may be a password in the wrong field."""
    known = Account.objects.filter(email__iexact=username).values_list("email", flat=True).first()
    return known or "an unknown account"
